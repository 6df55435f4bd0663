using System.Security.Cryptography;
using Mim.Training;

namespace Mim.Tests.Reporting;

public sealed class VendorTests
{
    /// <summary>Report/Vendor/get.sh --check compares the same files with npm's, byte for byte, where npm is.</summary>
    [Fact]
    public void The_chart_library_is_the_one_that_was_taken_from_npm()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "../../../../training/Report/Vendor");
        var sums = File.ReadAllLines(Path.Combine(folder, "SHA512SUMS")).Select(line => line.Split("  ")).ToDictionary(line => line[1], line => line[0]);
        var embedded = typeof(ReportPage).Assembly.GetManifestResourceNames();
        foreach (var file in Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path) ?? "").Where(name => name is not ("SHA512SUMS" or "get.sh")))
        {
            Assert.Contains($"report/{file}", embedded);
            using var resource = typeof(ReportPage).Assembly.GetManifestResourceStream($"report/{file}");
            using var bytes = new MemoryStream();
            resource?.CopyTo(bytes);
            Assert.Equal(sums[file], Convert.ToHexStringLower(SHA512.HashData(bytes.ToArray())));
        }
        Assert.Equal(4, sums.Count);
        // The notices of the licences are in every page.
        var page = ReportPage.Write([SampleRuns.Create("mim")]);
        Assert.Contains("Copyright 2010-2023 Mike Bostock\n\nPermission to use", page, StringComparison.Ordinal);
        Assert.Contains("Copyright 2020-2025 Observable, Inc.\n\nPermission to use", page, StringComparison.Ordinal);
    }
}
