using Mim.Inference;
using Mim.Models;

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

    [Fact]
    public void Every_fault_of_the_options_is_in_one_message()
    {
        var fault = Assert.Throws<UsageException>(() =>
            WorkHost.Create(new InferenceOptions { Model = "m", DrainSeconds = 0 }, new WorkOptions { Batch = 0, InFlight = 1 }, "amqp://nowhere/?queue=a", Sink));
        Assert.Equal(3, fault.Message.Split('\n').Length);
        Assert.All(new[] { "DrainSeconds", "Batch", "InFlight" }, name => Assert.Contains(name, fault.Message, StringComparison.Ordinal));
    }

    static UsageException Refusal(string source, string sink) =>
        Assert.Throws<UsageException>(() => WorkHost.Create(new InferenceOptions { Model = "nowhere" }, new WorkOptions(), source, sink));
}
