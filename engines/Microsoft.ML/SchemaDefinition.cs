using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>How the public fields and properties of a row class become columns: float[] is a vector whose size must be given before training, string is text.</summary>
public sealed class SchemaDefinition : List<SchemaDefinition.Column>
{
    SchemaDefinition()
    {
    }

    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = Read | Write,
    }

    public Column this[string columnName]
    {
        get => this[IndexOf(columnName)];
        set => this[IndexOf(columnName)] = value;
    }

    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        SchemaDefinition definition = [];
        foreach (var field in userType.GetFields(BindingFlags.Public | BindingFlags.Instance))
        {
            definition.Add(new(field.Name, TypeOf(field.FieldType, field)));
        }
        foreach (var property in userType.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var readable = direction.HasFlag(Direction.Read) && property.GetGetMethod() is not null;
            var writable = direction.HasFlag(Direction.Write) && property.GetSetMethod() is not null;
            if ((readable || writable) && property.GetIndexParameters().Length == 0)
            {
                definition.Add(new(property.Name, TypeOf(property.PropertyType, property)));
            }
        }
        return definition;
    }

    int IndexOf(string columnName)
    {
        var index = FindIndex(c => c.ColumnName == columnName);
        return index >= 0 ? index : throw new ArgumentOutOfRangeException(nameof(columnName), $"no column '{columnName}' in this definition");
    }

    static DataViewType TypeOf(Type type, MemberInfo member) =>
        type == typeof(float[]) ? new VectorDataViewType(NumberDataViewType.Single)
        : type == typeof(float) ? NumberDataViewType.Single
        : type == typeof(string) ? TextDataViewType.Instance
        : throw new NotSupportedException($"{member.DeclaringType}.{member.Name}: the stand-in for Microsoft.ML loads float[], float and string, found {type}.");

    public sealed class Column
    {
        internal Column(string memberName, DataViewType columnType)
        {
            MemberName = memberName;
            ColumnName = memberName;
            ColumnType = columnType;
        }

        public string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }
    }
}
