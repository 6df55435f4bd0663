using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mim.Inference;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>The worker behind a certificate that is made here, on an ephemeral loopback port.</summary>
public sealed class TlsTests : IDisposable
{
    const string Password = "p-0123456789";

    readonly string _folder = Directory.CreateTempSubdirectory("mim-tls-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string[]> Kinds =>
    [
        new[] { "Certificate", "all.pfx", "CertificatePassword", Password },
        new[] { "Certificate", "one.pem" },
        new[] { "Certificate", "certificate.pem", "CertificateKey", "key.pem" },
        new[] { "Certificate", "certificate.pem", "CertificateKey", "locked.pem", "CertificatePassword", Password },
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_certificate_of_the_files_is_what_clients_see(string[] settings)
    {
        var expected = WriteCertificate();
        new AffineModel(seed: 1).Write(Path.Combine(_folder, "package"));
        await using var app = InferenceHost.CreateHttp(new(
        [
            new("Model", Path.Combine(_folder, "package")), new("Urls", "https://127.0.0.1:0"),
            .. settings.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], (string?)(File.Exists(Path.Combine(_folder, pair[1])) ? Path.Combine(_folder, pair[1]) : pair[1]))),
        ]));
        await app.StartAsync();
        string? found = null;
        using HttpClientHandler handler = new()
        {
            ServerCertificateCustomValidationCallback = (_, certificate, _, _) =>
            {
                found = certificate?.Thumbprint;
                return true;
            },
        };
        using HttpClient client = new(handler);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri($"{app.Urls.Single()}/v2/health/live"))).StatusCode);
        Assert.Equal(expected, found);
    }

    string WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        PbeParameters lockWith = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        Write("certificate.pem", certificate.ExportCertificatePem());
        Write("key.pem", key.ExportPkcs8PrivateKeyPem());
        Write("locked.pem", key.ExportEncryptedPkcs8PrivateKeyPem(Password, lockWith));
        Write("one.pem", certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        File.WriteAllBytes(Path.Combine(_folder, "all.pfx"), certificate.Export(X509ContentType.Pfx, Password));
        return certificate.Thumbprint;

        void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
    }
}
