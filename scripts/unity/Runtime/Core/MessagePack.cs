using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Workly.Bridge
{
    /// <summary>
    /// The JSON subset of MessagePack: nil, booleans, numbers, text, lists, and maps with text keys. Binary data, extensions and
    /// other keys are rejected by name.
    /// </summary>
    public struct MessagePackReader
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        private readonly byte[] bytes;
        private readonly int start;
        private readonly int end;
        private int at;

        private MessagePackReader(byte[] bytes, int start, int length)
        {
            this.bytes = bytes;
            this.start = start;
            end = start + length;
            at = start;
        }

        /// <summary>The single value in these bytes. Throws <see cref="FormatFault"/>.</summary>
        public static Value Read(byte[] bytes, int start, int length)
        {
            MessagePackReader reader = new MessagePackReader(bytes, start, length);
            Value value = reader.ReadValue(0);
            if (reader.at < reader.end) throw reader.Fault("something follows the value");
            return value;
        }

        private FormatFault Fault(string what)
        {
            string place = (at - start).ToString(CultureInfo.InvariantCulture);
            return new FormatFault("not a MessagePack message: " + what + " at byte " + place);
        }

        private ulong Take(int count)
        {
            if (end - at < count) throw Fault("it ends too early");
            ulong value = 0;
            for (; count > 0; count--) value = value << 8 | bytes[at++];
            return value;
        }

        private Value ReadValue(int depth)
        {
            if (depth > JsonReader.MaxDepth) throw Fault("it is nested too deeply");
            int head = (int)Take(1);
            if (head <= 0x7F) return Value.Of((long)head);
            if (head <= 0x8F) return ReadMap((uint)head & 0x0F, depth);
            if (head <= 0x9F) return ReadList((uint)head & 0x0F, depth);
            if (head <= 0xBF) return Value.Of(ReadText((uint)head & 0x1F));
            if (head >= 0xE0) return Value.Of((long)(sbyte)head);
            switch (head)
            {
                case 0xC0: return Value.Null;
                case 0xC2: return Value.False;
                case 0xC3: return Value.True;
                case 0xCA: return Value.Of((double)BitConverter.ToSingle(BitConverter.GetBytes((uint)Take(4)), 0));
                case 0xCB: return Value.Of(BitConverter.Int64BitsToDouble((long)Take(8)));
                case 0xCC: return Value.Of(Take(1));
                case 0xCD: return Value.Of(Take(2));
                case 0xCE: return Value.Of(Take(4));
                case 0xCF: return Value.Of(Take(8));
                case 0xD0: return Value.Of((long)(sbyte)Take(1));
                case 0xD1: return Value.Of((long)(short)Take(2));
                case 0xD2: return Value.Of((long)(int)Take(4));
                case 0xD3: return Value.Of((long)Take(8));
                case 0xD9: return Value.Of(ReadText((uint)Take(1)));
                case 0xDA: return Value.Of(ReadText((uint)Take(2)));
                case 0xDB: return Value.Of(ReadText((uint)Take(4)));
                case 0xDC: return ReadList((uint)Take(2), depth);
                case 0xDD: return ReadList((uint)Take(4), depth);
                case 0xDE: return ReadMap((uint)Take(2), depth);
                case 0xDF: return ReadMap((uint)Take(4), depth);
                case 0xC4: case 0xC5: case 0xC6: throw Fault("binary data stands");
                default: throw Fault("an extension stands");
            }
        }

        private string ReadText(uint length)
        {
            if ((uint)(end - at) < length) throw Fault("it ends too early");
            try
            {
                string text = Strict.GetString(bytes, at, (int)length);
                at += (int)length;
                return text;
            }
            catch (DecoderFallbackException) { throw Fault("bytes that are no UTF-8 stand in a text"); }
        }

        // Each item takes at least one byte: a count beyond the remaining bytes is invalid, and must not allocate memory.
        private int Checked(uint count)
        {
            if ((uint)(end - at) < count) throw Fault("it ends too early");
            return (int)count;
        }

        private Value ReadList(uint count, int depth)
        {
            List<Value> items = new List<Value>(Checked(count));
            for (; count > 0; count--) items.Add(ReadValue(depth + 1));
            return Value.Of(items);
        }

        private Value ReadMap(uint count, int depth)
        {
            List<KeyValuePair<string, Value>> members = new List<KeyValuePair<string, Value>>(Checked(count));
            for (; count > 0; count--)
            {
                Value name = ReadValue(depth + 1);
                if (name.Kind != ValueKind.Text) throw Fault("a key is no text");
                members.Add(new KeyValuePair<string, Value>(name.Text, ReadValue(depth + 1)));
            }
            return Value.Of(members);
        }
    }

    /// <summary>MessagePack, with each value in its shortest form.</summary>
    public sealed class MessagePackEncoder : Encoder
    {
        public override void EndMap() { }
        public override void EndList() { }
        public override void Key(string name) { Text(name); }
        public override void Null() { Out.Add(0xC0); }
        public override void Boolean(bool value) { Out.Add((byte)(value ? 0xC3 : 0xC2)); }

        public override void BeginMap(int members) { Head(members, 16, 0x80, 0xDE); }
        public override void BeginList(int items) { Head(items, 16, 0x90, 0xDC); }

        /// <summary>Small counts in the first byte, then 16 bits, then 32.</summary>
        private void Head(int count, int shortBelow, int shortHead, byte head16)
        {
            if (count < shortBelow) Out.Add((byte)(shortHead | count));
            else if (count <= ushort.MaxValue) Sized(head16, (ulong)count, 2);
            else Sized((byte)(head16 + 1), (ulong)count, 4);
        }

        private void Sized(byte head, ulong value, int bytes)
        {
            Out.Add(head);
            Out.AddBigEndian(value, bytes);
        }

        public override void Unsigned(ulong value)
        {
            if (value <= 0x7F) Out.Add((byte)value);
            else if (value <= byte.MaxValue) Sized(0xCC, value, 1);
            else if (value <= ushort.MaxValue) Sized(0xCD, value, 2);
            else if (value <= uint.MaxValue) Sized(0xCE, value, 4);
            else Sized(0xCF, value, 8);
        }

        public override void Integer(long value)
        {
            if (value >= 0) Unsigned((ulong)value);
            else if (value >= -32) Out.Add((byte)value);
            else if (value >= sbyte.MinValue) Sized(0xD0, (ulong)value, 1);
            else if (value >= short.MinValue) Sized(0xD1, (ulong)value, 2);
            else if (value >= int.MinValue) Sized(0xD2, (ulong)value, 4);
            else Sized(0xD3, (ulong)value, 8);
        }

        public override void Number(double value) { Sized(0xCB, (ulong)BitConverter.DoubleToInt64Bits(value), 8); }

        public override void Text(string value)
        {
            int length = Encoding.UTF8.GetByteCount(value);
            if (length >= 32 && length <= byte.MaxValue) Sized(0xD9, (ulong)length, 1);
            else Head(length, 32, 0xA0, 0xDA);
            Out.AddUtf8(value);
        }
    }
}
