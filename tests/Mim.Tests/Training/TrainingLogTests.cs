using Mim.Tests.Data;
using Mim.Training;

namespace Mim.Tests.Training;

public sealed class TrainingLogTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Nested_keys_become_columns_and_what_an_epoch_lacks_is_left_out()
    {
        var log = TrainingLog.Read(_folder.Write("metrics.jsonl", """
            {"epoch":1,"beta":0.5,"train":{"loss":4}}
            {"epoch":2,"beta":1,"train":{"loss":3,"decoding.loss":7}}

            """.TrimEnd() + "\n"));
        Assert.Equal([1, 2], log.Epochs);
        Assert.Equal([(1, 4), (2, 3)], log.Series("train.loss"));
        Assert.Equal([(2, 7)], log.Series("train.decoding.loss"));
        Assert.Empty(log.Series("train.nothing"));
    }

    [Fact]
    public void A_line_cut_short_at_the_end_is_not_an_epoch()
    {
        var log = TrainingLog.Read(_folder.Write("metrics.jsonl", "{\"epoch\":1,\"beta\":1}\n{\"epoch\":2,\"be"));
        Assert.Equal([1], log.Epochs);
    }

    [Theory]
    [InlineData("{\"epoch\":1}\nnoise\n")]
    [InlineData("{\"epoch\":1}\n{\"step\":2}\n")]
    [InlineData("{\"epoch\":1}\n[1]\n")]
    [InlineData("{\"epoch\":1}\n{\"epoch\":1.5}\n")]
    public void Another_line_is_named(string text)
    {
        var path = _folder.Write("metrics.jsonl", text);
        var message = Assert.Throws<InvalidDataException>(() => TrainingLog.Read(path)).Message;
        Assert.Equal($"{path}:2: expected an epoch as 'mim train' writes it, found another line. Train again.", message);
    }
}
