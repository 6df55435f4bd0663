using Mim.Models;
using Mim.Pipeline;

namespace Mim.Tests.Pipeline;

public sealed class PipelineFileTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("mim-pipeline-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    PipelineFile Parse(string yaml, params string[] overrides)
    {
        var path = Path.Combine(_folder, "p.yml");
        File.WriteAllText(path, yaml);
        return PipelineFile.Read(path, overrides);
    }

    [Theory]
    [InlineData("stages: { a: { cmd: x, deps: [b.txt], outs: [a.txt] }, b: { cmd: x, deps: [a.txt], outs: [b.txt] } }", "these stages wait for each other: ")]
    [InlineData("stages: { a: { cmd: x, outs: [o] }, b: { cmd: x, outs: [o] } }", "stage 'b' and stage 'a' both write 'o'")]
    [InlineData("stages: { a: { cmd: x, outs: [o] }, b: { cmd: x, outs: [o/file] } }", "the out 'o/file' of stage 'b' overlaps 'o' of stage 'a'")]
    [InlineData("stages: { a: { cmd: x, outs: [o, o/file] } }", "the out 'o/file' of stage 'a' lies in its out 'o'")]
    [InlineData("stages: { a: { cmd: x, deps: [o/file], outs: [o] } }", "stage 'a' depends on 'o/file', which it writes itself")]
    [InlineData("stages: { a: { cmd: x, outs: [/etc] } }", "found '/etc'")]
    [InlineData("stages: { a: { cmd: x, outs: [../other] } }", "found '../other'")]
    [InlineData("stages: { a: { cmd: x, outs: [.] } }", "found '.'")]
    [InlineData("stages: { a: { cmd: 'echo ${wrod}' } }\nparams: { word: 1 }", "unknown param '${wrod}'. Did you mean 'word'?")]
    [InlineData("stages: { a: { cmd: x, params: [wrod] } }\nparams: { word: 1 }", "unknown param 'wrod' in stage 'a'. Did you mean 'word'?")]
    [InlineData("stages: { a: { deps: [x] } }", "expected the key 'cmd' in 'stages.a', found none")]
    [InlineData("stages: { a b: { cmd: x } }", "stage 'a b': expected letters")]
    [InlineData("stages: { a: { cmd: x } }\nparams: { data: }", "param 'data' has no default. Give it: -p data=VALUE")]
    [InlineData("stages: { a: { cmd: x } }\nmetrics: { m: m.json }", "metrics 'm': no stage has 'm.json' among its outs or metrics")]
    [InlineData("stages: { a: { cmd: x, metrics: [m.json] } }\nmetrics: { m: m.json }\ngates: [{ name: g, metric: n.x, expect: '>= 1' }]", "gate 'g': unknown metrics 'n'")]
    [InlineData("stages: { a: { cmd: x, metrics: [m.json] } }\nmetrics: { m: m.json }\ngates: [{ name: g, metric: m.x, expect: 'about 1' }]", "expected a bound such as")]
    [InlineData("stages: { a: { cmd: x, metrics: [m.json] } }\nmetrics: { m: m.json }\ngates: [{ name: g, metric: m.x, expect: 'regress <= 2%' }]", "'better: higher' or 'better: lower' goes with 'regress'")]
    [InlineData("stages: { a: { cmd: x } }\ngates: [{ name: g, metrik: m.x, expect: '>= 1' }]", "unknown key 'metrik'")]
    [InlineData("stages: { a: { cmd: x } }\ncomparison: { columns: { A: [m] }, rows: [] }", "unknown metrics 'm'")]
    [InlineData("stage: { a: { cmd: x } }", "unknown key 'stage'. Did you mean 'stages'?")]
    public void A_fault_is_refused_before_anything_runs_and_named(string yaml, string message)
    {
        var e = Assert.Throws<UsageException>(() => Parse(yaml));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.StartsWith(Path.Combine(_folder, "p.yml:"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Params_reach_commands_and_paths_and_a_stage_depends_on_those_it_names()
    {
        var stage = Parse("params: { a: 1, b: x/y, c: 3, d: 4 }\nstages: { s: { cmd: 'run ${a}', deps: ['${b}/in'], params: [c] } }", "a=2").Stages[0];
        Assert.Equal("run 2", stage.Command);
        Assert.Equal(["x/y/in"], stage.Deps);
        Assert.Equal("a=2 b=x/y c=3", string.Join(' ', stage.Params.Select(p => $"{p.Key}={p.Value}")));
    }

    [Fact]
    public void Metrics_may_lie_in_a_folder_that_the_stage_writes()
    {
        var file = Parse("stages: { a: { cmd: x, outs: [run], metrics: [run/m.json, n.json] } }\nmetrics: { m: run/m.json }");
        Assert.Equal(["run", "n.json"], file.Stages[0].Outs);
        Assert.Equal(["run/m.json", "n.json"], file.Stages[0].Metrics);
    }

    [Theory]
    [InlineData("seeds=1", "-p seeds=1: unknown param 'seeds'. Did you mean 'seed'?")]
    [InlineData("seed", "-p seed: expected name=value.")]
    public void An_override_names_a_param_that_there_is(string item, string message) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => Parse("params: { seed: 1 }\nstages: { a: { cmd: x } }", item)).Message);

    [Fact]
    public void A_dep_on_a_file_inside_an_out_or_on_the_folder_around_it_makes_an_edge()
    {
        var graph = new StageGraph(Parse("""
            stages:
              last: { cmd: x, deps: [runs] }
              use: { cmd: x, deps: [runs/a/file], outs: [runs/b] }
              make: { cmd: x, outs: [runs/a] }
              beside: { cmd: x, deps: [runs/ab], outs: [other] }
            """).Stages);
        Assert.Equal(["make"], graph.Before("use"));
        Assert.Equal(["use", "make"], graph.Before("last"));
        Assert.Equal([], graph.Before("beside"));
        Assert.Equal("make use last beside", string.Join(' ', graph.Ordered.Select(s => s.Name)));
        Assert.True(graph.UpTo("use").SetEquals(["use", "make"]));
        Assert.True(graph.From("make").SetEquals(["use", "make", "last"]));
    }
}
