using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class TabularSchemaTests
{
    static readonly TabularSchema s_schema = new()
    {
        Columns =
        [
            new TabularColumn { Name = "age", Kind = ColumnKind.Numeric, AllowMissing = true },
            new TabularColumn { Name = "colour", Kind = ColumnKind.Categorical, Categories = ["red", "green", "NA"] },
            new TabularColumn { Name = "size", Kind = ColumnKind.Categorical, Categories = ["S", "M"], AllowMissing = true },
            new TabularColumn { Name = "weight", Kind = ColumnKind.Numeric },
        ],
    };

    [Theory]
    [InlineData("1.5,red,M,-2e3", new[] { 1.5f, 1, 0, 0, 0, 1, -2000 })]
    [InlineData(",green,,7", new[] { float.NaN, 0, 1, 0, 0, 0, 7 })]
    // A category that is spelt like a missing value is that category.
    [InlineData("nan,NA,S, 7 ", new[] { float.NaN, 0, 0, 1, 1, 0, 7 })]
    public void Numbers_stay_and_categories_become_one_hot(string cells, float[] expected)
    {
        var x = new float[s_schema.Width];
        Array.Fill(x, 9);
        s_schema.Encode(cells.Split(','), x, "f.csv:2");
        Assert.Equal(expected, x);
    }

    [Theory]
    [InlineData("1,reed,S,7", "column 'colour': the model was not trained on category 'reed'. Did you mean 'red'?")]
    [InlineData("1,,S,7", "column 'colour'")]
    [InlineData("1,red,S,", "column 'weight': the cell is missing")]
    [InlineData("one,red,S,7", "column 'age': expected a finite number, found 'one'")]
    [InlineData("1,red,S,1e39", "column 'weight': expected a finite number, found '1e39'")]
    [InlineData("1,red,S,Infinity", "column 'weight'")]
    [InlineData("1,red,S", "expected 4 columns, found 3")]
    public void A_cell_that_cannot_be_encoded_is_named(string cells, string message)
    {
        var refusal = Assert.Throws<InvalidDataException>(() => s_schema.Encode(cells.Split(','), new float[s_schema.Width], "f.csv:2"));
        Assert.StartsWith("f.csv:2: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_schema_must_give_as_many_features_as_x_has()
    {
        Assert.Null(s_schema.Fault(7));
        Assert.Contains("found 7", s_schema.Fault(8), StringComparison.Ordinal);
    }
}
