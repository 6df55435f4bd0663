using Mim.Training;

namespace Mim.Tests.Export;

public sealed class TrainingCommitTests : IDisposable
{
    const string Hash = "0123456789abcdef0123456789abcdef01234567";

    readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mim-commit-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Is_read_through_the_branch_that_HEAD_names()
    {
        Write(".git/HEAD", "ref: refs/heads/main\n");
        Write(".git/refs/heads/main", Hash + "\n");
        var folder = _root.CreateSubdirectory("a/b").FullName;
        // git itself does not take this folder for a repository, so nothing is dirty.
        Assert.Equal(Hash, TrainingCommit.Find(folder));
    }

    [Fact]
    public void Is_read_from_packed_references_and_from_a_detached_HEAD()
    {
        Write(".git/HEAD", "ref: refs/heads/main\n");
        Write(".git/packed-refs", $"# pack-refs with: peeled\n{new string('f', 40)} refs/heads/other\n{Hash} refs/heads/main\n");
        Assert.Equal(Hash, TrainingCommit.Find(_root.FullName));
        Write(".git/HEAD", Hash + "\n");
        Assert.Equal(Hash, TrainingCommit.Find(_root.FullName));
    }

    [Fact]
    public void Of_a_work_tree_is_found_through_the_file_that_names_its_git_folder()
    {
        Write("tree/.git", "gitdir: ../main/.git/worktrees/tree\n");
        Write("main/.git/worktrees/tree/HEAD", "ref: refs/heads/topic\n");
        Write("main/.git/worktrees/tree/commondir", "../..\n");
        Write("main/.git/refs/heads/topic", Hash + "\n");
        Assert.Equal(Hash, TrainingCommit.Find(Path.Combine(_root.FullName, "tree")));
    }

    [Fact]
    public void Before_the_first_commit_is_null()
    {
        Write(".git/HEAD", "ref: refs/heads/main\n");
        Assert.Null(TrainingCommit.Find(_root.FullName));
    }

    void Write(string path, string text)
    {
        var file = new FileInfo(Path.Combine(_root.FullName, path));
        file.Directory?.Create();
        File.WriteAllText(file.FullName, text);
    }
}
