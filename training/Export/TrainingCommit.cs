using System.ComponentModel;
using System.Diagnostics;

namespace Mim.Training;

/// <summary>The git commit that a folder's work tree stands on.</summary>
public static class TrainingCommit
{
    const string DirtySuffix = "+dirty";
    const string RefPrefix = "ref: ";
    const string GitFilePrefix = "gitdir: ";

    /// <summary>
    /// The hash that HEAD of the work tree around <paramref name="folder"/> names, read from its <c>.git</c>; null outside git and before the first
    /// commit. "+dirty" is added when git itself is installed and reports changes.
    /// </summary>
    public static string? Find(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (GitFolder(Path.Combine(at.FullName, ".git")) is { } git)
            {
                return Head(git) is { } hash ? hash + (IsDirty(at.FullName) ? DirtySuffix : "") : null;
            }
        }
        return null;
    }

    /// <summary>A work tree's or a submodule's .git is a file that names the folder.</summary>
    static string? GitFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return path;
        }
        if (File.Exists(path) && File.ReadAllText(path).Trim() is var text && text.StartsWith(GitFilePrefix, StringComparison.Ordinal))
        {
            return Path.GetFullPath(text[GitFilePrefix.Length..], Path.GetDirectoryName(path) ?? ".");
        }
        return null;
    }

    static string? Head(string git)
    {
        var headFile = Path.Combine(git, "HEAD");
        if (!File.Exists(headFile))
        {
            return null;
        }
        var head = File.ReadAllText(headFile).Trim();
        if (!head.StartsWith(RefPrefix, StringComparison.Ordinal))
        {
            return head;
        }
        var name = head[RefPrefix.Length..];
        var commonFile = Path.Combine(git, "commondir");
        var common = File.Exists(commonFile) ? Path.GetFullPath(File.ReadAllText(commonFile).Trim(), git) : git;
        foreach (var folder in (string[])[git, common])
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file))
            {
                return File.ReadAllText(file).Trim();
            }
        }
        var packed = Path.Combine(common, "packed-refs");
        return File.Exists(packed)
            ? File.ReadLines(packed).Select(line => line.Split(' ')).FirstOrDefault(parts => parts.Length == 2 && parts[1] == name)?[0]
            : null;
    }

    static bool IsDirty(string workTree)
    {
        // A lock file is what a pipeline run itself writes while it trains: no change of what trains.
        var start = new ProcessStartInfo("git", ["status", "--porcelain", "--", ".", ":(exclude)*.lock"])
        {
            WorkingDirectory = workTree,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var git = Process.Start(start);
            if (git is null)
            {
                return false;
            }
            git.ErrorDataReceived += static (_, _) => { };
            git.BeginErrorReadLine();
            var output = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            return git.ExitCode == 0 && output.Length > 0;
        }
        catch (Win32Exception)
        {
            // git is not installed: the hash alone is what can be said.
            return false;
        }
    }
}
