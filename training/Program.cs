using System.CommandLine;
using Mim.CommandLine;
using Mim.Training;

return await Cli.RunAsync(
    new Command("mim", "Train models on data, evaluate them, report on them and export them to ONNX.")
    {
        TrainCommand.Create(),
        EvaluateCommand.Create(),
        ExportCommand.Create(),
        ReportCommand.Create(),
        DataCommand.Create(),
    },
    args);
