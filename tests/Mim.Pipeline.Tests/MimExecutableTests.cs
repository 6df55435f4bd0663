using System.Runtime.InteropServices;
using System.Text.Json;
using Mim.Models;

namespace Mim.Pipeline.Tests;

/// <summary>The executable as a shell meets it: exit codes, messages, signals.</summary>
public sealed class MimExecutableTests
{
    const int Interrupt = 2;

    const string Scored = """
        params: { a: 0.9, b: 0.5 }
        metrics: { a: a.json, b: b.json }
        stages:
          a: { cmd: "printf '{\"score\": ${a}, \"wall_seconds\": 1}' > a.json", metrics: [a.json] }
          b: { cmd: "printf '{\"score\": ${b}}' > b.json", metrics: [b.json] }
        gates:
          - { name: apart, metric: a.score - b.score, expect: ">= 0.3" }
          - { name: holds its level, metric: a.score, expect: "regress <= 2%", better: higher }
        comparison:
          columns: { A: [a], B: [b] }
          rows: [{ label: score, key: score, unit: nats, better: higher }]
        """;

    [Fact]
    public async Task Gates_that_hold_end_in_exit_0_and_a_table_and_one_that_fails_in_exit_3_and_a_line_with_metric_found_and_bound()
    {
        using var folder = new PipelineFolder(Scored);
        var good = await folder.MimAsync("run");
        Assert.Equal(ExitCode.Done, good.ExitCode);
        Assert.Contains("| score [nats] | 0.9000 * | 0.5000 |", folder.Read("runs/pipeline/comparison.md"), StringComparison.Ordinal);
        var bad = await folder.MimAsync("run", "-p", "b=0.7");
        Assert.Equal(ExitCode.Gate, bad.ExitCode);
        Assert.Contains("gate 'apart' FAILED: a.score - b.score: found 0.2, bound >= 0.3", bad.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sweep_s_page_is_made_from_its_numbers_and_gates_by_the_report_s_own_executable()
    {
        using var folder = new PipelineFolder("""
            stages: { run: { matrix: { z: [1, 2] }, cmd: "printf '{\"score\": ${item.z}}' > m-${item.z}.json", metrics: ["m-${item.z}.json"] } }
            gates: [{ name: more, metric: run@2.score, expect: ">= 2" }]
            comparison: { page: "runs/pipeline/the page.html", over: z, matrix: { z: [1, 2] }, label: "${item.z}", metrics: "run@${item.z}", columns: { Score: score } }
            """);
        folder.WriteScript("mim", "#!/bin/sh\n[ $1 = report ] && [ \"$MIM_BUILT\" = 1 ] && grep -q '\"held\": true' \"$3\" && cp \"$3\" \"$5\"\n");
        var run = await folder.MimAsync("run");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(folder.Read("runs/pipeline/comparison.json"), folder.Read("runs/pipeline/the page.html"));
        folder.WriteScript("mim", "#!/bin/sh\nexit 1\n");
        Assert.Equal(ExitCode.Failed, (await folder.MimAsync("run")).ExitCode);
    }

    [Fact]
    public async Task A_regression_is_measured_against_the_last_run_whose_gates_held_however_often_it_is_repeated()
    {
        using var folder = new PipelineFolder(Scored);
        Assert.Equal(ExitCode.Done, (await folder.MimAsync("run")).ExitCode);
        Assert.Equal(ExitCode.Done, (await folder.MimAsync("run", "-p", "a=0.89")).ExitCode);
        Assert.Equal(ExitCode.Gate, (await folder.MimAsync("run", "-p", "a=0.85")).ExitCode);
        var again = await folder.MimAsync("run", "-p", "a=0.85");
        Assert.Equal(ExitCode.Gate, again.ExitCode);
        Assert.Contains("found 0.85, bound regress <= 2% of the last 0.89", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Locked_accepts_other_hardware_within_the_tolerance_and_writes_nothing()
    {
        using var folder = new PipelineFolder(Scored);
        await folder.MimAsync("run");
        var locked = folder.Read("pipeline.lock");
        // Another machine: no outs there yet, another processor in the lock, other timings.
        folder.Write("pipeline.lock", locked.Replace("\"cpu\": \"", "\"cpu\": \"another ", StringComparison.Ordinal).Replace("\"wall_seconds\": 1", "\"wall_seconds\": 99", StringComparison.Ordinal));
        File.Delete(Path.Combine(folder.Root, "a.json"));
        var foreign = folder.Read("pipeline.lock");
        var same = await folder.MimAsync("run", "--locked");
        Assert.True(same.ExitCode == ExitCode.Done, same.Error + same.Output);
        Assert.Equal(foreign, folder.Read("pipeline.lock"));
    }

    [Theory]
    [InlineData("\"score\": 0.9", "\"score\": 0.7", "a.json: score: found 0.9, locked 0.7")]
    [InlineData("\"cmd\": \"printf", "\"cmd\": \"echo; printf", "stage a: command: modified")]
    public async Task Locked_exits_3_on_another_command_or_a_metric_outside_the_tolerance(string locked, string changed, string message)
    {
        using var folder = new PipelineFolder(Scored);
        await folder.MimAsync("run");
        folder.Write("pipeline.lock", folder.Read("pipeline.lock").Replace(locked, changed, StringComparison.Ordinal));
        File.Delete(Path.Combine(folder.Root, "a.json"));
        var run = await folder.MimAsync("run", "--locked");
        Assert.Equal(ExitCode.Gate, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_and_explain_name_the_reason_and_graph_draws_the_edges()
    {
        using var folder = new PipelineFolder("""
            stages:
              make: { cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt] }
              use: { cmd: cp out.txt last.txt, deps: [out.txt], outs: [last.txt] }
            """);
        folder.Write("in.txt", "1");
        Assert.Equal(ExitCode.Failed, (await folder.MimAsync("status")).ExitCode);
        await folder.MimAsync("run");
        Assert.Equal(ExitCode.Done, (await folder.MimAsync("status")).ExitCode);
        folder.Write("in.txt", "2");
        var explained = await folder.MimAsync("explain", "make");
        // SHA-256 of "1" and of "2".
        Assert.Equal("dep in.txt: modified: 6b86b273ff34 -> d4735e3a265e\n", explained.Output);
        var status = await folder.MimAsync("status", "--json");
        Assert.Contains("\"state\": \"waits\"", status.Output, StringComparison.Ordinal);
        Assert.Equal("make\nuse   <- make\n", (await folder.MimAsync("graph")).Output);
        Assert.Contains("s0 --> s1", (await folder.MimAsync("graph", "--mermaid")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_diff_shows_the_lock_and_the_present()
    {
        using var folder = new PipelineFolder(Scored);
        await folder.MimAsync("run");
        folder.Write("a.json", "{\"score\": 0.4}");
        var diff = await folder.MimAsync("metrics", "diff");
        Assert.Matches(@"a\.json\s*│ score\s*│ 0\.9000 │ 0\.4000 │ -0\.5000", diff.Output);
    }

    [Fact]
    public async Task Json_on_standard_output_is_the_whole_of_it()
    {
        using var folder = new PipelineFolder(Scored);
        using (var run = JsonDocument.Parse((await folder.MimAsync("run", "--json")).Output))
        {
            Assert.Equal(["ran", "ran"], run.RootElement.GetProperty("stages").EnumerateArray().Select(s => s.GetProperty("outcome").GetString()));
            Assert.Equal("apart", run.RootElement.GetProperty("gates")[0].GetProperty("gate").GetString());
        }
        folder.Write("a.json", "{\"score\": 0.4}");
        using var diff = JsonDocument.Parse((await folder.MimAsync("metrics", "diff", "--json")).Output);
        Assert.Equal(0.4, diff.RootElement.EnumerateArray().First(d => d.GetProperty("metric").GetString() == "score").GetProperty("now").GetDouble());
        using var explained = JsonDocument.Parse((await folder.MimAsync("explain", "a", "--json")).Output);
        Assert.Equal("modified", explained.RootElement.GetProperty("reasons")[0].GetProperty("change").GetString());
    }

    [Fact]
    public async Task A_second_run_of_a_pipeline_that_is_under_way_says_so_and_touches_nothing()
    {
        using var folder = new PipelineFolder("stages: { slow: { cmd: 'echo started; until [ -e go ]; do sleep 0.1; done; echo done > out', outs: [out] } }");
        using var process = folder.Start("run");
        while (await process.StandardError.ReadLineAsync() is { } line && !line.EndsWith("started", StringComparison.Ordinal))
        {
        }
        var second = await folder.MimAsync("run");
        Assert.Equal(ExitCode.Failed, second.ExitCode);
        Assert.Contains("another './mim run' is under way", second.Error, StringComparison.Ordinal);
        folder.Write("go", "");
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(ExitCode.Done, process.ExitCode);
        Assert.Equal("done\n", folder.Read("out"));
    }

    [Fact]
    public async Task An_unknown_key_is_exit_2_with_file_line_and_the_nearest_key()
    {
        using var folder = new PipelineFolder("stages:\n  a:\n    cmd: 'true'\n    dep: [x]\n");
        var run = await folder.MimAsync("run", "pipeline.yml");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal("error: pipeline.yml:4: unknown key 'dep' in 'stages.a'. Did you mean 'deps'?\n", run.Error);
    }

    [Fact]
    public async Task An_interrupt_reaches_the_stage_ends_it_and_leaves_a_lock_of_what_was_finished()
    {
        using var folder = new PipelineFolder("""
            stages:
              quick: { cmd: echo done > quick.txt, outs: [quick.txt] }
              slow: { cmd: "trap 'echo cleaned > cleaned.txt; exit 1' INT; echo started; sleep 60 & wait", deps: [quick.txt], outs: [slow.txt] }
            """);
        using var process = folder.Start("run");
        while (await process.StandardError.ReadLineAsync() is { } line && !line.EndsWith("started", StringComparison.Ordinal))
        {
        }
        Assert.Equal(0, Signal(process.Id, Interrupt));
        var rest = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(ExitCode.Failed, process.ExitCode);
        Assert.Contains("interrupted", rest, StringComparison.Ordinal);
        Assert.Equal("cleaned\n", folder.Read("cleaned.txt"));
        Assert.Equal(["quick"], PipelineLock.Read(folder.LockPath).Stages.Keys);
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Signal(int process, int signal);
}
