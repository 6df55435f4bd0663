using System.CommandLine;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim graph</c>: the stages and their edges, as text or as a Mermaid diagram.</summary>
public static class GraphCommand
{
    public static Command Create(Project project)
    {
        var mermaid = new Option<bool>("--mermaid") { Description = "Write a Mermaid flowchart. Default: false." };
        var command = new Command("graph", "Print the stages in the order of their dependencies.") { mermaid };
        var options = PipelineOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            Console.Write(Render(options.Read(parsed, project), parsed.GetValue(mermaid)));
            return ExitCode.Done;
        });
        return command;
    }

    public static string Render(PipelineFile file, bool mermaid)
    {
        var graph = new StageGraph(file.Stages);
        if (!mermaid)
        {
            var width = graph.Ordered.Select(s => s.Name.Length).DefaultIfEmpty().Max();
            return string.Concat(graph.Ordered.Select(s => graph.Before(s.Name) is { Count: > 0 } before ? $"{s.Name.PadRight(width)}  <- {string.Join(", ", before)}\n" : $"{s.Name}\n"));
        }
        var numbers = graph.Ordered.Select((s, i) => (s.Name, i)).ToDictionary(p => p.Name, p => p.i);
        return "flowchart TD\n"
            + string.Concat(graph.Ordered.Select(s => $"  s{numbers[s.Name]}[\"{s.Name}\"]\n"))
            + string.Concat(graph.Ordered.SelectMany(s => graph.Before(s.Name).Select(b => $"  s{numbers[b]} --> s{numbers[s.Name]}\n")));
    }
}
