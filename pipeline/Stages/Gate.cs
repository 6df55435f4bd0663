using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>A bound that a run must keep: on a metric, on a sum or difference of metrics, or on how much worse than the last lock it may be.</summary>
public sealed partial record Gate
{
    public required string Name { get; init; }

    /// <summary>As written: <c>mim.mutual_information_ksg - vae.mutual_information_ksg</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>As written: <c>&gt;= 0.3</c>, <c>&lt;= 1e-5</c> or <c>regress &lt;= 2%</c>.</summary>
    public required string Expect { get; init; }

    /// <summary>Aliases whose files the metric reads.</summary>
    public required IReadOnlyList<string> Aliases { get; init; }

    /// <summary>Whether the bound is relative to the value in the lock.</summary>
    public bool IsRegression { get; init; }

    IReadOnlyList<(double Sign, string Alias, string Key)> Terms { get; init; } = [];

    bool AtLeast { get; init; }

    double Bound { get; init; }

    bool HigherIsBetter { get; init; }

    /// <param name="fault">Takes what is wrong; null is returned after it was called.</param>
    public static Gate? Parse(string name, string metric, string expect, string? better, IReadOnlyCollection<string> aliases, Action<string> fault)
    {
        var terms = new List<(double, string, string)>();
        var words = metric.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length; i += 2)
        {
            // A setting's name may have a point in it.
            var known = aliases.Where(a => words[i].StartsWith($"{a}.", StringComparison.Ordinal)).MaxBy(a => a.Length);
            var dot = known?.Length ?? words[i].IndexOf('.', StringComparison.Ordinal);
            var alias = dot < 0 ? words[i] : words[i][..dot];
            if (dot < 1 || dot == words[i].Length - 1 || (i > 0 && words[i - 1] is not ("+" or "-")))
            {
                fault($"gate '{name}': expected metrics such as 'mim.rate' joined by ' + ' or ' - ', found '{metric}'.");
                return null;
            }
            if (!aliases.Contains(alias))
            {
                fault($"gate '{name}': unknown metrics '{alias}'.{Nearest.Hint(alias, aliases)}");
                return null;
            }
            terms.Add((i > 0 && words[i - 1] == "-" ? -1 : 1, alias, words[i][(dot + 1)..]));
        }
        var bound = BoundForm().Match(expect);
        var regression = bound.Success && bound.Groups["regress"].Success;
        if (!bound.Success || words.Length % 2 == 0 || regression != bound.Groups["percent"].Success || (regression && bound.Groups["operator"].Value != "<="))
        {
            fault($"gate '{name}': expected a bound such as '>= 0.3', '<= 1e-5' or 'regress <= 2%', found '{expect}'.");
            return null;
        }
        if (regression != better is not null)
        {
            fault($"gate '{name}': 'better: higher' or 'better: lower' goes with 'regress' and with nothing else.");
            return null;
        }
        return new Gate
        {
            Name = name,
            Metric = metric,
            Expect = expect,
            Aliases = [.. terms.Select(t => t.Item2).Distinct()],
            Terms = terms,
            IsRegression = regression,
            AtLeast = bound.Groups["operator"].Value == ">=",
            Bound = double.Parse(bound.Groups["bound"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture) / (regression ? 100 : 1),
            HigherIsBetter = better == "higher",
        };
    }

    /// <param name="read">The numbers behind an alias.</param>
    /// <param name="file">The file behind an alias, for the message.</param>
    public double Evaluate(Func<string, IReadOnlyDictionary<string, double>> read, Func<string, string> file) => Terms.Sum(term =>
        read(term.Alias) is var values && values.TryGetValue(term.Key, out var value)
            ? term.Sign * value
            : throw new UsageException($"{file(term.Alias)}: expected the metric '{term.Key}' for gate '{Name}', found none.{Nearest.Hint(term.Key, values.Keys)}"));

    /// <param name="found">The metric's value; NaN keeps no bound.</param>
    /// <param name="locked">Its value in the last lock whose gates held; null: nothing to be worse than.</param>
    public GateResult Judge(double found, double? locked)
    {
        if (!IsRegression)
        {
            return new GateResult(this, found, null, AtLeast ? found >= Bound : found <= Bound);
        }
        var worse = locked is not { } last ? 0 : (HigherIsBetter ? last - found : found - last) / Math.Max(Math.Abs(last), double.Epsilon);
        return new GateResult(this, found, locked, double.IsFinite(found) && worse <= Bound);
    }

    [GeneratedRegex(@"^(?<regress>regress\s+)?(?<operator>>=|<=)\s*(?<bound>[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?)\s*(?<percent>%)?$")]
    private static partial Regex BoundForm();
}

/// <param name="Locked">What the bound of a regression gate is relative to.</param>
public sealed record GateResult(Gate Gate, double Found, double? Locked, bool Held)
{
    /// <summary>Metric, found, bound: one line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"gate '{Gate.Name}' {(Held ? "holds" : "FAILED")}: {Gate.Metric}: found {Found:G6}, bound {Gate.Expect}{(Gate.IsRegression ? Locked is { } last ? $" of the last {last:G6}" : " (no earlier value)" : "")}");
}
