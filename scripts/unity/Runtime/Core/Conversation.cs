using System.Collections.Generic;
using System.Threading;

namespace Workly.Bridge
{
    /// <summary>The socket thread's part for one client: reads, parses and queues messages, and sends received replies.</summary>
    internal sealed class Conversation
    {
        /// <summary>Maximum replies held until the rest of a read is processed; more would delay the first.</summary>
        private const int RepliesPerWrite = 8;

        private readonly Connection client;
        private readonly CommandQueue queue;
        private readonly Counters counters;
        private readonly BridgeOptions options;
        private readonly ReceiveBuffer buffer;
        private int unsent;
        private bool over;

        public Conversation(Connection client, CommandQueue queue, Counters counters, BridgeOptions options)
        {
            this.client = client;
            this.queue = queue;
            this.counters = counters;
            this.options = options;
            buffer = new ReceiveBuffer(options.MaxMessageBytes);
        }

        public void Run()
        {
            client.Add(new Reply { Bare = true }, true);
            client.Flush(true);
            while (!over)
            {
                int count = client.Read(buffer);
                if (count <= 0) return;
                long receivedNs = MonotonicClock.NowNs;
                buffer.Filled(count);
                int at, length;
                Found found;
                while (!over && (found = buffer.Next(out at, out length)) != Found.Nothing)
                {
                    if (found == Found.Message) Hear(at, length, receivedNs);
                    else Refuse("the message is longer than " + options.MaxMessageBytes + " bytes", null);
                }
                client.Flush(true);
                unsent = 0;
            }
        }

        private void Hear(int at, int length, long receivedNs)
        {
            if (buffer.Framing == Framing.Lines && IsBlank(at, length)) return;
            Request request;
            try
            {
                Value message = client.UsesMessagePack
                    ? MessagePackReader.Read(buffer.Bytes, at, length)
                    : JsonReader.Read(buffer.Bytes, at, length);
                request = Request.From(message);
            }
            catch (FormatFault fault)
            {
                Refuse(fault.Message, null);
                return;
            }
            Interlocked.Increment(ref counters.Received);
            if (request.IsBare)
            {
                ObeyBare(request);
                return;
            }
            client.SpeaksBack = true;
            Reply reply = new Reply
            {
                Id = request.Id,
                Command = request.Command,
                ReceivedNs = receivedNs,
                ParsedNs = MonotonicClock.NowNs,
            };
            Obey(request, reply);
        }

        private bool IsBlank(int at, int length)
        {
            byte[] bytes = buffer.Bytes;
            for (int end = at + length; at < end; at++)
            {
                if (bytes[at] != ' ' && bytes[at] != '\t' && bytes[at] != '\r') return false;
            }
            return true;
        }

        /// <summary>Handles a non-message: no reply, like the stock bridge, unless the client has used ids or acks.</summary>
        private void Refuse(string error, Value id)
        {
            Interlocked.Increment(ref counters.Received);
            Interlocked.Increment(ref counters.Malformed);
            Interlocked.Increment(ref counters.Rejected);
            if (client.SpeaksBack) Answer(new Reply { Id = id }.Fail(error));
        }

        /// <summary>Like the stock bridge: known commands get a reply, even without an argument; nothing else does.</summary>
        private void ObeyBare(Request request)
        {
            Work work = new Work { From = client };
            int rejected = 0;
            if (request.Command == Request.BatchCommand)
            {
                work.Batch = request.ReadBatch(out rejected);
                if (work.Batch == null) rejected = 1;
            }
            else
            {
                Command command;
                string fault;
                if (Command.TryRead(request.Command, request.Data, out command, out fault)) work.Single = command;
                else rejected = 1;
            }
            Interlocked.Add(ref counters.Rejected, rejected);
            bool answered = work.Batch != null || (request.Command != null && Command.IsKnown(request.Command));
            if (!answered) return;
            Reply bare = new Reply { Bare = true };
            if (Command.IsAnsweredApplied(request.Command)) work.Reply = bare;
            PushWaiting(work);
            if (work.Reply == null && !over) Answer(bare);
        }

        /// <summary>
        /// A bare reply cannot report a full queue. To lose nothing, reading stops until there is space.
        /// </summary>
        private void PushWaiting(Work work)
        {
            int before;
            while (!queue.TryPush(work, out before))
            {
                client.Flush(true);
                over = !queue.AwaitRoom(50) || client.HasLeft();
                if (over) return;
            }
        }

        private void Obey(Request request, Reply reply)
        {
            Work work = new Work { From = client };
            Ack usual = Ack.Received;
            string fault = request.AckFault;
            if (fault == null) fault = Read(request, reply, work, ref usual);
            reply.Ack = request.Ack ?? usual;
            if (fault != null)
            {
                Interlocked.Increment(ref counters.Rejected);
                reply.Fail(fault);
            }
            else if (reply.Hello == null && (reply.Command != Request.StatsCommand || reply.Ack == Ack.Applied))
            {
                if (!Push(work, reply)) return;
            }
            else if (reply.Command == Request.StatsCommand) reply.SetStats(counters.Read(queue));
            if (reply.Ack != Ack.None) Answer(reply);
            if (reply.Hello != null) buffer.Framing = reply.Hello.Framing;
        }

        /// <summary>Fills the work or the reply according to the request. Returns the error, or null.</summary>
        private string Read(Request request, Reply reply, Work work, ref Ack usual)
        {
            string fault = null;
            Command command;
            switch (request.Command)
            {
                case Request.HelloCommand:
                    reply.Hello = request.ReadHello(options.MaxMessageBytes, out fault);
                    // Both sides must know the negotiated format.
                    if (request.Ack == Ack.None || request.Ack == Ack.Applied) fault = "`hello` is answered by the socket thread";
                    if (fault != null) reply.Hello = null;
                    return fault;
                case Request.StatsCommand:
                    return null;
                case Request.BatchCommand:
                    usual = Ack.Applied;
                    work.Batch = request.ReadBatch(out reply.Rejected);
                    Interlocked.Add(ref counters.Rejected, reply.Rejected);
                    return work.Batch == null ? "`batch` lacks its list `commands`" : null;
                default:
                    if (!Command.TryRead(request.Command, request.Data, out command, out fault)) return fault;
                    work.Single = command;
                    if (Command.IsAnsweredApplied(request.Command)) usual = Ack.Applied;
                    return null;
            }
        }

        /// <summary>Queues the work. False if the main thread replies.</summary>
        private bool Push(Work work, Reply reply)
        {
            if (reply.Ack == Ack.Applied) work.Reply = reply;
            int before;
            bool taken = queue.TryPush(work, out before);
            if (taken && work.Reply != null) return false;
            reply.QueueDepth = before;
            if (taken && work.Batch != null) reply.SetBatch(work.Batch.Count, reply.Rejected);
            if (taken) return true;
            Interlocked.Increment(ref counters.Overflowed);
            reply.Status = "overflow";
            reply.QueueCapacity = queue.Capacity;
            return true;
        }

        private void Answer(Reply reply)
        {
            Interlocked.Increment(ref counters.Replies);
            client.Add(reply, true);
            if (++unsent < RepliesPerWrite) return;
            client.Flush(true);
            unsent = 0;
        }
    }
}
