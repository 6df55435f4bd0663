using Mim.Models;
using Mim.Pipeline;

namespace Mim.Tests.Pipeline;

/// <summary>Oracle: the names and settings that DVC's documentation gives for <c>matrix</c>, and the expansion written out by hand.</summary>
public sealed class MatrixTests : IDisposable
{
    const string Sweep = """
        params: { hidden: [5, 50], seeds: 3, wide: [50] }
        stages:
          train:
            matrix:
              hidden: ${hidden}
              model: [mim, vae]
            cmd: train --hidden ${item.hidden} --model ${item.model} --seeds ${seeds}
            outs: ["runs/${item.model}-${item.hidden}"]
          evaluate:
            matrix:
              hidden: ${hidden}
              model: [mim, vae]
            cmd: evaluate runs/${item.model}-${item.hidden}
            deps: ["runs/${item.model}-${item.hidden}"]
            metrics: ["metrics/${item.model}-${item.hidden}.json"]
        gates:
          - name: MIM above the VAE, ${item.hidden} units
            matrix:
              hidden: ${wide}
            metric: evaluate@${item.hidden}-mim.metrics.mi.mean - evaluate@${item.hidden}-vae.metrics.mi.mean
            expect: ">= 4"
        comparison:
          matrix:
            hidden: ${hidden}
            model: [mim, vae]
          label: ${item.hidden} ${item.model}
          metrics: evaluate@${item.hidden}-${item.model}
          columns: { MI: mi, 5-NN: knn }
          published:
            5 mim: [4.88 ± 1.88, 0.81]
            50 vae: [0.95 ± 0.24, 0.54]
          source: figure 3
        """;

    readonly string _folder = Directory.CreateTempSubdirectory("mim-matrix-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    PipelineFile Parse(string yaml, params string[] overrides)
    {
        var path = Path.Combine(_folder, "p.yml");
        File.WriteAllText(path, yaml);
        return PipelineFile.Read(path, overrides);
    }

    [Fact]
    public void A_template_becomes_a_stage_for_every_combination_in_the_order_of_the_lists()
    {
        var stages = Parse(Sweep).Stages;
        Assert.Equal(
            ["train@5-mim", "train@5-vae", "train@50-mim", "train@50-vae", "evaluate@5-mim", "evaluate@5-vae", "evaluate@50-mim", "evaluate@50-vae"],
            stages.Select(s => s.Name));
        Assert.Equal("train --hidden 50 --model mim --seeds 3", stages[2].Command);
        Assert.Equal(["runs/mim-50"], stages[2].Outs);
        // The lists are not a stage's params: another setting beside it changes nothing for this one.
        Assert.Equal("seeds=3", string.Join(' ', stages[2].Params.Select(p => $"{p.Key}={p.Value}")));
    }

    [Fact]
    public void Settings_meet_only_their_own_deps_and_a_template_s_name_means_all_of_it()
    {
        var graph = new StageGraph(Parse(Sweep).Stages);
        Assert.Equal(["train@50-mim"], graph.Before("evaluate@50-mim"));
        Assert.Equal(["evaluate@5-mim"], graph.RequireAll("evaluate@5-mim", "--stage").Select(s => s.Name));
        Assert.Equal(4, graph.RequireAll("evaluate", "--stage").Count);
        Assert.Equal(
            "--stage evaluate@5-mlm: unknown stage. Did you mean 'evaluate@5-mim'?",
            Assert.Throws<UsageException>(() => graph.RequireAll("evaluate@5-mlm", "--stage")).Message);
    }

    [Fact]
    public void A_gate_is_judged_for_every_setting_on_the_stage_s_own_metrics_file()
    {
        var file = Parse(Sweep, "wide=[5, 50]");
        Assert.Equal("metrics/vae-50.json", file.Metrics["evaluate@50-vae"]);
        Assert.Equal(["MIM above the VAE, 5 units", "MIM above the VAE, 50 units"], file.Gates.Select(g => g.Name));
        Assert.Equal(["evaluate@50-mim", "evaluate@50-vae"], file.Gates[1].Aliases);
        var values = new Dictionary<string, double> { ["evaluate@50-mim"] = 6.75, ["evaluate@50-vae"] = 0.95 };
        var found = file.Gates[1].Evaluate(alias => new Dictionary<string, double> { ["metrics.mi.mean"] = values[alias] }, alias => alias);
        Assert.Equal(5.8, found, 12); // two doubles
        Assert.True(file.Gates[1].Judge(found, null).Held);
    }

    [Fact]
    public void A_setting_with_a_point_in_it_is_still_a_name_in_a_gate()
    {
        var file = Parse("""
            stages:
              a: { matrix: { floor: [0.05, 0.5] }, cmd: "x ${item.floor}", metrics: ["m-${item.floor}.json"] }
            gates: [{ name: g, metric: a@0.05.mi, expect: ">= 1" }]
            """);
        Assert.Equal(["a@0.05"], file.Gates[0].Aliases);
        Assert.Equal(2, file.Gates[0].Evaluate(_ => new Dictionary<string, double> { ["mi"] = 2 }, alias => alias));
    }

    [Fact]
    public void A_sweep_s_table_has_a_row_for_each_setting_with_the_published_numbers_beside_it()
    {
        var file = Parse(Sweep);
        var comparison = new Comparison();
        comparison.AddSweep(Assert.IsType<SweepTable>(file.Sweep), alias => alias switch
        {
            "evaluate@5-mim" => new Dictionary<string, double> { ["metrics.mi.mean"] = 3.71834, ["metrics.mi.sd"] = 1.8104, ["metrics.knn.mean"] = 0.7 }, // one seed has no deviation of 5-NN
            "evaluate@50-vae" => new Dictionary<string, double> { ["mi"] = 0.98 },
            _ => null,
        });
        var path = Path.Combine(_folder, "comparison.md");
        comparison.Write(path);
        Assert.Equal(
            """
            ## Comparison

            |  | MI | published | 5-NN | published |
            | --- | --: | --: | --: | --: |
            | 5 mim | 3.718 ± 1.8 | 4.88 ± 1.88 | 0.7 | 0.81 |
            | 50 vae | 0.9800 | 0.95 ± 0.24 | - | 0.54 |

            - published: figure 3

            """, File.ReadAllText(path));
    }

    [Theory]
    [InlineData("stages: { a: { matrix: { z: [1, 2] }, cmd: x, outs: [o] } }", "p.yml:1: stage 'a@2' and stage 'a@1' both write 'o'. One stage owns an out.")]
    [InlineData("stages: { a: { matrix: { z: [] }, cmd: x } }", "p.yml:1: 'stages.a.matrix.z': expected at least one value, found none.")]
    [InlineData("stages: { a: { matrix: { z: 3 }, cmd: x } }", "p.yml:1: 'stages.a.matrix.z': expected a list such as [a, b], found '3'.")]
    [InlineData("stages: { a: { matrix: [z], cmd: x } }", "p.yml:1: 'stages.a.matrix': expected a mapping, found a list.")]
    [InlineData("stages: { a: { matrix: { z: [a/b] }, cmd: x } }", "p.yml:1: 'stages.a.matrix.z': expected letters, digits, '-', '_' and '.' that begin with a letter or digit, found 'a/b'.")]
    [InlineData("stages: { a: { matrix: { z: [..] }, cmd: x } }", "p.yml:1: 'stages.a.matrix.z': expected letters, digits, '-', '_' and '.' that begin with a letter or digit, found '..'.")]
    [InlineData("stages: { a: { matrix: { y: [1-2, 1], z: [3, 2-3] }, cmd: x } }", "p.yml:1: two combinations give the stage 'a@1-2-3'. Write other values.")]
    [InlineData("stages: { a: { matrix: { hidden: [1, 2] }, cmd: 'x ${item.hiden}' } }", "p.yml:1: unknown param '${item.hiden}'. Did you mean 'item.hidden'?")]
    [InlineData("params: { z: [1, 2] }\nstages: { a: { cmd: 'x ${z}' } }", "p.yml:2: the param 'z' is a list, which only 'matrix' takes: 'matrix: { z: \"${z}\" }', then '${item.z}'.")]
    [InlineData("params: { z: 1 }\nstages: { a: { matrix: { z: '${z}' }, cmd: x } }", "p.yml:2: 'stages.a.matrix.z': expected a list such as [a, b], found '${z}'.")]
    [InlineData("stages: { a: { cmd: x, metrics: [m] } }\ngates: [{ name: g, matrix: { z: [1, 2] }, metric: a.x, expect: '>= 1' }]",
        "p.yml:2: two gates are named 'g'. Give each a name of its own; in a 'matrix', one with ${item…}.")]
    [InlineData("stages: { a: { cmd: x, metrics: [m] }, b: { cmd: x, metrics: [n] } }\nmetrics: { a: n }",
        "p.yml:2: metrics 'a': the stage of that name writes 'm'. Choose another name.")]
    [InlineData("stages: { a: { matrix: { z: [1] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [2] }, label: '${item.z}', metrics: 'a@${item.z}', columns: { X: x } }",
        "p.yml:2: unknown metrics 'a@2'. Did you mean 'a@1'?")]
    [InlineData("stages: { a: { matrix: { z: [1] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [1] }, label: 'z ${item.z}', metrics: 'a@${item.z}', columns: { X: x }, published: { z 1: [1, 2] } }",
        "p.yml:2: 'z 1': expected a text for each of the 1 columns, found 2.")]
    [InlineData("stages: { a: { matrix: { z: [1] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [1] }, label: 'z', metrics: 'a@${item.z}', columns: { X: x }, page: p.html, over: y }",
        "p.yml:2: 'comparison.over': expected one of the lists of 'matrix', found 'y'. Known: z.")]
    [InlineData("stages: { a: { matrix: { z: [b] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [b] }, label: 'z', metrics: 'a@${item.z}', columns: { X: x }, page: p.html, over: z }",
        "p.yml:2: 'comparison.over': expected a list of numbers, found 'b' in 'z'.")]
    [InlineData("stages: { a: { matrix: { z: [1] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [1] }, label: 'z', metrics: 'a@${item.z}', columns: { X: x }, over: z }",
        "p.yml:2: 'comparison.over': expected 'page' beside it, the HTML file to write.")]
    [InlineData("stages: { a: { matrix: { z: [1] }, cmd: x, metrics: ['${item.z}'] } }\ncomparison: { matrix: { z: [1] }, label: 'z', metrics: 'a@${item.z}', columns: { X: x }, page: ../p.html }",
        "p.yml:2: page: expected a path inside the project without '.' and '..', found '../p.html'.")]
    public void A_fault_names_file_line_and_key_once_however_many_settings_have_it(string yaml, string message) =>
        Assert.Equal(Path.Combine(_folder, message), Assert.Throws<UsageException>(() => Parse(yaml)).Message);

    [Fact]
    public void Too_many_settings_are_refused_before_they_are_made()
    {
        var digits = string.Join(", ", Enumerable.Range(0, 10));
        var axes = string.Join(", ", Enumerable.Range(0, 30).Select(i => $"a{i}: [{digits}]"));
        var e = Assert.Throws<UsageException>(() => Parse($"stages: {{ a: {{ matrix: {{ {axes} }}, cmd: x }} }}"));
        Assert.Equal(Path.Combine(_folder, "p.yml:1: 'stages.a.matrix': expected at most 1000 combinations, found 1E+30."), e.Message);
        var many = string.Join(", ", Enumerable.Range(0, 600));
        e = Assert.Throws<UsageException>(() => Parse($"stages: {{ a: {{ matrix: {{ z: [{many}] }}, cmd: x }}, b: {{ matrix: {{ z: [{many}] }}, cmd: x }} }}"));
        Assert.Equal(Path.Combine(_folder, "p.yml:1: expected at most 1000 stages, found 1200."), e.Message);
    }
}
