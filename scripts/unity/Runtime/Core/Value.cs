using System.Collections.Generic;

namespace Workly.Bridge
{
    /// <summary>The kinds of a <see cref="Value"/>. Numbers use the narrowest kind, so that an id is returned unchanged.</summary>
    public enum ValueKind { Null, Boolean, Integer, Unsigned, Number, Text, List, Map }

    /// <summary>A value common to JSON and MessagePack. Immutable once a reader has returned it.</summary>
    public sealed class Value
    {
        public static readonly Value Null = new Value(ValueKind.Null);
        public static readonly Value True = new Value(ValueKind.Boolean) { integer = 1 };
        public static readonly Value False = new Value(ValueKind.Boolean);

        private long integer;
        private double number;
        private string text;
        private List<Value> items;
        private List<KeyValuePair<string, Value>> members;

        private Value(ValueKind kind) { Kind = kind; }

        public ValueKind Kind { get; private set; }

        public static Value Of(bool value) { return value ? True : False; }
        public static Value Of(long value) { return new Value(ValueKind.Integer) { integer = value }; }
        public static Value Of(double value) { return new Value(ValueKind.Number) { number = value }; }
        public static Value Of(string value) { return new Value(ValueKind.Text) { text = value }; }
        public static Value Of(List<Value> value) { return new Value(ValueKind.List) { items = value }; }
        public static Value Of(List<KeyValuePair<string, Value>> value) { return new Value(ValueKind.Map) { members = value }; }

        public static Value Of(ulong value)
        {
            return value <= long.MaxValue ? Of((long)value) : new Value(ValueKind.Unsigned) { integer = unchecked((long)value) };
        }

        public bool Boolean { get { return integer != 0; } }
        public long Integer { get { return integer; } }
        public ulong Unsigned { get { return unchecked((ulong)integer); } }
        public string Text { get { return text; } }
        public List<Value> Items { get { return items; } }
        public List<KeyValuePair<string, Value>> Members { get { return members; } }

        /// <summary>The value of any numeric kind; NaN for other kinds.</summary>
        public double Number
        {
            get
            {
                switch (Kind)
                {
                    case ValueKind.Integer: return integer;
                    case ValueKind.Unsigned: return unchecked((ulong)integer);
                    case ValueKind.Number: return number;
                    default: return double.NaN;
                }
            }
        }

        /// <summary>The member of that name; null if there is none, or this is not a map. The last one of duplicates.</summary>
        public Value this[string name]
        {
            get
            {
                if (members == null) return null;
                for (int at = members.Count - 1; at >= 0; at--)
                {
                    if (members[at].Key == name) return members[at].Value;
                }
                return null;
            }
        }
    }

    /// <summary>A message that violates its codec or the protocol.</summary>
    public sealed class FormatFault : System.Exception
    {
        public FormatFault(string message) : base(message) { }
    }
}
