using System.CommandLine;
using Mim.CommandLine;
using Mim.Pipeline;

var project = Project.FromEnvironment();
return await Cli.RunAsync(
    new Command("mim", "The pipeline: stages, lock, gates; the model store; the machine.")
    {
        RunCommand.Create(project),
        StatusCommand.Create(project),
        StatusCommand.CreateExplain(project),
        GraphCommand.Create(project),
        MetricsCommand.Create(project),
        ModelsCommand.Create(project),
        TestCommand.Create(project),
        SetupCommand.Create(project),
        DoctorCommand.Create(project),
    },
    args);
