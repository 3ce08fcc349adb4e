using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Workly.Bridge
{
    /// <summary>A growing byte buffer, reused so that writing a reply allocates nothing.</summary>
    public sealed class ByteBuffer
    {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

        public byte[] Bytes { get; private set; }
        public int Count { get; private set; }

        public ByteBuffer(int capacity) { Bytes = new byte[capacity]; }

        public void Clear() { Count = 0; }

        public void Add(byte value)
        {
            Reserve(1);
            Bytes[Count++] = value;
        }

        /// <summary>ASCII text.</summary>
        public void AddAscii(string text)
        {
            Reserve(text.Length);
            for (int at = 0; at < text.Length; at++) Bytes[Count++] = (byte)text[at];
        }

        public void AddUtf8(string text)
        {
            Reserve(Utf8.GetMaxByteCount(text.Length));
            Count += Utf8.GetBytes(text, 0, text.Length, Bytes, Count);
        }

        /// <summary>A number in this many bytes, big-endian.</summary>
        public void AddBigEndian(ulong value, int bytes)
        {
            Reserve(bytes);
            for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) Bytes[Count++] = (byte)(value >> shift);
        }

        /// <summary>Overwrites four existing bytes.</summary>
        public void PatchBigEndian(int at, uint value)
        {
            for (int shift = 24; shift >= 0; shift -= 8) Bytes[at++] = (byte)(value >> shift);
        }

        private void Reserve(int more)
        {
            if (Bytes.Length - Count >= more) return;
            byte[] grown = new byte[Math.Max(Bytes.Length * 2, Count + more)];
            Buffer.BlockCopy(Bytes, 0, grown, 0, Count);
            Bytes = grown;
        }
    }

    /// <summary>Writes values. Maps are started with their number of members, as MessagePack requires.</summary>
    public abstract class Encoder
    {
        protected ByteBuffer Out { get; private set; }

        /// <summary>Buffer of the next message.</summary>
        public virtual void Begin(ByteBuffer into) { Out = into; }

        public abstract void BeginMap(int members);
        public abstract void EndMap();
        public abstract void Key(string name);
        public abstract void BeginList(int items);
        public abstract void EndList();
        public abstract void Null();
        public abstract void Boolean(bool value);
        public abstract void Integer(long value);
        public abstract void Unsigned(ulong value);
        public abstract void Number(double value);
        public abstract void Text(string value);

        public void Write(Value value)
        {
            switch (value.Kind)
            {
                case ValueKind.Null: Null(); break;
                case ValueKind.Boolean: Boolean(value.Boolean); break;
                case ValueKind.Integer: Integer(value.Integer); break;
                case ValueKind.Unsigned: Unsigned(value.Unsigned); break;
                case ValueKind.Number: Number(value.Number); break;
                case ValueKind.Text: Text(value.Text); break;
                case ValueKind.List:
                    BeginList(value.Items.Count);
                    foreach (Value item in value.Items) Write(item);
                    EndList();
                    break;
                default:
                    BeginMap(value.Members.Count);
                    foreach (KeyValuePair<string, Value> member in value.Members)
                    {
                        Key(member.Key);
                        Write(member.Value);
                    }
                    EndMap();
                    break;
            }
        }
    }

    /// <summary>JSON on one line, without line feeds.</summary>
    public sealed class JsonEncoder : Encoder
    {
        private bool first;
        private bool afterKey;

        public override void Begin(ByteBuffer into)
        {
            base.Begin(into);
            first = true;
            afterKey = false;
        }

        /// <summary>A comma, unless this is the first in its map or list, or the value of a key.</summary>
        private void Separate()
        {
            if (!first && !afterKey) Out.Add((byte)',');
            first = false;
            afterKey = false;
        }

        private void Open(char sign)
        {
            Separate();
            Out.Add((byte)sign);
            first = true;
        }

        private void Close(char sign)
        {
            Out.Add((byte)sign);
            first = false;
        }

        public override void BeginMap(int members) { Open('{'); }
        public override void EndMap() { Close('}'); }
        public override void BeginList(int items) { Open('['); }
        public override void EndList() { Close(']'); }

        public override void Key(string name)
        {
            Separate();
            Quoted(name);
            Out.Add((byte)':');
            afterKey = true;
        }

        public override void Null() { Word("null"); }
        public override void Boolean(bool value) { Word(value ? "true" : "false"); }
        public override void Integer(long value) { Word(value.ToString(CultureInfo.InvariantCulture)); }
        public override void Unsigned(ulong value) { Word(value.ToString(CultureInfo.InvariantCulture)); }

        public override void Number(double value)
        {
            // Not representable in JSON.
            if (double.IsNaN(value) || double.IsInfinity(value)) { Null(); return; }
            string text = value.ToString("R", CultureInfo.InvariantCulture);
            Word(text.IndexOfAny(new[] { '.', 'E' }) < 0 ? text + ".0" : text);
        }

        public override void Text(string value)
        {
            Separate();
            Quoted(value);
        }

        private void Word(string word)
        {
            Separate();
            Out.AddAscii(word);
        }

        private void Quoted(string text)
        {
            Out.Add((byte)'"');
            int plain = 0;
            for (int at = 0; at < text.Length; at++)
            {
                char sign = text[at];
                if (sign >= ' ' && sign != '"' && sign != '\\') continue;
                if (at > plain) Out.AddUtf8(text.Substring(plain, at - plain));
                plain = at + 1;
                if (sign >= ' ') { Out.Add((byte)'\\'); Out.Add((byte)sign); }
                else Out.AddAscii("\\u" + ((int)sign).ToString("x4", CultureInfo.InvariantCulture));
            }
            Out.AddUtf8(plain == 0 ? text : text.Substring(plain));
            Out.Add((byte)'"');
        }
    }
}
