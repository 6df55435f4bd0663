using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Tests.Engines;

public sealed class TrainingTests
{
    const int Steps = 1_000;

    [Fact]
    public void A_thousand_training_steps_leave_the_live_tensor_count_flat() => Assert.Equal(0, LiveTensorsAfterTraining(leak: null));

    // The guard must see what it guards against: one tensor a step that leaves its scope and is never disposed.
    [Fact]
    public void A_tensor_that_outlives_its_scope_is_seen()
    {
        List<Tensor> leaked = [];
        Assert.Equal(Steps, LiveTensorsAfterTraining(leaked.Add));
        leaked.ForEach(tensor => tensor.Dispose());
    }

    static long LiveTensorsAfterTraining(Action<Tensor>? leak)
    {
        using var outer = NewDisposeScope();
        using var generator = new Generator(1);
        using var model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1));
        using var optimizer = optim.Adam(model.parameters());
        long live = 0;
        for (var step = 0; step <= Steps; step++)
        {
            using (NewDisposeScope())
            {
                var x = randn([32, 8], generator: generator);
                var loss = (model.call(x) - x.sum(1).unsqueeze(1)).square().mean();
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
                if (step > 0)
                {
                    leak?.Invoke(loss.detach().DetachFromDisposeScope());
                }
            }

            // The first step makes what training keeps; nothing after it may.
            if (step == 0)
            {
                live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            }
        }

        return DisposeScopeManager.Statistics.ThreadTotalLiveCount - live;
    }
}
