using System.CommandLine;
using Mim.CommandLine;
using Mim.Inference;

return await Cli.RunAsync(
    new Command("mim", "Encode and decode with a verified model package through ONNX Runtime.")
    {
        EncodeCommand.Create(),
        DecodeCommand.Create(),
        VerifyCommand.Create(),
        ServeCommand.Create(),
        BenchCommand.Create(),
        WorkCommand.Create(),
        DlqCommand.Create(),
        MigrateCommand.Create(),
        ChaosCommand.Create(),
    },
    args,
    // Both drain for at most --drain seconds, which may be an hour.
    patience: args is ["serve" or "work", ..] ? TimeSpan.FromHours(2) : null);
