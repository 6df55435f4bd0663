using Mim.Training;

namespace Mim.Tests.Data;

public sealed class PrefetchTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void Items_come_in_order_and_no_more_than_asked_for_are_ahead(int ahead)
    {
        var (made, taken, most) = (0L, 0L, 0L);
        using (var items = new Prefetch<string>(ahead, 7, i =>
        {
            most = Math.Max(most, Interlocked.Increment(ref made) - Interlocked.Read(ref taken));
            return $"{i}";
        }))
        {
            for (var i = 7; i < 500; i++)
            {
                Assert.Equal(i, items.Next);
                // One that is about to be taken may be replaced before this test can say that it is gone.
                Interlocked.Increment(ref taken);
                Assert.Equal($"{i}", items.Take());
            }
        }
        Assert.InRange(most, 0, ahead);
        var end = Interlocked.Read(ref made);
        Assert.InRange(end, 493, 493 + ahead);
    }

    [Fact]
    public void Items_are_made_on_another_thread_and_without_any_ahead_on_this_one()
    {
        var here = Environment.CurrentManagedThreadId;
        using var ahead = new Prefetch<object>(1, 0, _ => Environment.CurrentManagedThreadId);
        Assert.NotEqual(here, ahead.Take());
        using var none = new Prefetch<object>(0, 0, _ => Environment.CurrentManagedThreadId);
        Assert.Equal(here, none.Take());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_fault_is_thrown_when_its_item_is_taken_and_items_before_it_are_not_lost(int ahead)
    {
        using var items = new Prefetch<string>(ahead, 0, i => i < 2 ? $"{i}" : throw new InvalidDataException($"item {i}"));
        Assert.Equal("0", items.Take());
        Assert.Equal("1", items.Take());
        Assert.Equal("item 2", Assert.Throws<InvalidDataException>(items.Take).Message);
    }

    [Fact]
    public void Disposing_ends_the_thread_whatever_it_does()
    {
        using var entered = new SemaphoreSlim(0);
        var made = 0;
        var items = new Prefetch<string>(2, 0, i =>
        {
            entered.Release();
            made++;
            return i < 1 ? "" : throw new InvalidDataException("a fault that nobody asks for");
        });
        entered.Wait();
        items.Dispose();
        var atEnd = made;
        Assert.InRange(atEnd, 1, 2);

        var waiting = new Prefetch<string>(1, 0, _ => "");
        Assert.Equal("", waiting.Take());
        waiting.Dispose();
        Assert.Equal(atEnd, made);
    }
}
