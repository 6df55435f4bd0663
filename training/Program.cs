using System.CommandLine;
using Mim.CommandLine;

return await Cli.RunAsync(new RootCommand("Mim.Pipeline"), args);
