using System.CommandLine;
using Mim.CommandLine;
using Mim.Downstream;

return await Cli.RunAsync(
    new Command("mim", "Clusters and classifies embeddings through ML.NET.")
    {
        new Command("downstream", "Fit, use and describe ML.NET models on embeddings.")
        {
            FitCommand.Create(),
            ScoreCommand.Create(),
            ReportCommand.Create(),
        },
    },
    args);
