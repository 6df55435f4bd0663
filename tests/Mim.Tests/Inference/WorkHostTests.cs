using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>What 'mim work' refuses before it has read, or loaded, anything.</summary>
public sealed class WorkHostTests
{
    const string Sink = "npy:vectors";

    /// <summary>F5 of the failure catalogue: an unknown sink must not look like a worker that works.</summary>
    [Theory]
    [InlineData("amqp://nowhere/?queue=records", "redis://nowhere/0", "--sink: expected the address of a sink, found 'redis://nowhere/0'. Known: postgres://")]
    [InlineData("amqp://nowhere/?queue=records", "vectors.jsonl", "--sink: expected the address of a sink, found 'vectors.jsonl'.")]
    [InlineData("amqp://nowhere/?queue=records", "npy:", "--sink: npy:: expected the name of a folder after the colon, found none.")]
    [InlineData("kafka://nowhere/records", Sink, "--source: expected the address of a source, found 'kafka://nowhere/records'. Known: amqp")]
    [InlineData("amqp://nowhere/", Sink, "expected '?queue=NAME', found no name of a queue.")]
    [InlineData("amqp://nowhere/?queue=a&quue=b", Sink, "unknown key 'quue'")]
    [InlineData("amqp://nowhere/?queue=a&queue=b", Sink, "key 'queue' stands twice")]
    [InlineData("amqp://nowhere/?queue=a&delivery_limit=0", Sink, "delivery_limit: expected an integer from 1, found '0'.")]
    [InlineData("amqp://nowhere/?queue=a&declare=maybe", Sink, "declare: expected true or false, found 'maybe'.")]
    [InlineData("amqp://nowhere/?queue=records", "postgres://nowhere/db?table=Robert'); DROP TABLE codes;--", "expected '?table=NAME' with a name of a-z")]
    [InlineData("amqp://nowhere/?queue=records", "postgres://nowhere/db?table=codes&sslmode=perhaps", "sslmode: expected disable, prefer")]
    public void An_address_that_is_none_ends_the_start_and_says_what_is_known(string source, string sink, string message) =>
        Assert.Contains(message, Refusal(source, sink).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("amqp://user:secret@nowhere/?quue=records", Sink)]
    [InlineData("amqp://user:se/cr@et@nowhere/", Sink)]
    [InlineData("redis://user:secret@nowhere/", Sink)]
    [InlineData("amqp://nowhere/?queue=records", "mysql://user:secret@nowhere/db")]
    [InlineData("amqp://nowhere/?queue=records", "postgres://user:secret@nowhere/db?table=A")]
    public void No_message_shows_a_password(string source, string sink)
    {
        var message = Refusal(source, sink).Message;
        Assert.Contains("user:***@", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
        Assert.DoesNotContain("cr@et", message, StringComparison.Ordinal);
    }

    /// <summary>Characters that end user, password, host, path or query, where somebody forgot to encode them.</summary>
    [Theory]
    [InlineData("se?zq")]
    [InlineData("se@zq")]
    [InlineData("se/zq")]
    [InlineData("se:zq")]
    [InlineData("se#zq")]
    [InlineData("se%zq")]
    [InlineData("9977?zq@se")]
    [InlineData("9977/zq@se")]
    [InlineData("9977#zq@se")]
    [InlineData("9977?queue=zq@se")]
    [InlineData("9977?zq=se@9977?table=zq&zq=se")]
    [InlineData("@se@zq:?/#%@")]
    [InlineData("se\nzq")]
    public void No_password_shows_whatever_characters_it_has(string password)
    {
        foreach (var form in (string[])["amqp://user:{0}@nowhere/?quue=a", "amqp:user:{0}@nowhere", "user:{0}@nowhere", "amqp://:{0}@nowhere:1/?quue=a", "amqp://us@er:{0}@nowhere/?quue=a"])
        {
            var address = form.Replace("{0}", password, StringComparison.Ordinal);
            foreach (var text in (string[])[Refusal(address, Sink).Message, Refusal("amqp://nowhere/?queue=a", address).Message, new InferenceOptions { Source = address }.ToString()])
            {
                Assert.Contains(":***@nowhere", text, StringComparison.Ordinal);
                Assert.DoesNotContain("zq", text, StringComparison.Ordinal);
                Assert.DoesNotContain("9977", text, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("amqp://nowhere:5672/?queue=a", "amqp://nowhere:5672/?queue=a")]
    [InlineData("amqp://user@nowhere:5672/?queue=a", "amqp://user@nowhere:5672/?queue=a")]
    [InlineData("amqp://user:p%40ss@nowhere:5672/vhost?queue=a%40b", "amqp://user:***@nowhere:5672/vhost?queue=a@b")]
    public void A_source_shows_all_of_its_address_but_the_password(string text, string shown) =>
        Assert.Equal(shown, RabbitAddress.Parse("--source", text).ToString());

    [Fact]
    public void Every_fault_of_the_options_is_in_one_message()
    {
        var fault = Assert.Throws<UsageException>(() =>
            WorkHost.Create(new([new("Model", "m"), new("DrainSeconds", "0"), new("InFlight", "1"), new("Source", "amqp://nowhere/?queue=a")]) { Environment = [new("MaxBatchSise", "1")] }));
        Assert.Equal(4, fault.Message.Split('\n').Length);
        Assert.All(
            (string[])["DrainSeconds", "InFlight", "unknown key 'MIM__MaxBatchSise'", "--sink: expected an address, found none, nor MIM__Sink in the environment."],
            name => Assert.Contains(name, fault.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Options_show_no_password_of_an_address()
    {
        var text = new InferenceOptions { Source = "amqp://user:secret@nowhere/?queue=a", Sink = "postgres://user:secret@nowhere/db?table=a" }.ToString();
        Assert.Equal(3, text.Split("user:***@").Length);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_verbs_own_default_gives_way_to_the_file_and_the_file_to_the_environment()
    {
        using TemporaryFolder folder = new();
        ConfigurationSources sources = new([new("Model", "nowhere"), new("Source", "amqp://nowhere/?queue=a"), new("Sink", Sink)]);
        Assert.Equal(256, BatchSize(sources));
        File.WriteAllText(folder["worker.json"], """{"Inference": {"MaxBatchSize": 7}}""");
        Assert.Equal(7, BatchSize(sources with { File = folder["worker.json"] }));
        Assert.Equal(9, BatchSize(sources with { File = folder["worker.json"], Environment = [new("maxbatchsize", "9")] }));

        static int BatchSize(ConfigurationSources sources)
        {
            using var host = WorkHost.Create(sources);
            return host.Services.GetRequiredService<IOptions<InferenceOptions>>().Value.MaxBatchSize;
        }
    }

    static UsageException Refusal(string source, string sink) =>
        Assert.Throws<UsageException>(() => WorkHost.Create(new([new("Model", "nowhere"), new("Source", source), new("Sink", sink)])));
}
