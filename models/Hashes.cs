using System.Buffers;
using System.Security.Cryptography;

namespace Mim.Models;

/// <summary>SHA-256 as lowercase hexadecimal digits.</summary>
public static class Hashes
{
    const int Digits = 64;

    static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    public static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Whether <paramref name="text"/> is a hash as this class writes them.</summary>
    public static bool IsSha256(string text) => text.Length == Digits && !text.AsSpan().ContainsAnyExcept(s_digits);
}
