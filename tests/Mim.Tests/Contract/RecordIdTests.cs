using System.Security.Cryptography;
using System.Text;
using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class RecordIdTests
{
    static readonly Guid s_dns = new("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    static readonly Guid s_url = new("6ba7b811-9dad-11d1-80b4-00c04fd430c8");

    /// <summary>RFC 9562, A.4; and what Python's uuid.uuid5 gives (3.11, `uuid.uuid5(uuid.NAMESPACE_URL, "http://python.org/")`).</summary>
    [Fact]
    public void Version_5_gives_the_rfc_s_vectors()
    {
        Assert.Equal(new Guid("2ed6657d-e927-568b-95e1-2665a8aea6a2"), RecordId.Version5(s_dns, "www.example.com"u8));
        Assert.Equal(new Guid("886313e1-3b8a-5372-9b90-0c9aee199e5d"), RecordId.Version5(s_dns, "python.org"u8));
        Assert.Equal(new Guid("4c565f0d-3f5a-5890-b41b-20cf47701c5e"), RecordId.Version5(s_url, "http://python.org/"u8));
    }

    /// <summary>Python 3.11: space = uuid5(UUID('6f0d8b52-3c1e-4a57-9a2b-0d8e5c7f41b6'), 'ab' * 32); uuid5(space, 'orders\0k-1').</summary>
    [Fact]
    public void An_id_is_the_same_on_every_machine() =>
        Assert.Equal(new Guid("11b34b9e-3fc8-5385-a919-adaef405f041"), RecordId.Of(string.Concat(Enumerable.Repeat("ab", 32)), "orders", "k-1"));

    [Fact]
    public void Space_source_and_key_each_change_the_id_and_no_two_run_together()
    {
        var id = RecordId.Of("s", "a", "b");
        Assert.Equal(id, RecordId.Of("s", "a", "b"));
        Guid[] others = [RecordId.Of("t", "a", "b"), RecordId.Of("s", "c", "b"), RecordId.Of("s", "a", "c"), RecordId.Of("s", "ab", ""), RecordId.Of("s", "a", "\0b")];
        Assert.Equal(6, others.Append(id).Distinct().Count());
        Assert.Throws<ArgumentException>(() => RecordId.Of("s", "a\0b", ""));
    }

    [Fact]
    public void The_content_s_hash_is_of_the_bytes_of_x_and_the_label()
    {
        byte[] one = [0, 0, 128, 63], half = [0, 0, 0, 191];
        Assert.Equal(SHA256.HashData([.. one, .. half]), RecordId.ContentHash([1f, -0.5f], null));
        Assert.Equal(SHA256.HashData([.. one, .. half, .. Encoding.UTF8.GetBytes("schön")]), RecordId.ContentHash([1f, -0.5f], "schön"));
    }
}
