using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mim.Tests.Reporting;

/// <summary>A test that needs a browser. Skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium.Executable is null)
        {
            Skip = "'chromium' not found on the PATH. To run this test, as root: apt-get install --no-install-recommends -y chromium";
        }
    }
}

/// <summary>
/// A headless Chromium that speaks the DevTools protocol over two pipes: no port, no driver. One page; what it says while it loads is kept.
/// </summary>
public sealed class Chromium : IDisposable
{
    /// <summary>Longer than a page takes on a busy machine.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-chromium-");
    readonly Process _process;
    readonly FileStream _commands;
    readonly FileStream _answers;
    readonly string _session;
    readonly ConcurrentQueue<JsonNode> _events = new();
    readonly BlockingCollection<JsonNode> _results = [];
    int _id;

    public Chromium()
    {
        var (commands, answers) = (Path.Combine(_folder.FullName, "commands"), Path.Combine(_folder.FullName, "answers"));
        // The browser reads from descriptor 3 and writes to 4, which .NET cannot pass on: named pipes and a shell can. Opened for both directions,
        // a named pipe waits for nobody.
        Assert.Equal(0, MakePipe(Encoding.UTF8.GetBytes(commands + '\0'), 0b110_000_000));
        Assert.Equal(0, MakePipe(Encoding.UTF8.GetBytes(answers + '\0'), 0b110_000_000));
        _commands = new FileStream(commands, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
        _answers = new FileStream(answers, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
        _process = Process.Start(new ProcessStartInfo("/bin/sh",
        [
            "-c", "exec \"$0\" \"$@\" 3<\"$COMMANDS\" 4>\"$ANSWERS\" 2>\"$LOG\" >&2", Executable ?? "chromium", "--headless=new", "--remote-debugging-pipe",
            // Root has no sandbox to enter, and tests run as root in containers; the pages are our own.
            "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", $"--user-data-dir={_folder.FullName}/profile", "about:blank",
        ])
        {
            Environment = { ["COMMANDS"] = commands, ["ANSWERS"] = answers, ["LOG"] = Path.Combine(_folder.FullName, "log"), ["HOME"] = _folder.FullName },
        }) ?? throw new InvalidOperationException("/bin/sh does not start.");
        new Thread(Listen) { IsBackground = true }.Start();
        var target = Send(null, "Target.createTarget", new JsonObject { ["url"] = "about:blank" })["targetId"];
        _session = (string?)Send(null, "Target.attachToTarget", new JsonObject { ["targetId"] = target?.DeepClone(), ["flatten"] = true })["sessionId"] ?? "";
        foreach (var domain in new[] { "Page", "Runtime", "Log", "Network" })
        {
            Call($"{domain}.enable");
        }
    }

    public static string? Executable { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .SelectMany(folder => new[] { Path.Combine(folder, "chromium"), Path.Combine(folder, "google-chrome") }).FirstOrDefault(File.Exists);

    /// <summary>Messages to the console, exceptions and violated policies since the last <see cref="Open"/>.</summary>
    public IReadOnlyList<string> Complaints => [.. _events.Where(e => (string?)e["method"] is "Log.entryAdded" or "Runtime.exceptionThrown" or "Runtime.consoleAPICalled")
        .Select(e => e["params"]?.ToJsonString() ?? "")];

    /// <summary>Addresses that the page asked for since the last <see cref="Open"/>.</summary>
    public IReadOnlyList<string> Requests => [.. _events.Where(e => (string?)e["method"] == "Network.requestWillBeSent")
        .Select(e => (string?)e["params"]?["request"]?["url"] ?? "")];

    /// <summary>Loads a file in a viewport of so many CSS pixels, and waits until it is drawn.</summary>
    public void Open(string path, int width, int height = 800, string media = "", bool dark = false, bool reducedMotion = false)
    {
        Call("Emulation.setDeviceMetricsOverride", ("width", width), ("height", height), ("deviceScaleFactor", 1), ("mobile", false));
        Call("Emulation.setEmulatedMedia", ("media", media), ("features", new JsonArray(
            new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" },
            new JsonObject { ["name"] = "prefers-reduced-motion", ["value"] = reducedMotion ? "reduce" : "no-preference" })));
        Call("Page.navigate", ("url", "about:blank"));
        _events.Clear();
        Call("Page.navigate", ("url", $"file://{path}"));
        Evaluate("""
            new Promise(done => {
                const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => done(1)));
                document.readyState === "complete" ? drawn() : addEventListener("load", drawn);
            })
            """);
    }

    /// <summary>The value of an expression, or what its promise comes to.</summary>
    public JsonNode Evaluate(string expression)
    {
        var result = Call("Runtime.evaluate", ("expression", expression), ("returnByValue", true), ("awaitPromise", true));
        Assert.True(result["exceptionDetails"] is null, result.ToJsonString());
        return result["result"]?["value"] ?? throw new InvalidOperationException($"{expression}: expected a value, found none.");
    }

    public T Evaluate<T>(string expression) => Evaluate(expression).GetValue<T>();

    public void Press(string key)
    {
        Call("Input.dispatchKeyEvent", ("type", "rawKeyDown"), ("key", key), ("code", key), ("windowsVirtualKeyCode", key == "Tab" ? 9 : 13), ("text", key == "Enter" ? "\r" : ""));
        if (key == "Enter")
        {
            Call("Input.dispatchKeyEvent", ("type", "char"), ("key", key), ("text", "\r"));
        }
        Call("Input.dispatchKeyEvent", ("type", "keyUp"), ("key", key), ("code", key), ("windowsVirtualKeyCode", key == "Tab" ? 9 : 13));
    }

    public JsonNode Call(string method, params (string Name, JsonNode? Value)[] parameters) =>
        Send(_session, method, new JsonObject(parameters.Select(parameter => KeyValuePair.Create(parameter.Name, parameter.Value))));

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        // Ends the listener: it reads what it would have waited for.
        _answers.WriteByte(0);
        _answers.Flush();
        _commands.Dispose();
        _answers.Dispose();
        _folder.Delete(recursive: true);
    }

    JsonNode Send(string? session, string method, JsonObject parameters)
    {
        var id = ++_id;
        var command = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        if (session is not null)
        {
            command["sessionId"] = session;
        }
        _commands.Write(Encoding.UTF8.GetBytes(command.ToJsonString() + '\0'));
        _commands.Flush();
        while (_results.TryTake(out var answer, s_patience))
        {
            if ((int?)answer["id"] == id)
            {
                return answer["result"] ?? throw new InvalidOperationException($"{method}: {answer["error"]?.ToJsonString()}");
            }
        }
        throw new TimeoutException($"{method}: no answer in {s_patience}. {File.ReadAllText(Path.Combine(_folder.FullName, "log"))}");
    }

    /// <summary>Messages end with a zero byte.</summary>
    void Listen()
    {
        using var message = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (true)
        {
            int read;
            try
            {
                read = _answers.Read(buffer);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            foreach (var value in buffer.AsSpan(0, read))
            {
                if (value != 0)
                {
                    message.WriteByte(value);
                    continue;
                }
                if (message.Length == 0)
                {
                    return;
                }
                var node = JsonSerializer.Deserialize<JsonNode>(message.ToArray()) ?? new JsonObject();
                message.SetLength(0);
                if (node["id"] is null)
                {
                    _events.Enqueue(node);
                }
                else
                {
                    _results.Add(node);
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    static extern int MakePipe(byte[] path, uint mode);
}
