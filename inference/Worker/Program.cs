using System.CommandLine;
using Mim.CommandLine;
using Mim.Inference;

return await Cli.RunAsync(
    new RootCommand("Mim.Inference: encode and decode with a verified model package through ONNX Runtime.")
    {
        EncodeCommand.Create(),
        DecodeCommand.Create(),
        VerifyCommand.Create(),
        ServeCommand.Create(),
        BenchCommand.Create(),
    },
    args);
