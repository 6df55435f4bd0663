namespace Mim.Tests.Evaluation;

/// <summary>Standard normal draws (Box and Muller) from a seed, independent of the engine under test.</summary>
sealed class Gauss(int seed)
{
    readonly Random _uniform = new(seed);

    public double Next() => Math.Sqrt(-2 * Math.Log(1 - _uniform.NextDouble())) * Math.Cos(2 * Math.PI * _uniform.NextDouble());

    public float[] Fill(int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = (float)Next();
        }
        return values;
    }
}
