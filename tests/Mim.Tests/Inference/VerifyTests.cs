using System.CommandLine;
using System.Text.Json;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class VerifyTests
{
    [Fact]
    public async Task Honest_goldens_pass_and_the_report_says_so()
    {
        using var folder = new TemporaryFolder();
        var manifest = new AffineModel(seed: 1).Write(folder["package"]);
        var (code, output, error) = await RunAsync(VerifyCommand.Create(), folder["package"], "--report", folder["parity.json"]);
        Assert.Equal((ExitCode.Done, ""), (code, error));
        using var report = JsonDocument.Parse(File.ReadAllText(folder["parity.json"]));
        Assert.True(report.RootElement.GetProperty("passed").GetBoolean());
        Assert.Equal(manifest.SpaceId, report.RootElement.GetProperty("space_id").GetString());
        // 4 tensors, 4 batch sizes, against the golden and against single rows.
        Assert.Equal(32, report.RootElement.GetProperty("checks").GetArrayLength());
        Assert.DoesNotContain("FAILED", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_weight_that_is_off_by_1e_4_ends_with_code_3_and_names_tensor_and_batch_size()
    {
        using var folder = new TemporaryFolder();
        new AffineModel(seed: 1).Write(folder["package"], planted: 1e-4f);
        var (code, output, error) = await RunAsync(VerifyCommand.Create(), folder["package"], "--report", folder["parity.json"]);
        Assert.Equal(ExitCode.Gate, code);
        Assert.Contains("z_mean at n = 64", error, StringComparison.Ordinal);
        Assert.Contains("bound", error, StringComparison.Ordinal);
        Assert.Contains("FAILED", output, StringComparison.Ordinal);
        // Only z_mean was touched, and a wrong weight is wrong in a batch and alone.
        Assert.DoesNotContain("z_log_var at", error, StringComparison.Ordinal);
        Assert.DoesNotContain(ParityCheck.OneByOne, error, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(File.ReadAllText(folder["parity.json"]));
        Assert.False(report.RootElement.GetProperty("passed").GetBoolean());
    }

    [Fact]
    public async Task A_graph_that_looks_at_the_other_rows_of_its_batch_ends_with_code_3_though_its_goldens_do_too()
    {
        using var folder = new TemporaryFolder();
        new AffineModel(seed: 1).Write(folder["package"], centred: true);
        var (code, _, error) = await RunAsync(VerifyCommand.Create(), folder["package"]);
        Assert.Equal(ExitCode.Gate, code);
        Assert.Contains($"{ParityCheck.OneByOne}: z_mean at n = 2", error, StringComparison.Ordinal);
        Assert.DoesNotContain($"{ParityCheck.OneByOne}: z_mean at n = 1:", error, StringComparison.Ordinal);
        Assert.DoesNotContain($"{ParityCheck.Golden}:", error, StringComparison.Ordinal);
    }

    internal static async Task<(int Code, string Output, string Error)> RunAsync(Command command, params string[] args)
    {
        using StringWriter output = new(), error = new();
        var parsed = command.Parse(args);
        Assert.Empty(parsed.Errors);
        var code = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }
}
