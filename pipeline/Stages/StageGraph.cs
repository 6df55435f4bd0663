using Mim.Configuration;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>Which stage follows from which: a dep that is, holds, or lies in another stage's out makes the edge.</summary>
public sealed class StageGraph
{
    readonly Dictionary<string, Stage> _stages;
    readonly Dictionary<string, IReadOnlyList<string>> _before;

    public StageGraph(IReadOnlyList<Stage> stages)
    {
        _stages = stages.ToDictionary(s => s.Name);
        _before = stages.ToDictionary(s => s.Name, s => ProducersOf(s, stages));
        Ordered = Sort(stages, _before, out _);
    }

    /// <summary>Every stage after those it needs; otherwise in file order.</summary>
    public IReadOnlyList<Stage> Ordered { get; }

    /// <summary>The stages whose outs a stage depends on.</summary>
    public IReadOnlyList<string> Before(string stage) => _before[stage];

    /// <summary>Whether a stage of this pipeline writes the dep.</summary>
    public bool IsProduced(string dep) => _stages.Values.Any(s => s.Outs.Any(o => Overlap(o, dep)));

    /// <summary>A stage and all that it needs.</summary>
    public IReadOnlySet<string> UpTo(string stage) => Closure(stage, name => Before(name));

    /// <summary>A stage and all that follows from it.</summary>
    public IReadOnlySet<string> From(string stage) => Closure(stage, name => _before.Where(b => b.Value.Contains(name)).Select(b => b.Key));

    /// <summary>train@5-mim → train.</summary>
    public static string TemplateOf(string stage) => stage.Split('@', 2)[0];

    /// <summary>The stage of that name, or all that a matrix made of it.</summary>
    public IReadOnlyList<Stage> RequireAll(string name, string flag) =>
        _stages.Values.Where(s => TemplateOf(s.Name) == name).ToArray() is { Length: > 0 } made ? made : [Require(name, flag)];

    public Stage Require(string name, string flag) => _stages.TryGetValue(name, out var stage)
        ? stage
        : throw new UsageException($"{flag} {name}: unknown stage.{Nearest.Hint(name, _stages.Keys)}");

    internal static void Check(IReadOnlyList<Stage> stages, YamlFaults faults, Func<string, string> where)
    {
        for (var i = 0; i < stages.Count; i++)
        {
            foreach (var path in stages[i].Outs)
            {
                foreach (var other in stages.Take(i))
                {
                    foreach (var taken in other.Outs.Where(o => Overlap(o, path)))
                    {
                        faults.Add(where(stages[i].Name), taken == path
                            ? $"stage '{stages[i].Name}' and stage '{other.Name}' both write '{path}'. One stage owns an out."
                            : $"the out '{path}' of stage '{stages[i].Name}' overlaps '{taken}' of stage '{other.Name}'. List the files that each one writes.");
                    }
                }
            }
            foreach (var (a, b) in stages[i].Outs.SelectMany(a => stages[i].Outs.Select(b => (a, b))).Where(p => p.a != p.b && p.b.StartsWith($"{p.a}/", StringComparison.Ordinal)))
            {
                faults.Add(where(stages[i].Name), $"the out '{b}' of stage '{stages[i].Name}' lies in its out '{a}'. List one of them.");
            }
            foreach (var dep in stages[i].Deps.Where(d => stages[i].Outs.Any(o => Overlap(o, d))))
            {
                faults.Add(where(stages[i].Name), $"stage '{stages[i].Name}' depends on '{dep}', which it writes itself.");
            }
        }
        Sort(stages, stages.ToDictionary(s => s.Name, s => ProducersOf(s, stages)), out var cycle);
        if (cycle.Count > 0)
        {
            faults.Add(where(cycle[0]), $"these stages wait for each other: {string.Join(" -> ", cycle)} -> {cycle[0]}.");
        }
    }

    static IReadOnlyList<string> ProducersOf(Stage stage, IReadOnlyList<Stage> stages) =>
        [.. stages.Where(s => s.Name != stage.Name && s.Outs.Any(o => stage.Deps.Any(d => Overlap(o, d)))).Select(s => s.Name)];

    static bool Overlap(string a, string b) => a == b || a.StartsWith($"{b}/", StringComparison.Ordinal) || b.StartsWith($"{a}/", StringComparison.Ordinal);

    static List<Stage> Sort(IReadOnlyList<Stage> stages, Dictionary<string, IReadOnlyList<string>> before, out IReadOnlyList<string> cycle)
    {
        var ordered = new List<Stage>();
        var done = new HashSet<string>();
        while (stages.FirstOrDefault(s => !done.Contains(s.Name) && before[s.Name].All(done.Contains)) is { } next)
        {
            ordered.Add(next);
            done.Add(next.Name);
        }
        cycle = [];
        if (ordered.Count < stages.Count)
        {
            // Every remaining stage waits for a remaining one: walking back must come round.
            var path = new List<string> { stages.First(s => !done.Contains(s.Name)).Name };
            while (path.IndexOf(before[path[^1]].First(b => !done.Contains(b))) is var at)
            {
                if (at >= 0)
                {
                    cycle = [.. path.Skip(at).Reverse()];
                    break;
                }
                path.Add(before[path[^1]].First(b => !done.Contains(b)));
            }
        }
        return ordered;
    }

    static HashSet<string> Closure(string stage, Func<string, IEnumerable<string>> next)
    {
        var reached = new HashSet<string> { stage };
        var open = new Stack<string>([stage]);
        while (open.TryPop(out var name))
        {
            foreach (var neighbour in next(name).Where(reached.Add))
            {
                open.Push(neighbour);
            }
        }
        return reached;
    }
}
