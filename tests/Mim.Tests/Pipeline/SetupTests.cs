using Mim.Pipeline;

namespace Mim.Tests.Pipeline;

public sealed class SetupTests
{
    static readonly PackageFeed s_all = new([], null);

    static PackageFeed Lacks(params string[] packages) => new(packages, null);

    [Theory]
    [InlineData("error NU1101: Unable to find package TorchSharp-cpu. No packages exist with this id in source(s): here [/a/probe.csproj]", "TorchSharp-cpu")]
    [InlineData("/a/probe.csproj : error NU1102: Unable to find package Microsoft.ML with version (= 5.0.0)", "Microsoft.ML")]
    [InlineData("x : error NU1101: Unable to find package A.B. No\nx : error NU1101: Unable to find package C. No\nx : error NU1101: Unable to find package C. No", "A.B,C")]
    public void A_feed_that_answers_no_lacks_the_package(string output, string packages)
    {
        var feed = PackageFeed.Judge(1, output);
        Assert.Null(feed.Silence);
        Assert.Equal(packages, string.Join(',', feed.Lacks));
    }

    [Theory]
    [InlineData("x : error NU1301: Unable to load the service index for source https://feed/index.json.")]
    [InlineData("x : error NU1101: Unable to find package A. No\nx : error NU1301: Unable to load the service index.")]
    [InlineData("x : error NU1900: something new")]
    [InlineData("Killed")]
    [InlineData("")]
    public void A_feed_that_does_not_answer_lacks_nothing_and_has_nothing(string output)
    {
        var feed = PackageFeed.Judge(1, output);
        Assert.NotNull(feed.Silence);
        Assert.Empty(feed.Lacks);
        Assert.False(feed.HasAll);
    }

    [Fact]
    public void The_best_engines_that_feed_and_hardware_give_are_chosen()
    {
        Assert.Equal("cuda", SetupCommand.Choose("H200", _ => s_all).Engines);
        Assert.Equal("cpu", SetupCommand.Choose(null, _ => s_all).Engines);
        Assert.Equal("system", SetupCommand.Choose(null, _ => Lacks("Microsoft.ML")).Engines);
        var unused = SetupCommand.Choose("H200", packages => packages.Contains("TorchSharp-cpu") ? s_all : Lacks("TorchSharp-cuda-linux"));
        Assert.Equal("cpu", unused.Engines);
        Assert.Contains("lacks TorchSharp-cuda-linux, so the device stays unused", unused.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Silence_chooses_nothing()
    {
        var e = Assert.Throws<IOException>(() => SetupCommand.Choose(null, _ => new PackageFeed([], "NU1301: no route")));
        Assert.Contains("did not answer, so nothing is chosen: NU1301", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_is_absent_is_installed()
    {
        Assert.Equal(["libtorch-dev", SystemPackages.OpenBlas, "g++", "npm"], SystemPackages.Missing(_ => false, _ => false, needsLibtorch: true, needsOnnxRuntime: true));
        Assert.Equal(["g++"], SystemPackages.Missing(_ => false, program => program == "npm", needsLibtorch: false, needsOnnxRuntime: true));
        Assert.Equal([], SystemPackages.Missing(_ => true, _ => true, needsLibtorch: true, needsOnnxRuntime: true));
    }

    [Fact]
    public void The_choice_is_read_as_it_was_written_and_is_xml_whatever_the_reason_says()
    {
        var folder = Directory.CreateTempSubdirectory("mim-engines-").FullName;
        try
        {
            var choice = new EngineChoice("system", "--engines <system> & more");
            choice.Write(folder);
            Assert.Equal(choice, EngineChoice.Read(folder));
            var project = new Project { Root = folder, Cache = folder };
            Assert.Equal(choice, EngineChoice.InUse(project));
            Assert.Equal("cuda", EngineChoice.InUse(project with { BuildEngines = "cuda" })?.Engines);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
