using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class OptionsTests
{
    [Fact]
    public void Environment_wins_over_the_file_and_flags_over_both()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["worker.json"], """{"Inference": {"MaxBatchSize": 8, "QueueCapacity": 32, "Threads": 3, "Model": "m"}}""");
        using var host = InferenceHost.CreateStream(
            new([new("Threads", "5")]) { File = folder["worker.json"], Environment = [new("queuecapacity", "64"), new("Threads", "4")] }, Stream.Null, Stream.Null);
        var options = host.Services.GetRequiredService<IOptions<InferenceOptions>>().Value;
        Assert.Equal((8, 64, 5), (options.MaxBatchSize, options.QueueCapacity, options.Threads));
    }

    [Fact]
    public void Faults_of_variables_name_the_variable_and_come_with_all_others()
    {
        var fault = Fault(new([new("Model", "m"), new("Threads", "0")]) { Environment = [new("QueueCapacity", "3"), new("MaxBatchSise", "8"), new("Threads", "many")] });
        Assert.Equal(
        [
            "unknown key 'MIM__MaxBatchSise'. Did you mean 'MaxBatchSize'?",
            "'MIM__QueueCapacity': expected an integer from 16 to 1048576, found '3'.",
            "'Inference:Threads': expected an integer from 1 to 1024, found '0'.",
        ], fault.Split('\n'));
    }

    [Theory]
    [InlineData("ApiKey", "s3cret")]
    [InlineData("ApiKey", "s3cret with spaces in it")]
    [InlineData("ApiKey", "s3cret-0123456789abcdé")]
    public void A_secret_that_is_refused_is_not_shown(string key, string value)
    {
        var fault = Fault(new([new("Model", "m"), new(key, value)]));
        Assert.Contains($"{key}: expected", fault, StringComparison.Ordinal);
        Assert.Contains("not shown", fault, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_in_words_have_no_secret_in_them()
    {
        var words = new InferenceOptions { Model = "m", ApiKey = "s3cret-0123456789", CertificatePassword = "s3cret" }.ToString();
        Assert.DoesNotContain("s3cret", words, StringComparison.Ordinal);
        Assert.Contains("ApiKey = (not shown)", words, StringComparison.Ordinal);
        Assert.Contains("Model = m, ", words, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OtlpEndpoint", "nonsense", "an address such as http://127.0.0.1:4318")]
    [InlineData("OtlpEndpoint", "ftp://127.0.0.1", "an address such as http://127.0.0.1:4318")]
    [InlineData("ModelControl", "perhaps", "true or false")]
    [InlineData("LingerMilliseconds", "-1", "an integer from 0 to 1000")]
    [InlineData("CanarySeconds", "0", "an integer from 1 to 3600")]
    public void A_text_that_is_no_value_of_its_key_is_named_with_what_is(string key, string value, string expected) =>
        Assert.Equal($"'Inference:{key}': expected {expected}, found '{value}'.", Fault(new([new("Model", "m"), new(key, value)])));

    [Theory]
    [InlineData("https://127.0.0.1:0", null, null, "Certificate: expected a file for https://127.0.0.1:0, found none")]
    [InlineData("http://127.0.0.1:0", "c.pem", null, "Urls: expected an address that begins with https://")]
    [InlineData("http://127.0.0.1:0", null, "k.pem", "CertificateKey: expected a certificate beside it, found none")]
    [InlineData("https://127.0.0.1:0", "nosuch.pfx", null, "Certificate: nosuch.pfx: there is no such file.")]
    public void Addresses_certificate_and_key_must_go_together(string urls, string? certificate, string? key, string expected) =>
        Assert.Contains(
            expected,
            Fault(new([new("Model", "m"), new("Urls", urls), new("CertificatePassword", "s3cret"), .. Given("Certificate", certificate), .. Given("CertificateKey", key)])),
            StringComparison.Ordinal);

    [Fact]
    public void A_certificate_that_does_not_open_is_a_fault_without_the_password()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["c.pfx"], "not a certificate");
        var fault = Fault(new([new("Model", "m"), new("Urls", "https://127.0.0.1:0"), new("Certificate", folder["c.pfx"]), new("CertificatePassword", "s3cret")]));
        Assert.Contains("expected a certificate with its key and the right CertificatePassword", fault, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", fault, StringComparison.Ordinal);
    }

    static IEnumerable<KeyValuePair<string, string?>> Given(string key, string? value) => value is null ? [] : [new(key, value)];

    static string Fault(ConfigurationSources sources) => Assert.Throws<UsageException>(() => InferenceHost.CreateHttp(sources)).Message;
}
