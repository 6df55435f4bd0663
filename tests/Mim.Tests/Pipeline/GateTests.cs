using Mim.Models;
using Mim.Pipeline;

namespace Mim.Tests.Pipeline;

public sealed class GateTests
{
    static readonly Dictionary<string, IReadOnlyDictionary<string, double>> s_metrics = new()
    {
        ["mim"] = new Dictionary<string, double> { ["mi"] = 2.5, ["knn.accuracy"] = 0.96, ["broken"] = double.NaN },
        ["vae"] = new Dictionary<string, double> { ["mi"] = 2.0 },
    };

    static Gate Parse(string metric, string expect, string? better = null) =>
        Gate.Parse("g", metric, expect, better, s_metrics.Keys, Assert.Fail) ?? throw new InvalidOperationException("no gate");

    static double Evaluate(Gate gate) => gate.Evaluate(alias => s_metrics[alias], alias => $"{alias}.json");

    [Theory]
    [InlineData("mim.mi - vae.mi", ">= 0.5", true)]
    [InlineData("mim.mi - vae.mi", ">= 0.51", false)]
    [InlineData("mim.mi + vae.mi - mim.mi", "<= 2", true)]
    [InlineData("mim.knn.accuracy", ">= 0.95", true)]
    [InlineData("mim.knn.accuracy", "<= 9.5e-1", false)]
    [InlineData("mim.broken", ">= 0", false)]
    [InlineData("mim.broken", "<= 0", false)]
    public void A_bound_holds_or_not(string metric, string expect, bool held)
    {
        var gate = Parse(metric, expect);
        Assert.Equal(held, gate.Judge(Evaluate(gate), null).Held);
    }

    [Theory]
    [InlineData("higher", 0.981, 1.0, true)]
    [InlineData("higher", 0.979, 1.0, false)]
    [InlineData("higher", 5.0, 1.0, true)]
    [InlineData("lower", 1.019, 1.0, true)]
    [InlineData("lower", 1.021, 1.0, false)]
    [InlineData("lower", -10.3, -10.0, true)]
    [InlineData("higher", -10.3, -10.0, false)]
    [InlineData("lower", double.NaN, 1.0, false)]
    public void A_regression_is_relative_to_the_locked_value_in_the_bad_direction_only(string better, double found, double locked, bool held) =>
        Assert.Equal(held, Parse("mim.mi", "regress <= 2%", better).Judge(found, locked).Held);

    [Fact]
    public void There_is_nothing_to_be_worse_than_at_first() => Assert.True(Parse("mim.mi", "regress <= 0%", "higher").Judge(1, null).Held);

    [Fact]
    public void A_metric_that_is_not_in_the_file_is_named_with_the_nearest_one() =>
        Assert.Equal(
            "vae.json: expected the metric 'mj' for gate 'g', found none. Did you mean 'mi'?",
            Assert.Throws<UsageException>(() => Evaluate(Parse("vae.mj", ">= 0"))).Message);
}
