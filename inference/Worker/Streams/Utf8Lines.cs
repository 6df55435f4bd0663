namespace Mim.Inference;

/// <summary>Splits a stream into lines without decoding them. A line may be as long as <paramref name="maxBytes"/>.</summary>
sealed class Utf8Lines(Stream stream, int maxBytes)
{
    const int InitialBytes = 1 << 16;

    byte[] _buffer = new byte[InitialBytes];
    int _start;
    int _end;
    bool _ended;

    /// <summary>Number of the latest line, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The next line without its end, valid until the next call; <see langword="false"/> at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">The line is too long. The stream cannot be read further.</exception>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        for (var searched = _start; ;)
        {
            var newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = Take(searched + newline, 1);
                return true;
            }
            if (_ended)
            {
                line = Take(_end, 0);
                return line.Length > 0;
            }
            var scanned = _end - _start;
            ReadMore();
            searched = _start + scanned;
        }
    }

    ReadOnlySpan<byte> Take(int end, int terminator)
    {
        var line = _buffer.AsSpan(_start, end - _start);
        _start = end + terminator;
        Number++;
        return line is [.., (byte)'\r'] ? line[..^1] : line;
    }

    void ReadMore()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= maxBytes)
            {
                throw new InvalidDataException($"line {Number + 1}: expected at most {maxBytes} bytes.");
            }
            Array.Resize(ref _buffer, (int)Math.Min((long)_buffer.Length * 2, maxBytes));
        }
        var read = stream.Read(_buffer.AsSpan(_end));
        _ended = read == 0;
        _end += read;
    }
}
