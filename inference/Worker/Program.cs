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
    },
    args,
    // serve drains for at most --drain seconds, which may be an hour.
    patience: args is ["serve", ..] ? TimeSpan.FromHours(2) : null);
