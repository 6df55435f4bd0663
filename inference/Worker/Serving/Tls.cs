using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Mim.Inference;

/// <summary>The certificate of https addresses, from PKCS#12 (.pfx, .p12) or PEM files.</summary>
static class Tls
{
    const string Scheme = "https://";

    public static void Use(KestrelServerOptions kestrel)
    {
        var options = kestrel.ApplicationServices.GetRequiredService<IOptions<InferenceOptions>>().Value;
        if (options.Certificate is null)
        {
            return;
        }
        var (certificate, chain) = Load(options);
        kestrel.ConfigureHttpsDefaults(https => (https.ServerCertificate, https.ServerCertificateChain) = (certificate, chain));
    }

    /// <summary>What is wrong with addresses, certificate and key, if anything.</summary>
    public static IEnumerable<string> Faults(InferenceOptions options)
    {
        var secure = options.Urls.Split(';').Any(url => url.TrimStart().StartsWith(Scheme, StringComparison.OrdinalIgnoreCase));
        if (secure && options.Certificate is null)
        {
            yield return $"Certificate: expected a file for {options.Urls}, found none. Give --certificate, or addresses that begin with http://.";
        }
        if (!secure && options.Certificate is not null)
        {
            yield return $"Urls: expected an address that begins with {Scheme}, because a certificate is given; found {options.Urls}.";
        }
        if (options.Certificate is null && options.CertificateKey is not null)
        {
            yield return "CertificateKey: expected a certificate beside it, found none. Give --certificate.";
        }
        if (options.Certificate is not null && Fault(options) is { } fault)
        {
            yield return fault;
        }
    }

    static string? Fault(InferenceOptions options)
    {
        if (!File.Exists(options.Certificate))
        {
            return $"Certificate: {options.Certificate}: there is no such file.";
        }
        if (options.CertificateKey is { } key && !File.Exists(key))
        {
            return $"CertificateKey: {key}: there is no such file.";
        }
        try
        {
            var (certificate, _) = Load(options);
            using (certificate)
            {
                return certificate.HasPrivateKey
                    ? null
                    : $"Certificate: {options.Certificate}: expected a private key in it, found none. Give the key's file with --certificate-key.";
            }
        }
        catch (CryptographicException e)
        {
            return $"Certificate: {options.Certificate}: expected a certificate with its key and the right CertificatePassword (which is not shown). {e.Message}";
        }
    }

    static (X509Certificate2 Certificate, X509Certificate2Collection Chain) Load(InferenceOptions options)
    {
        var (path, password) = (options.Certificate ?? "", options.CertificatePassword);
        X509Certificate2Collection chain = [];
        if (Path.GetExtension(path).ToLowerInvariant() is ".pfx" or ".p12")
        {
            chain = X509CertificateLoader.LoadPkcs12CollectionFromFile(path, password);
            return (chain.FirstOrDefault(certificate => certificate.HasPrivateKey) ?? X509CertificateLoader.LoadPkcs12FromFile(path, password), chain);
        }
        // What follows the first certificate of the file is what clients need to trust it.
        chain.ImportFromPemFile(path);
        var key = options.CertificateKey ?? path;
        return (password is null ? X509Certificate2.CreateFromPemFile(path, key) : X509Certificate2.CreateFromEncryptedPemFile(path, password, key), chain);
    }
}
