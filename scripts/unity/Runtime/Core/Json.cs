using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Workly.Bridge
{
    /// <summary>
    /// Strict JSON (RFC 8259) from UTF-8 bytes. Unity's JsonUtility supports neither nested data of varying shape nor access by
    /// name. Rejects what the standard rejects: trailing commas, comments, leading zeros, lone surrogates, invalid UTF-8, and
    /// anything after the value.
    /// </summary>
    public struct JsonReader
    {
        /// <summary>Deeper nesting is rejected, so that no message can exhaust the stack.</summary>
        public const int MaxDepth = 64;

        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        private readonly byte[] bytes;
        private readonly int start;
        private readonly int end;
        private int at;

        private JsonReader(byte[] bytes, int start, int length)
        {
            this.bytes = bytes;
            this.start = start;
            end = start + length;
            at = start;
        }

        /// <summary>The single value in these bytes. Throws <see cref="FormatFault"/>.</summary>
        public static Value Read(byte[] bytes, int start, int length)
        {
            JsonReader reader = new JsonReader(bytes, start, length);
            Value value = reader.ReadValue(0);
            reader.SkipSpace();
            if (reader.at < reader.end) throw reader.Fault("something follows the value");
            return value;
        }

        private FormatFault Fault(string what)
        {
            return new FormatFault("not JSON: " + what + " at byte " + (at - start).ToString(CultureInfo.InvariantCulture));
        }

        private void SkipSpace()
        {
            while (at < end && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\r' || bytes[at] == '\n')) at++;
        }

        private byte Peek()
        {
            if (at >= end) throw Fault("it ends too early");
            return bytes[at];
        }

        private Value ReadValue(int depth)
        {
            if (depth > MaxDepth) throw Fault("it is nested too deeply");
            SkipSpace();
            switch (Peek())
            {
                case (byte)'{': return ReadMap(depth);
                case (byte)'[': return ReadList(depth);
                case (byte)'"': return Value.Of(ReadText());
                case (byte)'t': return ReadWord("true", Value.True);
                case (byte)'f': return ReadWord("false", Value.False);
                case (byte)'n': return ReadWord("null", Value.Null);
                default: return ReadNumber();
            }
        }

        private Value ReadWord(string word, Value value)
        {
            foreach (char letter in word)
            {
                if (Peek() != letter) throw Fault("an unknown word stands");
                at++;
            }
            return value;
        }

        private Value ReadMap(int depth)
        {
            List<KeyValuePair<string, Value>> members = new List<KeyValuePair<string, Value>>();
            at++;
            SkipSpace();
            if (Peek() == '}') { at++; return Value.Of(members); }
            while (true)
            {
                SkipSpace();
                if (Peek() != '"') throw Fault("a name in quotes is missing");
                string name = ReadText();
                SkipSpace();
                if (Peek() != ':') throw Fault("a colon is missing");
                at++;
                members.Add(new KeyValuePair<string, Value>(name, ReadValue(depth + 1)));
                if (Ends('}')) return Value.Of(members);
            }
        }

        private Value ReadList(int depth)
        {
            List<Value> items = new List<Value>();
            at++;
            SkipSpace();
            if (Peek() == ']') { at++; return Value.Of(items); }
            while (true)
            {
                items.Add(ReadValue(depth + 1));
                if (Ends(']')) return Value.Of(items);
            }
        }

        /// <summary>Consumes a comma or the closing bracket; true for the latter.</summary>
        private bool Ends(char closing)
        {
            SkipSpace();
            byte sign = Peek();
            if (sign != ',' && sign != closing) throw Fault("a comma or '" + closing + "' is missing");
            at++;
            return sign == closing;
        }

        private string ReadText()
        {
            int first = ++at;
            while (Peek() != '"' && bytes[at] != '\\' && bytes[at] >= ' ') at++;
            string plain = Decode(first, at);
            if (bytes[at] == '"') { at++; return plain; }
            StringBuilder text = new StringBuilder(plain);
            while (true)
            {
                byte sign = Peek();
                if (sign == '"') { at++; break; }
                if (sign < ' ') throw Fault("a control character stands in a text");
                if (sign == '\\') { ReadEscape(text); continue; }
                first = at;
                while (Peek() != '"' && bytes[at] != '\\' && bytes[at] >= ' ') at++;
                text.Append(Decode(first, at));
            }
            return text.ToString();
        }

        private string Decode(int first, int last)
        {
            try { return Strict.GetString(bytes, first, last - first); }
            catch (DecoderFallbackException) { throw Fault("bytes that are no UTF-8 stand in a text"); }
        }

        private void ReadEscape(StringBuilder text)
        {
            at++;
            byte sign = Peek();
            at++;
            switch (sign)
            {
                case (byte)'"': case (byte)'\\': case (byte)'/': text.Append((char)sign); return;
                case (byte)'b': text.Append('\b'); return;
                case (byte)'f': text.Append('\f'); return;
                case (byte)'n': text.Append('\n'); return;
                case (byte)'r': text.Append('\r'); return;
                case (byte)'t': text.Append('\t'); return;
                case (byte)'u': break;
                default: throw Fault("an unknown escape stands");
            }
            char unit = ReadHex();
            text.Append(unit);
            if (char.IsLowSurrogate(unit)) throw Fault("half a surrogate pair stands");
            if (!char.IsHighSurrogate(unit)) return;
            if (Peek() != '\\') throw Fault("half a surrogate pair stands");
            at++;
            if (Peek() != 'u') throw Fault("half a surrogate pair stands");
            at++;
            char second = ReadHex();
            if (!char.IsLowSurrogate(second)) throw Fault("half a surrogate pair stands");
            text.Append(second);
        }

        private char ReadHex()
        {
            int unit = 0;
            for (int digits = 0; digits < 4; digits++)
            {
                int digit = Peek();
                if (digit >= '0' && digit <= '9') digit -= '0';
                else if (digit >= 'a' && digit <= 'f') digit -= 'a' - 10;
                else if (digit >= 'A' && digit <= 'F') digit -= 'A' - 10;
                else throw Fault("a hexadecimal digit is missing");
                unit = unit * 16 + digit;
                at++;
            }
            return (char)unit;
        }

        private Value ReadNumber()
        {
            int first = at;
            if (Peek() == '-') at++;
            if (Peek() == '0') at++; else ReadDigits();
            bool whole = true;
            if (at < end && bytes[at] == '.') { whole = false; at++; ReadDigits(); }
            if (at < end && (bytes[at] == 'e' || bytes[at] == 'E'))
            {
                whole = false;
                at++;
                if (Peek() == '+' || bytes[at] == '-') at++;
                ReadDigits();
            }
            string text = Encoding.ASCII.GetString(bytes, first, at - first);
            long integer;
            if (whole && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out integer)
                && text != "-0") return Value.Of(integer);
            ulong unsigned;
            if (whole && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out unsigned)) return Value.Of(unsigned);
            double number;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) || double.IsInfinity(number))
            {
                throw Fault("a number is out of range");
            }
            return Value.Of(number);
        }

        private void ReadDigits()
        {
            int first = at;
            while (at < end && bytes[at] >= '0' && bytes[at] <= '9') at++;
            if (at == first) throw Fault("a digit is missing");
        }
    }
}
