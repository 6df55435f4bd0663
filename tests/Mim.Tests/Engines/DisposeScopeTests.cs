using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Tests.Engines;

public sealed class DisposeScopeTests
{
    [Fact]
    public void A_scope_disposes_what_was_made_in_it_and_no_more()
    {
        var outside = ones(1);
        Tensor inside, moved, detached;
        using (var outer = NewDisposeScope())
        {
            using (var inner = NewDisposeScope())
            {
                inside = ones(1);
                moved = ones(1).MoveToOuterDisposeScope();
                detached = ones(1).DetachFromDisposeScope();
                Assert.Equal(1, inner.DisposablesCount);
                Assert.Same(inner, CurrentDisposeScope);
            }

            Assert.True(inside.IsInvalid);
            Assert.False(moved.IsInvalid);
            Assert.True(outer.Contains(moved));
        }

        Assert.True(moved.IsInvalid);
        Assert.False(detached.IsInvalid);
        Assert.False(outside.IsInvalid);
        detached.Dispose();
        outside.Dispose();
        Assert.Null(CurrentDisposeScope);
    }

    [StandInFact]
    public void Statistics_count_every_way_in_and_out()
    {
        var counts = DisposeScopeManager.Statistics.TensorStatistics;
        counts.Reset();
        using var outside = ones(1);
        using (var scope = NewDisposeScope())
        {
            ones(1).DetachFromDisposeScope().Dispose();
            ones(1).Dispose();
            scope.Attach(ones(1).DetachFromDisposeScope());
            ones(1);
        }

        Assert.Equal(1, counts.CreatedOutsideScopeCount);
        Assert.Equal(4, counts.CreatedInScopeCount);
        Assert.Equal(3, counts.DisposedInScopeCount);
        Assert.Equal(1, counts.DisposedOutsideScopeCount);
        Assert.Equal(2, counts.DetachedFromScopeCount);
        Assert.Equal(1, counts.AttachedToScopeCount);
        Assert.Equal(1, counts.ThreadTotalLiveCount);
    }

    [Fact]
    public void Everything_but_what_is_kept_goes_early()
    {
        using var scope = NewDisposeScope();
        var (a, b, c) = (ones(1), ones(1), ones(1));
        Assert.Same(b, scope.DisposeEverythingBut(b));
        Assert.Equal((true, false, true), (a.IsInvalid, b.IsInvalid, c.IsInvalid));
        Assert.Equal([b], scope.DisposablesView);
        Assert.Equal(3, WrappedTensorDisposeScope(() => ones(1) + ones(1) + ones(1)).ToSingle());
        Assert.Equal(2, scope.DisposablesCount);
    }

    [Fact]
    public void Scopes_belong_to_their_thread()
    {
        using var scope = NewDisposeScope();
        Tensor? made = null;
        var thread = new Thread(() => made = ones(1));
        thread.Start();
        thread.Join();
        Assert.Equal(0, scope.DisposablesCount);
        Assert.False(made?.IsInvalid);
        made?.Dispose();
    }

    [Fact]
    public void A_tensor_nobody_holds_is_released_by_the_collector()
    {
        var before = Tensor.TotalCount;
        Abandon();
        GC.Collect();
        GC.WaitForPendingFinalizers();

        // other tests make and drop tensors meanwhile: thousands of ours would show
        Assert.InRange(Tensor.TotalCount, 0, before + 5_000);

        static void Abandon()
        {
            for (var k = 0; k < 10_000; k++)
            {
                ones(1);
            }
        }
    }
}
