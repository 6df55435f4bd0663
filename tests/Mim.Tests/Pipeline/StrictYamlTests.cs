using Mim.Configuration;
using Mim.Models;

namespace Mim.Tests.Pipeline;

public sealed class StrictYamlTests
{
    static string MessageOf(string yaml, Action<YamlMapping> read) => Assert.Throws<UsageException>(() =>
    {
        var top = StrictYaml.Parse(yaml, "a.yml");
        read(top);
        top.Faults.ThrowIfAny();
    }).Message;

    [Fact]
    public void An_unknown_key_is_named_with_its_line_its_place_and_the_nearest_known_key() =>
        Assert.Equal(
            "a.yml:3: unknown key 'lerning_rate' in 'trainer'. Did you mean 'learning_rate'?",
            MessageOf("seed: 1\ntrainer:\n  lerning_rate: 1\n", top => top.Allow("seed", "trainer").Mapping("trainer", "learning_rate", "epochs")));

    [Fact]
    public void All_faults_stand_in_one_message() =>
        Assert.Equal(
            "a.yml:1: unknown key 'zed'. Known: epochs, rate.\na.yml:2: 'epochs': expected an integer, found '1.5'.\na.yml:3: 'rate': expected a finite number, found 'fast'.",
            MessageOf("zed: 1\nepochs: 1.5\nrate: fast\n", top =>
            {
                top.Allow("epochs", "rate");
                top.Int32("epochs");
                top.Double("rate");
            }));

    [Theory]
    [InlineData("1.0e-3", 1e-3)]
    [InlineData("1e-3", 1e-3)]
    [InlineData("1E3", 1e3)]
    [InlineData(".5", 0.5)]
    [InlineData("-2.", -2.0)]
    [InlineData("+7", 7.0)]
    public void Numbers_are_those_of_yaml_1_2(string text, double value) =>
        Assert.Equal(value, StrictYaml.Parse($"a: {text}", "a.yml").Double("a"));

    [Theory]
    [InlineData("1,5")]
    [InlineData("1e")]
    [InlineData("'1'")]
    [InlineData(".inf")]
    [InlineData("1e999")]
    [InlineData("0x10")]
    public void What_only_looks_like_a_number_is_none(string text) =>
        Assert.Contains("expected a finite number", MessageOf($"a: {text}", top => top.Double("a")), StringComparison.Ordinal);

    [Theory]
    [InlineData("a: 1\na: 2\n", "a.yml:2: key 'a' stands twice")]
    [InlineData("a: &x [1]\nb: *x\n", "a.yml:1: anchors and tags")]
    [InlineData("a: !!int 1\n", "a.yml:1: anchors and tags")]
    [InlineData("a: 1\n---\nb: 2\n", "a.yml:2: expected one document")]
    [InlineData("- 1\n", "a.yml:1: expected 'key: value' lines, found a list")]
    [InlineData("a: [1\nb: 2\n", "a.yml:")]
    public void What_is_not_a_plain_mapping_is_refused_with_its_line(string yaml, string start) =>
        Assert.StartsWith(start, MessageOf(yaml, _ => { }), StringComparison.Ordinal);

    [Fact]
    public void Deep_nesting_is_refused_before_it_reaches_the_stack() =>
        Assert.Contains("at most 32 levels", MessageOf($"a: {new string('[', 200)}", _ => { }), StringComparison.Ordinal);

    [Fact]
    public void A_flag_lies_over_the_file_and_is_blamed_by_its_own_name()
    {
        var top = StrictYaml.Parse("network: { z: 8 }\n", "a.yml");
        top.Set("network.z", "16", "--network.z");
        top.Set("network.hidden", "[500, 500]", "--network.hidden");
        Assert.Equal(16, top.Mapping("network")?.Int32("z"));
        Assert.Equal([500, 500], top.Mapping("network")?.Int32s("hidden"));
        top.Set("network.z", "many", "--network.z");
        top.Mapping("network")?.Int32("z");
        Assert.Equal("--network.z: expected an integer, found 'many'.", Assert.Throws<UsageException>(top.Faults.ThrowIfAny).Message);
    }
}
