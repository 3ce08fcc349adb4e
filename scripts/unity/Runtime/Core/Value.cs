using System.Collections.Generic;

namespace Workly.Bridge
{
    /// <summary>The kinds of a <see cref="Value"/>. A number is as narrow as it can be, so that an id is echoed as it came.</summary>
    public enum ValueKind { Null, Boolean, Integer, Unsigned, Number, Text, List, Map }

    /// <summary>What JSON and MessagePack can both say. Immutable once a reader has returned it.</summary>
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

        /// <summary>The number of any of the three numeric kinds; not a number for every other kind.</summary>
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

        /// <summary>The member of that name; null when there is none, or this is no map. Of two that share it, the last.</summary>
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

    /// <summary>A message that is not what its codec or the protocol wants.</summary>
    public sealed class FormatFault : System.Exception
    {
        public FormatFault(string message) : base(message) { }
    }
}
