using System.CommandLine;

namespace Mim.Pipeline;

/// <summary>The file and the params that run, status, explain, graph and metrics share.</summary>
public sealed class PipelineOptions
{
    readonly Argument<string> _file = new("FILE")
    {
        Description = "The pipeline.",
        DefaultValueFactory = _ => "pipeline.yml",
        Validators =
        {
            // The parser takes an unknown option for the file.
            result =>
            {
                if (result.Tokens is [{ Value: ['-', ..] and var option }])
                {
                    result.AddError($"Unknown option '{option}'.");
                }
            },
        },
    };

    readonly Option<string[]> _params = new("-p", "--param")
    {
        Description = "name=value: another value for one of the file's params; of a list, hidden=[5, 50]. Repeatable.",
        DefaultValueFactory = _ => [],
    };

    Option<string>? _fileOption;

    /// <summary>Adds them to a command; <paramref name="asOption"/> when the command has an argument of its own.</summary>
    public static PipelineOptions AddTo(Command command, bool asOption = false)
    {
        var options = new PipelineOptions();
        if (asOption)
        {
            options._fileOption = new Option<string>("--file") { Description = "The pipeline.", DefaultValueFactory = _ => "pipeline.yml" };
            command.Options.Add(options._fileOption);
        }
        else
        {
            command.Arguments.Add(options._file);
        }
        command.Options.Add(options._params);
        return options;
    }

    public PipelineFile Read(ParseResult parsed, Project project)
    {
        var given = (_fileOption is null ? parsed.GetValue(_file) : parsed.GetValue(_fileOption)) ?? "pipeline.yml";
        // As typed where it is; the default belongs to the project, wherever the caller stands.
        var path = File.Exists(given) || Path.IsPathRooted(given) ? given : Path.Combine(project.Root, given);
        return PipelineFile.Read(path, parsed.GetValue(_params) ?? []);
    }

    /// <summary>Opens the pipeline with the machine's toolchain and the project's hash cache; saves the cache when <paramref name="use"/> is done, however it ends.</summary>
    public async Task<int> UseAsync(ParseResult parsed, Project project, Func<PipelineFile, PipelineRun, Task<int>> use)
    {
        var file = Read(parsed, project);
        var hashes = new FileHashes(Path.Combine(project.Root, ".mim", "hashes"), TimeProvider.System);
        var hardware = Hardware.Detect();
        var run = new PipelineRun(file, project, hashes, stage => Toolchain.Of(project, stage.Command, hardware, hashes), Console.Error);
        try
        {
            return await use(file, run);
        }
        finally
        {
            hashes.Save();
        }
    }
}
