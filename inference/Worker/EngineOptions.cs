using System.CommandLine;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Where a session computes: <c>auto</c> is the GPU when the engine has its provider and the machine has one, else the CPU.</summary>
public enum Device
{
    Auto,
    Cpu,
    Cuda,
}

/// <summary>How a session is to compute.</summary>
/// <param name="Threads">Threads of one run.</param>
/// <param name="Spins">Whether threads that wait for their next part of a run keep a processor busy: soonest done where nobody else wants one.</param>
public sealed record EngineOptions(int Threads, Device Device, bool Spins = true)
{
    public static EngineOptions Default { get; } = new(CpuLimit.Threads(), Device.Auto);
}

/// <summary>The options that every verb with a session has.</summary>
sealed class EngineFlags
{
    /// <summary>The project's store wherever the command is typed; without a project, the one in this folder.</summary>
    internal static string Store { get; } = Path.Combine(Environment.GetEnvironmentVariable("MIM_ROOT") ?? "", "models");

    readonly Option<string> _model = new("--model")
    {
        Description = "A package folder, or NAME, NAME/current or NAME/VERSION in the store.",
        Required = true,
    };

    readonly Option<string> _store = new("--store") { Description = "The model store.", DefaultValueFactory = _ => Store };

    readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of one run; the default is this machine's control-group limit.",
        DefaultValueFactory = _ => CpuLimit.Threads(),
    };

    readonly Option<Device> _device = new("--device") { Description = "auto, cpu or cuda.", DefaultValueFactory = _ => Device.Auto };

    public Option<string> Model => _model;

    public void AddTo(Command command, bool withModel = true)
    {
        if (withModel)
        {
            command.Add(_model);
        }
        command.Add(_store);
        command.Add(_threads);
        command.Add(_device);
    }

    public EngineOptions Engine(ParseResult parsed)
    {
        var threads = parsed.GetValue(_threads);
        return threads >= 1
            ? new(threads, parsed.GetValue(_device))
            : throw new UsageException($"--threads: expected at least 1, found {threads}.");
    }

    public string StoreOf(ParseResult parsed) => parsed.GetValue(_store) ?? Store;

    public ModelPackage Open(ParseResult parsed, string? nameOrPath = null) =>
        ModelPackage.Open(new ModelStore(StoreOf(parsed)).Resolve(nameOrPath ?? parsed.GetRequiredValue(_model)));
}
