using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using Workly.Bridge;

/// <summary>
/// The C# bridge without Unity: a frame loop on the main thread, and a recording avatar. Prints its address, then answers lines on
/// standard input: `state` with a line of JSON, `pause` and `resume` with `ok`. Ends with its input.
///
/// Arguments are KEY=VALUE: fps (or unpaced), pause-main-after (commands applied), queue, max-message, port.
/// </summary>
internal static class Host
{
    private static readonly RecordingAvatar Avatar = new RecordingAvatar();
    private static BridgeServer bridge;
    private static double framesPerSecond = 60;
    private static long pauseAfterApplied = long.MaxValue;
    private static volatile bool paused;
    private static volatile bool over;

    private static int Main(string[] arguments)
    {
        if (arguments.Length == 1 && arguments[0] == "self-test") return SelfTest.Run();
        BridgeOptions options = new BridgeOptions { Port = 0, Warn = Console.Error.WriteLine };
        foreach (string argument in arguments) Read(argument, options);
        bridge = new BridgeServer(options, Avatar);
        bridge.Start();
        Console.Out.WriteLine("127.0.0.1:" + bridge.Port);
        Console.Out.Flush();
        new Thread(Listen) { IsBackground = true }.Start();
        RunFrames();
        bridge.Stop();
        Console.Out.WriteLine(State());
        return 0;
    }

    private static void Read(string argument, BridgeOptions options)
    {
        string[] parts = argument.Split('=');
        string value = parts.Length == 2 ? parts[1] : "";
        switch (parts[0])
        {
            case "fps": framesPerSecond = value == "unpaced" ? 1000 : double.Parse(value, CultureInfo.InvariantCulture); break;
            case "pause-main-after": pauseAfterApplied = long.Parse(value, CultureInfo.InvariantCulture); break;
            case "queue": options.QueueCapacity = int.Parse(value, CultureInfo.InvariantCulture); break;
            case "max-message": options.MaxMessageBytes = int.Parse(value, CultureInfo.InvariantCulture); break;
            case "port": options.Port = int.Parse(value, CultureInfo.InvariantCulture); break;
            default: throw new ArgumentException("unknown key: " + parts[0]);
        }
    }

    /// <summary>Frames on a fixed grid; missed frames are skipped, as on a display.</summary>
    private static void RunFrames()
    {
        double periodNs = 1e9 / framesPerSecond;
        long originNs = MonotonicClock.NowNs;
        long number = 0;
        while (!over)
        {
            number = Math.Max(number + 1, (long)Math.Ceiling((MonotonicClock.NowNs - originNs) / periodNs));
            long startNs = originNs + (long)(number * periodNs);
            while (!over && MonotonicClock.NowNs < startNs)
            {
                long leftMs = (startNs - MonotonicClock.NowNs) / 1000000;
                Thread.Sleep((int)Math.Max(1, Math.Min(leftMs, 20)));
            }
            if (!over && !paused && bridge.Stats.Applied < pauseAfterApplied) bridge.Tick();
        }
    }

    private static void Listen()
    {
        string line;
        while ((line = Console.In.ReadLine()) != null)
        {
            switch (line)
            {
                case "pause": paused = true; Say("ok"); break;
                case "resume": paused = false; Say("ok"); break;
                case "state": Say(State()); break;
                default: Say("unknown"); break;
            }
        }
        over = true;
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }

    private static string State()
    {
        BridgeStats stats = bridge.Stats;
        ByteBuffer text = new ByteBuffer(1024);
        JsonEncoder json = new JsonEncoder();
        json.Begin(text);
        json.BeginMap(13);
        json.Key("avatar");
        Avatar.WriteTo(json);
        Field(json, "connections", stats.Connections);
        Field(json, "received", stats.Received);
        Field(json, "applied", stats.Applied);
        Field(json, "rejected", stats.Rejected);
        Field(json, "malformed", stats.Malformed);
        Field(json, "overflowed", stats.Overflowed);
        Field(json, "frames", stats.Frames);
        Field(json, "busy_frames", stats.BusyFrames);
        Field(json, "replies", stats.Replies);
        Field(json, "queue_high_water", stats.QueueHighWater);
        Field(json, "managed_bytes", GC.GetTotalMemory(true));
        Field(json, "working_set_bytes", Process.GetCurrentProcess().WorkingSet64);
        json.EndMap();
        return System.Text.Encoding.UTF8.GetString(text.Bytes, 0, text.Count);
    }

    private static void Field(Encoder json, string name, long value)
    {
        json.Key(name);
        json.Integer(value);
    }
}
