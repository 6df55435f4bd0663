using System.Text;

namespace Mim.Models;

/// <summary>Records of a CSV file as RFC 4180 has them: quoted cells may hold commas, doubled quotes and line breaks.</summary>
sealed class CsvReader(TextReader reader, string name)
{
    int _line = 1;

    /// <summary>The line on which the last record began.</summary>
    public int Line { get; private set; }

    /// <summary>The next record, or null at the end.</summary>
    public List<string>? Read()
    {
        Line = _line;
        if (reader.Peek() < 0)
        {
            return null;
        }
        List<string> cells = [];
        var cell = new StringBuilder();
        while (true)
        {
            if (reader.Peek() == '"')
            {
                reader.Read();
                Quoted(cell);
            }
            var next = reader.Read();
            switch (next)
            {
                case ',':
                    cells.Add(cell.ToString());
                    cell.Clear();
                    break;
                case '\r' when reader.Peek() == '\n':
                    break;
                case '\n' or < 0:
                    _line++;
                    cells.Add(cell.ToString());
                    return cells;
                default:
                    cell.Append((char)next);
                    break;
            }
        }
    }

    /// <summary>The cell as it has to be written.</summary>
    public static string Escape(string cell) => cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;

    void Quoted(StringBuilder cell)
    {
        while (true)
        {
            var next = reader.Read();
            if (next < 0)
            {
                throw new InvalidDataException($"{name}:{Line}: a quoted cell has no end.");
            }
            if (next == '"')
            {
                if (reader.Peek() != '"')
                {
                    return;
                }
                reader.Read();
            }
            if (next == '\n')
            {
                _line++;
            }
            cell.Append((char)next);
        }
    }
}
