using Spectre.Console;

namespace Mim.Pipeline;

/// <summary>Standard output as Spectre.Console should see it: escape codes and line breaks are for terminals, not for files and pipes.</summary>
public static class Terminal
{
    const int Unbounded = 10_000;

    public static IAnsiConsole Out()
    {
        if (!Console.IsOutputRedirected)
        {
            return AnsiConsole.Console;
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(Console.Out) });
        console.Profile.Width = Unbounded;
        return console;
    }
}
