using Mim.Models;

namespace Mim.Pipeline.Tests;

/// <summary>The machinery with stages that are shell lines: what runs, what does not, and what is left behind.</summary>
public sealed class PipelineRunTests
{
    /// <summary>Two stages in a row; each counts its runs in a file that nothing depends on.</summary>
    const string Chain = """
        params: { word: hello, unused: 1 }
        stages:
          first:
            cmd: echo x >> first.count; cat in.txt > out/first.txt; echo ${word} >> out/first.txt
            deps: [in.txt]
            outs: [out/first.txt]
          second:
            cmd: echo x >> second.count; cut -c1-3 out/first.txt > out/deep/er/second.txt
            deps: [out/first.txt]
            outs: [out/deep/er/second.txt]
        """;

    static PipelineFolder NewChain()
    {
        var folder = new PipelineFolder(Chain);
        folder.Write("in.txt", "input\n");
        return folder;
    }

    [Fact]
    public async Task A_second_run_does_nothing_and_leaves_the_lock_as_it_is()
    {
        using var folder = NewChain();
        Assert.Equal("first second", await folder.RunAsync());
        var locked = folder.Read("pipeline.lock");
        Assert.Equal("", await folder.RunAsync());
        Assert.Equal("x\n", folder.Read("first.count"));
        Assert.Equal(locked, folder.Read("pipeline.lock"));
    }

    [Theory]
    [InlineData("command", "command: modified: ")]
    [InlineData("dep", "dep in.txt: modified: ")]
    [InlineData("param", "param word: modified: hello -> other")]
    [InlineData("out", "out out/first.txt: missing")]
    [InlineData("edited out", "out out/first.txt: modified: ")]
    [InlineData("toolchain", "toolchain engine: modified: one -> two")]
    [InlineData("new tool", "toolchain gpu: new: none")]
    public async Task What_differs_from_the_lock_makes_a_stage_stale_and_is_the_reason_given(string change, string reason)
    {
        using var folder = NewChain();
        await folder.RunAsync();
        switch (change)
        {
            case "command":
                folder.Write("pipeline.yml", Chain.Replace("cat in.txt", "cat -s in.txt", StringComparison.Ordinal));
                break;
            case "dep":
                folder.Write("in.txt", "other input\n");
                break;
            case "param":
                folder.Write("pipeline.yml", Chain.Replace("word: hello", "word: other", StringComparison.Ordinal));
                break;
            case "out":
                File.Delete(Path.Combine(folder.Root, "out/first.txt"));
                break;
            case "edited out":
                folder.Write("out/first.txt", "by hand");
                break;
            case "toolchain":
                folder.Toolchain["engine"] = "two";
                break;
            default:
                folder.Toolchain["gpu"] = "none";
                break;
        }
        var first = folder.Open().Examine()[0];
        Assert.Contains(first.Reasons, r => r.ToString().StartsWith(reason, StringComparison.Ordinal));
        Assert.StartsWith("first", await folder.RunAsync(), StringComparison.Ordinal);
        Assert.Equal("", await folder.RunAsync());
    }

    [Fact]
    public async Task A_param_that_no_stage_uses_makes_nothing_stale()
    {
        using var folder = NewChain();
        await folder.RunAsync();
        Assert.Equal("", await folder.RunAsync(null, "unused=2"));
    }

    [Fact]
    public async Task A_stage_whose_deps_come_out_the_same_does_not_run()
    {
        using var folder = NewChain();
        await folder.RunAsync();
        // The first three letters stay.
        folder.Write("in.txt", "inpxx\n");
        Assert.Equal("first second", await folder.RunAsync());
        folder.Write("pipeline.yml", Chain.Replace("cat in.txt", "cat -s in.txt", StringComparison.Ordinal));
        Assert.Equal("first", await folder.RunAsync());
    }

    [Fact]
    public async Task Outs_are_removed_before_a_stage_runs_and_their_folders_made()
    {
        using var folder = new PipelineFolder("""
            stages:
              a: { cmd: "test ! -e deep/out && mkdir deep/out && echo new > deep/out/new.txt", outs: [deep/out] }
            """);
        folder.Write("deep/out/old.txt", "old");
        await folder.RunAsync();
        Assert.Equal(["new.txt"], Directory.EnumerateFiles(Path.Combine(folder.Root, "deep/out")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("elsewhere")]
    [InlineData("nowhere")]
    public async Task An_out_that_is_a_link_is_removed_and_what_it_leads_to_stays(string target)
    {
        using var folder = new PipelineFolder("stages: { a: { cmd: 'mkdir out && echo new > out/new.txt', outs: [out] } }");
        folder.Write("elsewhere/kept.txt", "kept");
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "out"), target);
        await folder.RunAsync();
        Assert.Null(new DirectoryInfo(Path.Combine(folder.Root, "out")).LinkTarget);
        Assert.Equal("kept", folder.Read("elsewhere/kept.txt"));
        Assert.False(Path.Exists(Path.Combine(folder.Root, "nowhere")));
    }

    /// <summary>The background process holds both streams open for a quarter of an hour; the bound is far above what a shell takes on a busy machine.</summary>
    [Fact]
    public async Task What_a_stage_leaves_in_the_background_ends_with_it_and_delays_nothing()
    {
        using var folder = new PipelineFolder("stages: { a: { cmd: 'sleep 1000 & echo $! > pid', outs: [pid] } }");
        Assert.Equal("a", await folder.RunAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        // Killed, or a zombie that the system has still to collect.
        var status = $"/proc/{folder.Read("pid").Trim()}/stat";
        Assert.True(!File.Exists(status) || File.ReadAllText(status).Contains(") Z ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Locked_runs_what_follows_from_a_stage_that_ran_and_whatever_other_code_would_run()
    {
        using var folder = NewChain();
        await folder.RunAsync();
        Assert.Equal("", await folder.RunAsync(new RunRequest { Locked = true }));
        File.Delete(Path.Combine(folder.Root, "out/first.txt"));
        Assert.Equal("first second", await folder.RunAsync(new RunRequest { Locked = true }));
        folder.Toolchain["Mim.Training.dll"] = "other code";
        Assert.Equal("first second", await folder.RunAsync(new RunRequest { Locked = true }));
    }

    [Fact]
    public async Task A_stage_that_the_file_no_longer_has_is_not_the_lock_s_pipeline()
    {
        using var folder = NewChain();
        await folder.RunAsync();
        folder.Write("pipeline.yml", Chain[..Chain.IndexOf("  second:", StringComparison.Ordinal)]);
        Assert.StartsWith("stage second: in ", Assert.Single(folder.Open().DefinitionDeviations()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stage_that_fails_keeps_the_finished_ones_in_the_lock()
    {
        using var folder = NewChain();
        folder.Write("pipeline.yml", Chain.Replace("cut -c1-3", "false && cut -c1-3", StringComparison.Ordinal));
        var (results, exitCode) = await folder.Open().RunAsync(new RunRequest(), CancellationToken.None);
        Assert.Equal(ExitCode.Failed, exitCode);
        Assert.Equal([StageOutcome.Ran, StageOutcome.Failed], results.Select(r => r.Outcome));
        Assert.Equal(["first"], PipelineLock.Read(folder.LockPath).Stages.Keys);
        folder.Write("pipeline.yml", Chain);
        Assert.Equal("second", await folder.RunAsync());
    }

    [Fact]
    public async Task Commands_run_in_order_and_the_first_that_fails_ends_the_stage()
    {
        using var folder = new PipelineFolder("""
            stages:
              a: { cmd: ["echo one >> log", "exit 3", "echo three >> log"], outs: [x] }
            """);
        var (_, exitCode) = await folder.Open().RunAsync(new RunRequest(), CancellationToken.None);
        Assert.Equal(ExitCode.Gate, exitCode);
        Assert.Equal("one\n", folder.Read("log"));
        Assert.Contains("a: failed with exit code 3", folder.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stage_that_does_not_write_an_out_fails_and_names_it()
    {
        using var folder = new PipelineFolder("stages: { a: { cmd: 'true', outs: [nothing.txt] } }");
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => folder.Open().RunAsync(new RunRequest(), CancellationToken.None));
        Assert.Contains("'nothing.txt'", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.LockPath));
    }

    /// <summary>Each branch waits for the other's file: run one after the other, they would wait for ever.</summary>
    [Fact]
    public async Task Independent_stages_run_side_by_side()
    {
        using var folder = new PipelineFolder("""
            stages:
              top: { cmd: echo top > top.txt, outs: [top.txt] }
              left: { cmd: "mkfifo l 2>/dev/null; mkfifo r 2>/dev/null; timeout 30 sh -c 'echo left > l & cat r > left.txt; wait'", deps: [top.txt], outs: [left.txt] }
              right: { cmd: "mkfifo l 2>/dev/null; mkfifo r 2>/dev/null; timeout 30 sh -c 'echo right > r & cat l > right.txt; wait'", deps: [top.txt], outs: [right.txt] }
              bottom: { cmd: cat left.txt right.txt > bottom.txt, deps: [left.txt, right.txt], outs: [bottom.txt] }
            """);
        Assert.Equal("top left right bottom", await folder.RunAsync(new RunRequest { Jobs = 2 }));
        Assert.Equal("right\nleft\n", folder.Read("bottom.txt"));
    }

    [Fact]
    public async Task Every_line_of_a_stage_carries_its_name()
    {
        using var folder = new PipelineFolder("stages: { talk: { cmd: 'echo one; echo two >&2', outs: [] , deps: [] } }");
        await folder.RunAsync();
        Assert.Contains("talk | one", folder.Log.ToString(), StringComparison.Ordinal);
        Assert.Contains("talk | two", folder.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stage_learns_the_key_under_which_it_is_locked()
    {
        using var folder = new PipelineFolder("stages: { a: { cmd: 'printf %s $MIM_STAGE_KEY > key', outs: [key] } }");
        await folder.RunAsync();
        Assert.Equal(PipelineLock.Read(folder.LockPath).Stages["a"].StageKey, folder.Read("key"));
    }

    [Fact]
    public async Task Stage_and_from_and_force_choose_what_runs()
    {
        using var folder = NewChain();
        Assert.Equal("first", await folder.RunAsync(new RunRequest { Stage = "first" }));
        Assert.Equal("second", await folder.RunAsync(new RunRequest { From = "second" }));
        Assert.Equal("first second", await folder.RunAsync(new RunRequest { Force = true }));
        Assert.Equal("second", await folder.RunAsync(new RunRequest { Force = true, From = "second" }));
        var e = await Assert.ThrowsAsync<UsageException>(() => folder.RunAsync(new RunRequest { Stage = "frist" }));
        Assert.Equal("--stage frist: unknown stage. Did you mean 'first'?", e.Message);
    }

    [Fact]
    public async Task A_dry_run_says_what_would_run_and_runs_nothing()
    {
        using var folder = NewChain();
        await folder.RunAsync();
        folder.Write("in.txt", "other\n");
        var locked = folder.Read("pipeline.lock");
        await folder.RunAsync(new RunRequest { DryRun = true });
        Assert.Contains("first: would run (dep in.txt: modified", folder.Log.ToString(), StringComparison.Ordinal);
        Assert.Contains("second: would run (if first changes its outs)", folder.Log.ToString(), StringComparison.Ordinal);
        Assert.Equal("x\n", folder.Read("first.count"));
        Assert.Equal(locked, folder.Read("pipeline.lock"));
    }

    [Fact]
    public async Task A_missing_dep_that_no_stage_writes_is_bad_usage()
    {
        using var folder = new PipelineFolder(Chain);
        var e = await Assert.ThrowsAsync<UsageException>(() => folder.RunAsync());
        Assert.Contains("stage 'first': expected the dep 'in.txt', found none", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_hashed_by_its_names_and_contents()
    {
        using var folder = new PipelineFolder("stages: { a: { cmd: 'find in -type f | wc -l > n', deps: [in], outs: [n] } }");
        folder.Write("in/a", "1");
        folder.Write("in/sub/b", "2");
        Assert.Equal("a", await folder.RunAsync());
        Assert.Equal("", await folder.RunAsync());
        File.Move(Path.Combine(folder.Root, "in/sub/b"), Path.Combine(folder.Root, "in/sub/c"));
        Assert.Equal("a", await folder.RunAsync());
    }

    [Fact]
    public async Task Another_value_in_a_matrix_runs_what_it_adds_and_one_less_leaves_the_lock()
    {
        using var folder = new PipelineFolder("""
            params: { size: [1, 2] }
            stages:
              make:
                matrix:
                  size: ${size}
                  kind: [a, b]
                cmd: echo ${item.size} > out-${item.kind}-${item.size}
                outs: ["out-${item.kind}-${item.size}"]
              sum:
                matrix:
                  size: ${size}
                cmd: cat out-a-${item.size} out-b-${item.size} > sum-${item.size}
                deps: ["out-a-${item.size}", "out-b-${item.size}"]
                outs: ["sum-${item.size}"]
            """);
        Assert.Equal("make@1-a make@1-b make@2-a make@2-b sum@1 sum@2", await folder.RunAsync(new RunRequest { Jobs = 2 }));
        Assert.Equal("2\n2\n", folder.Read("sum-2"));
        Assert.Equal("", await folder.RunAsync());
        Assert.Equal("make@3-a make@3-b", await folder.RunAsync(new RunRequest { Stage = "make" }, "size=[1, 2, 3]"));
        Assert.Equal("sum@3", await folder.RunAsync(new RunRequest { Stage = "sum@3" }, "size=[1, 2, 3]"));
        // The other values' stages leave the lock with the next write, which is that of a stage that ran.
        Assert.Equal("make@4-a make@4-b sum@4", await folder.RunAsync(null, "size=[4]"));
        Assert.Equal(["make@4-a", "make@4-b", "sum@4"], PipelineLock.Read(folder.LockPath).Stages.Keys);
        Assert.Contains("make@4-a: ", folder.Log.ToString(), StringComparison.Ordinal);
    }
}
