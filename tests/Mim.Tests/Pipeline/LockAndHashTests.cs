using Mim.Models;
using Mim.Pipeline;

namespace Mim.Tests.Pipeline;

public sealed class LockAndHashTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("mim-hash-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string At(string path) => Path.Combine(_folder, path);

    FileHashes Open() => new(At("cache"), TimeProvider.System);

    static LockedStage Entry() => new()
    {
        Cmd = "line one\nline \"two\"",
        Deps = [new LockedPath("in", Hashes.Sha256("x"u8), 1)],
        Params = new() { ["b"] = "2", ["a"] = "1" },
        Toolchain = new() { ["sdk"] = "10" },
        Outs = [],
        Metrics = new() { ["m.json"] = new() { ["nll"] = 0.1 + 0.2, ["broken"] = double.NaN } },
        Seconds = 1.5,
        StageKey = Hashes.Sha256("key"u8),
    };

    [Fact]
    public void A_lock_survives_writing_and_reading_to_the_last_bit()
    {
        var first = new PipelineLock();
        first.Stages["train"] = Entry();
        first.Gates["g"] = Math.PI;
        first.Write(At("a.lock"));
        var read = PipelineLock.Read(At("a.lock"));
        read.Write(At("b.lock"));
        Assert.Equal(File.ReadAllText(At("a.lock")), File.ReadAllText(At("b.lock")));
        Assert.Equal(0.1 + 0.2, read.Stages["train"].Metrics["m.json"]["nll"]);
        Assert.Equal(Math.PI, read.Gates["g"]);
        Assert.Equal(["a", "b"], read.Stages["train"].Params.Keys);
    }

    [Theory]
    [InlineData("{ \"lock_version\": 99 }", "expected lock_version 1, found 99")]
    [InlineData("{ \"lock_version\": 1, \"stagse\": {} }", "not a pipeline lock")]
    [InlineData("{\n\"lock_version\": 1,\n<<<<<<< ours", ":3: not a pipeline lock")]
    public void A_lock_that_is_none_is_refused(string text, string message)
    {
        File.WriteAllText(At("a.lock"), text);
        Assert.Contains(message, Assert.Throws<UsageException>(() => PipelineLock.Read(At("a.lock"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_read_once_until_its_time_changes_and_a_young_one_always()
    {
        File.WriteAllText(At("old"), "1");
        File.SetLastWriteTimeUtc(At("old"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.WriteAllText(At("young"), "1");
        var first = Open();
        Assert.Equal(Hashes.Sha256("1"u8), first.OfFile(At("old")));
        first.OfFile(At("young"));
        first.Save();
        var second = Open();
        second.OfFile(At("old"));
        Assert.Equal(0, second.FilesRead);
        second.OfFile(At("young"));
        Assert.Equal(1, second.FilesRead);
        // Same size, other contents, other time.
        File.WriteAllText(At("old"), "2");
        Assert.Equal(Hashes.Sha256("2"u8), second.OfFile(At("old")));
    }

    [Fact]
    public void A_file_replaced_by_another_of_the_same_size_and_time_is_read_again()
    {
        var time = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.WriteAllText(At("a"), "1");
        File.SetLastWriteTimeUtc(At("a"), time);
        var hashes = Open();
        hashes.OfFile(At("a"));
        File.WriteAllText(At("b"), "2");
        File.SetLastWriteTimeUtc(At("b"), time);
        File.Move(At("b"), At("a"), overwrite: true);
        Assert.Equal(Hashes.Sha256("2"u8), hashes.OfFile(At("a")));
    }

    [Fact]
    public void A_link_up_the_tree_is_not_followed()
    {
        Directory.CreateDirectory(At("d/sub"));
        File.WriteAllText(At("d/sub/f"), "1");
        var before = Open().Of(At("d"));
        Directory.CreateSymbolicLink(At("d/sub/up"), At("d"));
        Assert.Equal(before, Open().Of(At("d")));
    }

    [Theory]
    [InlineData("./mim train --out x", "Mim.Training")]
    [InlineData("./mim verify x && ./mim models add x", "Mim.Inference Mim.Pipeline")]
    [InlineData("cat x | ./mim encode --model m", "Mim.Inference")]
    [InlineData("echo ./mim; mim train", "")]
    public void The_verbs_of_a_command_say_which_executables_it_runs(string command, string assemblies) =>
        Assert.Equal(assemblies, string.Join(' ', Toolchain.AssembliesOf(command)));

    [Fact]
    public void Skipped_tests_are_listed_with_their_reason_and_too_many_of_them_fail()
    {
        TestOutcome[] outcomes = [new("a", "Passed", ""), new("b", "NotExecuted", "no data"), new("c", "NotExecuted", "no data")];
        var output = new StringWriter();
        Assert.Equal(ExitCode.Done, TestCommand.Conclude(outcomes, [], 2, output));
        Assert.Equal("skipped: no data\n  b\n  c\n1 passed, 0 failed, 2 skipped\n", output.ToString());
        Assert.Equal(ExitCode.Failed, TestCommand.Conclude(outcomes, [], 1, TextWriter.Null));
        Assert.Equal(ExitCode.Failed, TestCommand.Conclude([], [], 1, TextWriter.Null));
        output = new StringWriter();
        Assert.Equal(ExitCode.Failed, TestCommand.Conclude([new("a", "Failed", "because")], ["tests/X"], 0, output));
        Assert.EndsWith("0 passed, 2 failed, 0 skipped\n", output.ToString(), StringComparison.Ordinal);
    }
}
