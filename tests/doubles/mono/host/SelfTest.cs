using System;
using System.Collections.Generic;
using System.Text;
using Workly.Bridge;

/// <summary>Checks of parts that are hard to test over a socket: codecs, the receive buffer, the clock. Seeds are fixed.</summary>
internal static class SelfTest
{
    private static int failures;

    public static int Run()
    {
        foreach (Action test in new Action[]
        {
            JsonAcceptsWhatTheStandardAccepts, JsonRefusesWhatTheStandardRefuses, JsonKeepsNumbersAndTexts,
            BothCodecsGiveBackWhatTheyWereGiven, MessagePackIsInItsShortestForm, MessagePackRefusesWhatIsNotJson,
            DamagedInputIsRefusedAndNothingElse, MessagesAreFoundHoweverTheyAreCut, OverlongMessagesAreSkipped,
            TicksAreNanosecondsWithoutOverflow,
        })
        {
            try { test(); }
            catch (Exception fault) { Check(false, test.Method.Name + ": " + fault); }
        }
        Console.Out.WriteLine(failures == 0 ? "ok" : failures + " failures");
        return failures == 0 ? 0 : 1;
    }

    private static void Check(bool holds, string what)
    {
        if (holds) return;
        failures++;
        Console.Error.WriteLine("failed: " + what);
    }

    private static Value Json(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes("  " + text);
        return JsonReader.Read(bytes, 2, bytes.Length - 2);
    }

    private static bool Refuses(Func<Value> read)
    {
        try { read(); return false; }
        catch (FormatFault) { return true; }
    }

    private static string Written(Workly.Bridge.Encoder encoder, Value value)
    {
        ByteBuffer into = new ByteBuffer(1);
        encoder.Begin(into);
        encoder.Write(value);
        return encoder is JsonEncoder
            ? Encoding.UTF8.GetString(into.Bytes, 0, into.Count)
            : BitConverter.ToString(into.Bytes, 0, into.Count).Replace("-", "");
    }

    private static byte[] Packed(Value value)
    {
        ByteBuffer into = new ByteBuffer(1);
        MessagePackEncoder encoder = new MessagePackEncoder();
        encoder.Begin(into);
        encoder.Write(value);
        byte[] bytes = new byte[into.Count];
        Buffer.BlockCopy(into.Bytes, 0, bytes, 0, into.Count);
        return bytes;
    }

    private static void JsonAcceptsWhatTheStandardAccepts()
    {
        string[] same = { "{}", "[]", "null", "true", "false", "0", "-1", "1.5", "\"\"", "[[],{}]", "{\"a\":[1,2.0,\"b\"],\"\":null}" };
        foreach (string text in same) Check(Written(new JsonEncoder(), Json(text)) == text, text);
        Check(Written(new JsonEncoder(), Json(" { \"a\" : [ 1 , 2 ] , \"b\" : \"\\u00e9\\n\" } \r\n")) == "{\"a\":[1,2],\"b\":\"é\\u000a\"}", "space and escapes");
        Check(Json("\"\\ud83e\\udd8a\\/\"").Text == "🦊/", "surrogate pair");
        Check(Json("{\"a\":1,\"a\":2}")["a"].Integer == 2, "the last of two");
        Check(Json(new string('[', 64) + new string(']', 64)).Kind == ValueKind.List, "depth");
    }

    private static void JsonRefusesWhatTheStandardRefuses()
    {
        string[] bad =
        {
            "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\"1}", "01", "-", "1.", ".5", "1e", "+1", "NaN", "tru", "nulll",
            "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\n\"", "{}{}", "1 2", "'a'", "[1 2]", "1e999", "//",
            new string('[', 70) + new string(']', 70),
        };
        foreach (string text in bad) Check(Refuses(() => Json(text)), "accepted: " + text);
        foreach (byte[] text in new[] { new byte[] { 34, 0xFF, 34 }, new byte[] { 34, 0xC3, 34 }, new byte[] { 34, 0xED, 0xA0, 0x80, 34 }, new byte[] { 34, 0xC0, 0x80, 34 } })
        {
            Check(Refuses(() => JsonReader.Read(text, 0, text.Length)), "accepted bytes that are no UTF-8");
        }
    }

    private static void JsonKeepsNumbersAndTexts()
    {
        Check(Json("9223372036854775807").Integer == long.MaxValue, "the largest long");
        Check(Json("18446744073709551615").Unsigned == ulong.MaxValue, "the largest ulong");
        Check(Json("-9223372036854775808").Integer == long.MinValue, "the smallest long");
        Check(Json("18446744073709551616").Number == 18446744073709551616.0, "beyond");
        Check(Json("-0").Kind == ValueKind.Number, "minus nought is no whole number");
        Check(Json("2.5E-3").Number == 0.0025, "exponent");
        Check(Written(new JsonEncoder(), Json("[0.1,1e300,5.0]")) == "[0.1,1E+300,5.0]", "doubles");
        Check(Written(new JsonEncoder(), Value.Of(double.NaN)) == "null", "no number");
    }

    /// <summary>A random value of any kind.</summary>
    private static Value Any(Random random, int depth)
    {
        switch (random.Next(depth > 3 ? 7 : 9))
        {
            case 0: return Value.Null;
            case 1: return Value.Of(random.Next(2) == 0);
            case 2: return Value.Of((long)(random.NextDouble() * Math.Pow(2, random.Next(63))) * (random.Next(2) * 2 - 1));
            case 3: return Value.Of(ulong.MaxValue - (ulong)random.Next());
            case 4: return Value.Of(random.NextDouble() * Math.Pow(10, random.Next(-30, 30)));
            case 5: return Value.Of(new string("aé€\"\\\n\u0001z"[random.Next(8)], random.Next(3) == 0 ? random.Next(70000) : random.Next(40)));
            case 6: return Value.Of("🦊" + random.Next());
            case 7:
                List<Value> items = new List<Value>();
                for (int count = random.Next(20); count > 0; count--) items.Add(Any(random, depth + 1));
                return Value.Of(items);
            default:
                List<KeyValuePair<string, Value>> members = new List<KeyValuePair<string, Value>>();
                for (int count = random.Next(20); count > 0; count--) members.Add(new KeyValuePair<string, Value>("k" + count, Any(random, depth + 1)));
                return Value.Of(members);
        }
    }

    private static void BothCodecsGiveBackWhatTheyWereGiven()
    {
        Random random = new Random(7);
        for (int turn = 0; turn < 150; turn++)
        {
            Value value = Any(random, 0);
            string text = Written(new JsonEncoder(), value);
            Check(text.IndexOf('\n') < 0, "a line feed stands in a line");
            Check(Written(new JsonEncoder(), Json(text)) == text, "JSON, turn " + turn);
            byte[] packed = Packed(value);
            Check(Written(new JsonEncoder(), MessagePackReader.Read(packed, 0, packed.Length)) == text, "MessagePack, turn " + turn);
        }
    }

    /// <summary>Derived manually from the specification.</summary>
    private static void MessagePackIsInItsShortestForm()
    {
        MessagePackEncoder encoder = new MessagePackEncoder();
        foreach (string[] pair in new[]
        {
            new[] { "0", "00" }, new[] { "127", "7F" }, new[] { "128", "CC80" }, new[] { "256", "CD0100" }, new[] { "65536", "CE00010000" },
            new[] { "4294967296", "CF0000000100000000" }, new[] { "-1", "FF" }, new[] { "-32", "E0" }, new[] { "-33", "D0DF" },
            new[] { "-129", "D1FF7F" }, new[] { "-32769", "D2FFFF7FFF" }, new[] { "-2147483649", "D3FFFFFFFF7FFFFFFF" },
            new[] { "1.5", "CB3FF8000000000000" }, new[] { "\"é\"", "A2C3A9" }, new[] { "[1,null,true,false]", "9401C0C3C2" }, new[] { "{\"a\":1}", "81A16101" },
        })
        {
            Check(Written(encoder, Json(pair[0])) == pair[1], pair[0] + " is " + Written(encoder, Json(pair[0])));
        }
        Check(Written(encoder, Value.Of(new string('a', 31))).StartsWith("BF61"), "fixstr");
        Check(Written(encoder, Value.Of(new string('a', 32))).StartsWith("D92061"), "str 8");
        Check(Written(encoder, Value.Of(new string('a', 256))).StartsWith("DA010061"), "str 16");
        Check(Written(encoder, Value.Of(new string('a', 65536))).StartsWith("DB0001000061"), "str 32");
    }

    private static void MessagePackRefusesWhatIsNotJson()
    {
        foreach (string hex in new[] { "", "C1", "C40100", "C7010000", "D40000", "8101A161", "A2C3", "A1FF", "92", "DDFFFFFFFF", "DFFFFFFFFF", "DBFFFFFFFF", "0000", "CD01" })
        {
            byte[] bytes = new byte[hex.Length / 2];
            for (int at = 0; at < bytes.Length; at++) bytes[at] = Convert.ToByte(hex.Substring(at * 2, 2), 16);
            Check(Refuses(() => MessagePackReader.Read(bytes, 0, bytes.Length)), "accepted: " + hex);
        }
        byte[] deep = new byte[100000];
        for (int at = 0; at < deep.Length; at++) deep[at] = 0x91;
        Check(Refuses(() => MessagePackReader.Read(deep, 0, deep.Length)), "depth");
        byte[] single = { 0xCA, 0x3F, 0xC0, 0, 0 };
        Check(MessagePackReader.Read(single, 0, 5).Number == 1.5, "float 32");
    }

    private static void DamagedInputIsRefusedAndNothingElse()
    {
        Random random = new Random(11);
        byte[] text = Encoding.UTF8.GetBytes("{\"command\":\"set_expression\",\"data\":{\"name\":\"joé\",\"value\":0.5},\"id\":[1,-2.5e3,null,true]}");
        byte[] packed = Packed(JsonReader.Read(text, 0, text.Length));
        for (int turn = 0; turn < 20000; turn++)
        {
            byte[] bytes = (byte[])(turn % 2 == 0 ? text : packed).Clone();
            for (int changes = random.Next(1, 4); changes > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            int length = random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length;
            Refuses(() => turn % 2 == 0 ? JsonReader.Read(bytes, 0, length) : MessagePackReader.Read(bytes, 0, length));
        }
    }

    private static List<string> Cut(byte[] stream, Framing framing, int max, Random random, int longestPiece)
    {
        ReceiveBuffer buffer = new ReceiveBuffer(max) { Framing = framing };
        List<string> found = new List<string>();
        for (int sent = 0; sent < stream.Length;)
        {
            buffer.Prepare();
            int piece = Math.Min(Math.Min(random.Next(1, longestPiece + 1), buffer.Room), stream.Length - sent);
            Buffer.BlockCopy(stream, sent, buffer.Bytes, buffer.WriteAt, piece);
            buffer.Filled(piece);
            sent += piece;
            int at, length;
            Found what;
            while ((what = buffer.Next(out at, out length)) != Found.Nothing)
            {
                found.Add(what == Found.TooLong ? "too long" : Encoding.UTF8.GetString(buffer.Bytes, at, length));
            }
        }
        return found;
    }

    private static byte[] Stream(List<string> messages, Framing framing)
    {
        ByteBuffer stream = new ByteBuffer(64);
        foreach (string message in messages)
        {
            if (framing == Framing.Length) stream.AddBigEndian((ulong)Encoding.UTF8.GetByteCount(message), 4);
            stream.AddUtf8(message);
            if (framing == Framing.Lines) stream.Add((byte)'\n');
        }
        byte[] bytes = new byte[stream.Count];
        Buffer.BlockCopy(stream.Bytes, 0, bytes, 0, stream.Count);
        return bytes;
    }

    private static void MessagesAreFoundHoweverTheyAreCut()
    {
        Random random = new Random(13);
        foreach (Framing framing in new[] { Framing.Lines, Framing.Length })
        {
            List<string> messages = new List<string>();
            for (int count = 0; count < 300; count++) messages.Add(new string("aé€"[random.Next(3)], random.Next(random.Next(20) == 0 ? 60000 : 200)));
            byte[] stream = Stream(messages, framing);
            foreach (int longestPiece in new[] { 1, 3, 4096, 100000 })
            {
                List<string> found = Cut(stream, framing, 200000, random, longestPiece);
                Check(string.Join("|", found) == string.Join("|", messages), framing + " in pieces up to " + longestPiece);
            }
        }
    }

    private static void OverlongMessagesAreSkipped()
    {
        Random random = new Random(17);
        List<string> messages = new List<string> { "a", new string('x', 101), "b", new string('y', 500000), new string('z', 100), "c" };
        List<string> expected = new List<string> { "a", "too long", "b", "too long", new string('z', 100), "c" };
        foreach (Framing framing in new[] { Framing.Lines, Framing.Length })
        {
            foreach (int longestPiece in new[] { 1, 50, 1000000 })
            {
                List<string> found = Cut(Stream(messages, framing), framing, 100, random, longestPiece);
                Check(string.Join("|", found) == string.Join("|", expected), framing + " in pieces up to " + longestPiece + ": " + found.Count);
            }
        }
    }

    private static void TicksAreNanosecondsWithoutOverflow()
    {
        Check(MonotonicClock.ToNs(15, 10000000) == 1500, "100 ns ticks");
        long year = 365L * 24 * 3600 * 10000000;
        Check(MonotonicClock.ToNs(year + 1, 10000000) == 365L * 24 * 3600 * 1000000000 + 100, "a year");
        long before = MonotonicClock.NowNs;
        Check(before > 0 && MonotonicClock.NowNs >= before, "forward");
    }
}
