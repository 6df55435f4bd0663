using System.Diagnostics;
using Npgsql;

namespace Mim.Inference;

/// <summary>How far a run is, by what is in the table and in the queues.</summary>
sealed class ChaosProgress(NpgsqlDataSource database, string table, RabbitAddress source, ChaosRecords records, ChaosWorkers workers)
{
    const int CountsApart = 20;

    static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    /// <summary>So long without a change ends the run: whatever is missing then is lost, or stuck.</summary>
    static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(20);

    static readonly TimeSpan s_stuck = TimeSpan.FromMinutes(4);

    /// <summary>Waits until this part of the good records is in the table.</summary>
    /// <returns>False if nothing happens any more.</returns>
    public async Task<bool> DoneAsync(double part, Task publishing, CancellationToken cancellationToken)
    {
        var (last, changed) = (-1L, Stopwatch.GetTimestamp());
        while (true)
        {
            workers.RequireAlive();
            if (publishing.IsFaulted)
            {
                await publishing;
            }
            var asked = Stopwatch.GetTimestamp();
            var rows = await RowsAsync(cancellationToken) ?? last;
            var answered = Stopwatch.GetElapsedTime(asked);
            if (rows >= part * records.Good)
            {
                return true;
            }
            if (rows != last)
            {
                (last, changed) = (rows, Stopwatch.GetTimestamp());
            }
            var patience = publishing.IsCompleted && await LeftAsync(cancellationToken) == 0 ? s_quiet : s_stuck;
            if (Stopwatch.GetElapsedTime(changed) > patience)
            {
                return false;
            }
            // Counting a million rows takes the database longer than counting none, and it has other work.
            var rest = CountsApart * answered;
            await Task.Delay(rest > s_poll ? rest : s_poll, cancellationToken);
        }
    }

    /// <summary>Waits until the last poison is where it belongs, or nothing happens any more.</summary>
    public async Task QuietAsync(CancellationToken cancellationToken)
    {
        RabbitDeadLetters dead = new(source);
        var (last, changed) = (-1L, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(changed) < s_quiet)
        {
            workers.RequireAlive();
            var now = await dead.CountAsync(cancellationToken);
            if (now >= records.Poison && await LeftAsync(cancellationToken) == 0)
            {
                return;
            }
            if (now != last)
            {
                (last, changed) = (now, Stopwatch.GetTimestamp());
            }
            await Task.Delay(s_poll, cancellationToken);
        }
    }

    /// <summary>Null while there is no table, or no database.</summary>
    public async Task<long?> RowsAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = database.CreateCommand($"SELECT count(*) FROM {table}");
            return await command.ExecuteScalarAsync(cancellationToken) as long?;
        }
        catch (NpgsqlException)
        {
            return null;
        }
    }

    async Task<long?> LeftAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await new RabbitDeadLetters(source).LeftAsync(cancellationToken);
        }
        catch (Exception e) when (RabbitSession.Passes(e) && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
