using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace Workly.Bridge
{
    public sealed class BridgeOptions
    {
        /// <summary>Port on 127.0.0.1; 0 picks a free one. The protocol has no authentication, so it never listens beyond this machine.</summary>
        public int Port = 5555;

        /// <summary>Capacity of the main thread's queue, in messages.</summary>
        public int QueueCapacity = 4096;

        /// <summary>Longer messages are refused.</summary>
        public int MaxMessageBytes = 1024 * 1024;

        /// <summary>Receives error messages, from any thread.</summary>
        public Action<string> Warn = message => { };
    }

    /// <summary>
    /// The bridge: one thread for the socket, and <see cref="Tick"/> once per frame on the main thread. One client at a time, as in
    /// the stock bridge; the next is accepted when the first has disconnected.
    /// </summary>
    public sealed class BridgeServer
    {
        private const int AcceptWaitMicroseconds = 50 * 1000;
        private const int StopWaitMilliseconds = 2000;

        private readonly BridgeOptions options;
        private readonly IAvatar avatar;
        private readonly CommandQueue queue;
        private readonly Counters counters = new Counters();
        private readonly List<Work> answered = new List<Work>();
        private Socket listener;
        private Thread thread;
        private volatile bool stopping;
        private volatile Connection client;

        public BridgeServer(BridgeOptions options, IAvatar avatar)
        {
            if (options.QueueCapacity < 1) throw new ArgumentException("QueueCapacity must be 1 or more");
            if (options.MaxMessageBytes < 64) throw new ArgumentException("MaxMessageBytes must be 64 or more");
            this.options = options;
            this.avatar = avatar;
            queue = new CommandQueue(options.QueueCapacity);
        }

        /// <summary>The port for clients, after the start.</summary>
        public int Port { get { return ((IPEndPoint)listener.LocalEndPoint).Port; } }

        public BridgeStats Stats { get { return counters.Read(queue); } }

        /// <summary>Listens. Throws <see cref="SocketException"/> if the port is in use. Call it once.</summary>
        public void Start()
        {
            Socket socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                // On Windows this prevents other programs from taking over the port; elsewhere they cannot.
                if (Environment.OSVersion.Platform == PlatformID.Win32NT) socket.ExclusiveAddressUse = true;
                socket.Bind(new IPEndPoint(IPAddress.Loopback, options.Port));
                socket.Listen(16);
            }
            catch (SocketException)
            {
                socket.Close();
                throw;
            }
            listener = socket;
            thread = new Thread(Serve) { Name = "workly-bridge", IsBackground = true };
            thread.Start();
        }

        /// <summary>Disconnects, stops listening, and ends the socket thread. May be called repeatedly.</summary>
        public void Stop()
        {
            stopping = true;
            queue.Close();
            Connection connected = client;
            if (connected != null) connected.Close();
            if (thread != null && !thread.Join(StopWaitMilliseconds)) options.Warn("the socket thread of the bridge did not end");
            if (listener != null) listener.Close();
        }

        /// <summary>One frame: applies all queued messages, then replies. Call it once per frame, on the main thread.</summary>
        public void Tick()
        {
            long frameNs = MonotonicClock.NowNs;
            long frame = Interlocked.Increment(ref counters.Frames);
            Queue<Work> works = queue.TakeAll();
            if (works.Count == 0) return;
            Interlocked.Increment(ref counters.BusyFrames);
            long dequeuedNs = MonotonicClock.NowNs;
            while (works.Count > 0)
            {
                Work work = works.Dequeue();
                Apply(work);
                Reply reply = work.Reply;
                if (reply == null) continue;
                reply.Frame = frame;
                reply.FrameNs = frameNs;
                reply.DequeuedNs = dequeuedNs;
                reply.AppliedNs = MonotonicClock.NowNs;
                answered.Add(work);
            }
            foreach (Work work in answered)
            {
                if (work.Reply.Command == Request.StatsCommand) work.Reply.SetStats(Stats);
                Interlocked.Increment(ref counters.Replies);
                work.From.Add(work.Reply, false);
            }
            for (int at = 0; at < answered.Count; at++)
            {
                // A frame rarely replies to more than one client, and the replies of each are adjacent.
                if (at + 1 == answered.Count || answered[at + 1].From != answered[at].From) answered[at].From.Flush(false);
            }
            answered.Clear();
        }

        private void Apply(Work work)
        {
            if (work.Batch == null)
            {
                string fault = work.Single.HasValue ? TryApply(work.Single.Value) : null;
                if (fault != null && work.Reply != null) work.Reply.Fail(fault);
                return;
            }
            int applied = 0;
            foreach (Command command in work.Batch)
            {
                if (TryApply(command) == null) applied++;
            }
            if (work.Reply == null) return;
            work.Reply.SetBatch(applied, work.Reply.Rejected + work.Batch.Count - applied);
        }

        /// <summary>The avatar's error; null if the command was applied.</summary>
        private string TryApply(Command command)
        {
            try
            {
                command.ApplyTo(avatar);
                Interlocked.Increment(ref counters.Applied);
                return null;
            }
            // The avatar is the project's own code: its exceptions must not end the frame.
            catch (Exception fault)
            {
                Interlocked.Increment(ref counters.Rejected);
                options.Warn("the avatar refused a command: " + fault);
                return "the avatar refused: " + fault.Message;
            }
        }

        private void Serve()
        {
            while (!stopping)
            {
                Connection accepted = Accept();
                if (accepted == null) continue;
                client = accepted;
                try
                {
                    if (!stopping) new Conversation(accepted, queue, counters, options).Run();
                }
                // A fault of this bridge; the next client is served nevertheless.
                catch (Exception fault) { options.Warn("a connection ended by a fault of the bridge: " + fault); }
                client = null;
                accepted.Close();
                accepted.Release();
            }
        }

        /// <summary>The next client; null if none has connected for a while.</summary>
        private Connection Accept()
        {
            try
            {
                if (!listener.Poll(AcceptWaitMicroseconds, SelectMode.SelectRead)) return null;
                Socket socket = listener.Accept();
                socket.NoDelay = true;
                Interlocked.Increment(ref counters.Connections);
                return new Connection(socket);
            }
            catch (SocketException)
            {
                // A client disconnected before it was accepted, or descriptors have run out: do not spin.
                Thread.Sleep(10);
                return null;
            }
        }
    }

    /// <summary>Counters of both threads.</summary>
    internal sealed class Counters
    {
        public long Connections, Received, Applied, Rejected, Overflowed, Frames, BusyFrames, Replies, Malformed;

        public BridgeStats Read(CommandQueue queue)
        {
            return new BridgeStats
            {
                Connections = Interlocked.Read(ref Connections),
                Received = Interlocked.Read(ref Received),
                Applied = Interlocked.Read(ref Applied),
                Rejected = Interlocked.Read(ref Rejected),
                Overflowed = Interlocked.Read(ref Overflowed),
                Frames = Interlocked.Read(ref Frames),
                BusyFrames = Interlocked.Read(ref BusyFrames),
                Replies = Interlocked.Read(ref Replies),
                Malformed = Interlocked.Read(ref Malformed),
                QueueDepth = queue.Depth,
                QueueHighWater = queue.HighWater,
                QueueCapacity = queue.Capacity,
            };
        }
    }
}
