using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Mim.Models;

namespace Mim.Training;

/// <summary>A file of a public data set: its size in bytes and its SHA-256 as published.</summary>
public sealed record RemoteFile(string Name, long Size, string Sha256);

/// <summary>A public data set of four gzipped IDX files. Its address ends in a slash.</summary>
public sealed record RemoteDataset(string Name, Uri BaseUrl, IReadOnlyList<RemoteFile> Files)
{
    /// <summary>
    /// The hashes are those under which many projects verify these files; the MD5 sums of torchvision belong to the same bytes.
    /// </summary>
    public static IReadOnlyList<RemoteDataset> Known { get; } =
    [
        new("mnist", new Uri("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        [
            new($"{ImageFolder.TrainImages}.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            new($"{ImageFolder.TrainLabels}.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            new($"{ImageFolder.TestImages}.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            new($"{ImageFolder.TestLabels}.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ]),
        new("fashion-mnist", new Uri("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        [
            new($"{ImageFolder.TrainImages}.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            new($"{ImageFolder.TrainLabels}.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            new($"{ImageFolder.TestImages}.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            new($"{ImageFolder.TestLabels}.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ]),
    ];
}

/// <summary>
/// Downloads files with known hashes. What has arrived stays in <c>NAME.part</c> and is continued by an HTTP range, within a call after a
/// broken connection and across calls after an interruption; a file gets its name only when its hash is right, and bytes of a wrong hash
/// are deleted.
/// </summary>
public sealed class Fetch(HttpClient client, TimeProvider time, TextWriter log)
{
    const int Attempts = 5;
    const int BufferSize = 1 << 16;

    static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_longestSilence = TimeSpan.FromSeconds(60);
    static readonly TimeSpan s_progressInterval = TimeSpan.FromSeconds(2);

    /// <summary>Fetches what is not there yet. A file that is there with the right hash is left alone.</summary>
    public async Task AllAsync(RemoteDataset dataset, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in dataset.Files)
        {
            var path = Path.Combine(folder, file.Name);
            if (File.Exists(path) && Hashes.Sha256(path) == file.Sha256)
            {
                await log.WriteLineAsync($"{path}: present, hash verified");
                continue;
            }
            await FileAsync(new Uri(dataset.BaseUrl, file.Name), file, path, cancellationToken);
            await log.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{path}: {file.Size} bytes, hash verified"));
        }
    }

    async Task FileAsync(Uri url, RemoteFile file, string path, CancellationToken cancellationToken)
    {
        var part = $"{path}.part";
        var pause = s_firstPause;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ContinueAsync(url, file, part, cancellationToken);
                break;
            }
            catch (Exception e) when (e is HttpRequestException or IOException
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                if (e is HttpRequestException { StatusCode: { } status } && !IsTransient(status))
                {
                    throw new UsageException($"{url}: expected the file, found HTTP {(int)status}. Give another place with --base-url.", e);
                }
                if (attempt == Attempts)
                {
                    throw new IOException(
                        $"{url}: expected {file.Size} bytes, found {Length(part)} after {Attempts} attempts ({e.Message}). "
                        + "Run the command again to continue, or give another place with --base-url.", e);
                }
                await log.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"{file.Name}: {e.Message} Again in {pause.TotalSeconds:0} s."));
                await Task.Delay(pause, time, cancellationToken);
                pause *= 2;
            }
        }
        var found = Hashes.Sha256(part);
        if (found != file.Sha256)
        {
            var size = Length(part);
            File.Delete(part);
            throw new InvalidDataException($"{url}: expected {file.Size} bytes of SHA-256 {file.Sha256}, found {size} of {found}. "
                + "Nothing was kept. Try again, or give another place with --base-url.");
        }
        File.Move(part, path, overwrite: true);
    }

    /// <summary>Appends to the partial file until it is as long as the file should be.</summary>
    async Task ContinueAsync(Uri url, RemoteFile file, string part, CancellationToken cancellationToken)
    {
        var have = Length(part);
        if (have >= file.Size)
        {
            // Complete but for its name, or of another file: the hash decides.
            return;
        }
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (have > 0)
        {
            request.Headers.Range = new RangeHeaderValue(have, null);
        }
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            File.Delete(part);
            throw new IOException($"The server has no byte {have}.");
        }
        response.EnsureSuccessStatusCode();
        // A server that ignores the range, or answers another one, sends bytes that do not belong here: start over.
        var resumed = response.StatusCode == HttpStatusCode.PartialContent;
        if (resumed && response.Content.Headers.ContentRange?.From != have)
        {
            File.Delete(part);
            throw new IOException($"The server answered another range than the one from byte {have}.");
        }
        var mode = resumed ? FileMode.Append : FileMode.Create;
        await using var target = new FileStream(part, mode, FileAccess.Write, FileShare.Read, BufferSize);
        await using var source = await response.Content.ReadAsStreamAsync(cancellationToken);
        await CopyAsync(source, target, file, resumed ? have : 0, cancellationToken);
        target.Flush(flushToDisk: true);
    }

    async Task CopyAsync(Stream source, FileStream target, RemoteFile file, long have, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferSize];
        var (start, reported, first) = (time.GetTimestamp(), time.GetTimestamp(), have);
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (true)
        {
            stalled.CancelAfter(s_longestSilence);
            var read = await source.ReadAsync(buffer, stalled.Token);
            if (read == 0)
            {
                break;
            }
            await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            have += read;
            if (have > file.Size)
            {
                // The hash will be wrong; there is no reason to fill the disk first.
                return;
            }
            if (time.GetElapsedTime(reported) >= s_progressInterval)
            {
                reported = time.GetTimestamp();
                var rate = (have - first) / time.GetElapsedTime(start).TotalSeconds;
                await log.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"{file.Name}: {have} of {file.Size} bytes, {rate / 1e6:0.0} MB/s, {(file.Size - have) / rate:0} s left"));
            }
        }
        if (have < file.Size)
        {
            throw new IOException($"The connection ended after {have} of {file.Size} bytes.");
        }
    }

    static long Length(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    static bool IsTransient(HttpStatusCode status) =>
        (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
}
