using Microsoft.Extensions.Logging;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Sources and sinks by address: the scheme says which. A new broker or database is a case here and a class beside it.</summary>
static class Addresses
{
    public const string Sources = "amqp[s]://USER:PASSWORD@HOST/VHOST?queue=NAME";

    public const string Sinks =
        "postgres://USER:PASSWORD@HOST/DATABASE?table=NAME, amqp[s]://USER:PASSWORD@HOST/VHOST?queue=NAME, npy:FOLDER or jsonl:FOLDER";

    /// <exception cref="UsageException">It is no address of a source.</exception>
    public static IRecordSource Source(string flag, string text, int prefetch, TimeProvider time, ILoggerFactory loggers) => Scheme(text) switch
    {
        "amqp" or "amqps" => new RabbitSource(RabbitAddress.Parse(flag, text), prefetch, time, loggers.CreateLogger<RabbitSource>()),
        _ => throw Unknown(flag, "source", text, $"{Sources}. Files and standard input are for 'mim encode'"),
    };

    /// <exception cref="UsageException">It is no address of a sink.</exception>
    public static IVectorSink Sink(string flag, string text) => Scheme(text) switch
    {
        "postgres" or "postgresql" when PostgresAddress.Parse(flag, text) is var address =>
            new PostgresSink(address.Open(), address.Table, address.KeepsX, address.HasIndex),
        "amqp" or "amqps" => new RabbitSink(RabbitAddress.Parse(flag, text)),
        "npy" => new ShardSink(Folder(flag, text), ShardFormat.Npy),
        "jsonl" => new ShardSink(Folder(flag, text), ShardFormat.Jsonl),
        _ => throw Unknown(flag, "sink", text, Sinks),
    };

    static string Scheme(string text) => text.IndexOf(':', StringComparison.Ordinal) is > 0 and var end ? text[..end] : "";

    static string Folder(string flag, string text) => text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..] is { Length: > 0 } folder
        ? folder
        : throw new UsageException($"{flag}: {text}: expected the name of a folder after the colon, found none.");

    static UsageException Unknown(string flag, string what, string text, string known) =>
        new($"{flag}: expected the address of a {what}, found '{AddressQuery.Redacted(text)}'. Known: {known}.");
}
