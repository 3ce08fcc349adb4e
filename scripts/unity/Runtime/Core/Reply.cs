namespace Workly.Bridge
{
    public enum Ack
    {
        /// <summary>No reply at all.</summary>
        None,
        /// <summary>From the socket thread: parsed and queued.</summary>
        Received,
        /// <summary>From the main thread, within a frame: applied.</summary>
        Applied
    }

    /// <summary>A reply under construction. For a request without id and ack it is the bare <c>{}</c>.</summary>
    public sealed class Reply
    {
        public bool Bare;
        public Value Id;
        public string Command;
        public Ack Ack;
        public string Status = "ok";
        public string Error;

        /// <summary>Commands of a batch that were applied or queued; -1 if this is not a batch.</summary>
        public int Taken = -1;
        public int Rejected;

        /// <summary>Messages in the queue when this one was added; -1 if it was not queued.</summary>
        public int QueueDepth = -1;
        public int QueueCapacity = -1;

        public long ReceivedNs;
        public long ParsedNs;
        /// <summary>The frame that applied it; 0 if none did.</summary>
        public long Frame;
        public long FrameNs;
        public long DequeuedNs;
        public long AppliedNs;

        public BridgeStats Stats { get; private set; }
        public Hello Hello;

        /// <summary>Adds the counters, including the current queue depth.</summary>
        public void SetStats(BridgeStats stats)
        {
            Stats = stats;
            QueueDepth = -1;
        }

        /// <summary>Makes this a refusal.</summary>
        public Reply Fail(string error)
        {
            Status = "error";
            Error = error;
            return this;
        }

        /// <summary>Sets the result of a batch. It is ok only if all of its commands were accepted.</summary>
        public void SetBatch(int taken, int rejected)
        {
            Taken = taken;
            Rejected = rejected;
            if (rejected == 0) return;
            if (taken > 0) Status = "partial";
            else Fail("none of the " + rejected + " commands of this batch can be carried out");
        }

        /// <summary>Writes it, with the time of writing next to the other timestamps.</summary>
        public void WriteTo(Encoder encoder)
        {
            if (Bare)
            {
                encoder.BeginMap(0);
                encoder.EndMap();
                return;
            }
            bool acknowledges = Status == "ok" || Status == "partial";
            encoder.BeginMap(Count(acknowledges));
            if (Id != null) { encoder.Key("id"); encoder.Write(Id); }
            if (Command != null) { encoder.Key("command"); encoder.Text(Command); }
            if (acknowledges) Text(encoder, "ack", Ack == Ack.Applied ? "applied" : "received");
            Text(encoder, "status", Status);
            if (Error != null) Text(encoder, "error", Error);
            if (Taken >= 0)
            {
                Whole(encoder, Ack == Ack.Applied ? "applied" : "queued", Taken);
                Whole(encoder, "rejected", Rejected);
            }
            if (QueueDepth >= 0) Whole(encoder, "queue_depth", QueueDepth);
            if (QueueCapacity >= 0) Whole(encoder, "queue_capacity", QueueCapacity);
            if (Hello != null) Hello.WriteTo(encoder);
            if (Stats != null) Stats.WriteTo(encoder);
            if (ReceivedNs > 0)
            {
                Whole(encoder, "received_ns", ReceivedNs);
                Whole(encoder, "parsed_ns", ParsedNs);
                if (Frame > 0)
                {
                    Whole(encoder, "frame", Frame);
                    Whole(encoder, "frame_ns", FrameNs);
                    Whole(encoder, "dequeued_ns", DequeuedNs);
                    Whole(encoder, "applied_ns", AppliedNs);
                }
                Whole(encoder, "replied_ns", MonotonicClock.NowNs);
            }
            encoder.EndMap();
        }

        private int Count(bool acknowledges)
        {
            int count = 1;
            if (Id != null) count++;
            if (Command != null) count++;
            if (acknowledges) count++;
            if (Error != null) count++;
            if (Taken >= 0) count += 2;
            if (QueueDepth >= 0) count++;
            if (QueueCapacity >= 0) count++;
            if (Hello != null) count += Hello.Members;
            if (Stats != null) count += BridgeStats.Members;
            if (ReceivedNs > 0) count += Frame > 0 ? 7 : 3;
            return count;
        }

        internal static void Whole(Encoder encoder, string name, long value)
        {
            encoder.Key(name);
            encoder.Integer(value);
        }

        internal static void Text(Encoder encoder, string name, string value)
        {
            encoder.Key(name);
            encoder.Text(value);
        }
    }

    /// <summary>Result of a <c>hello</c>.</summary>
    public sealed class Hello
    {
        internal const int Members = 3;

        public Framing Framing;
        public bool MessagePack;
        public int MaxMessageBytes;

        internal void WriteTo(Encoder encoder)
        {
            Reply.Text(encoder, "framing", Framing == Framing.Length ? "length" : "lines");
            Reply.Text(encoder, "codec", MessagePack ? "msgpack" : "json");
            Reply.Whole(encoder, "max_message_bytes", MaxMessageBytes);
        }
    }

    /// <summary>A snapshot of the counters since the bridge's start.</summary>
    public sealed class BridgeStats
    {
        internal const int Members = 8;

        /// <summary>Messages read, without blank lines.</summary>
        public long Received;
        /// <summary>Commands applied, counting each command of a batch.</summary>
        public long Applied;
        /// <summary>Commands and messages that were invalid, lacked an argument, or were refused by the avatar.</summary>
        public long Rejected;
        /// <summary>Messages refused because the queue was full.</summary>
        public long Overflowed;
        public long QueueDepth;
        public long QueueHighWater;
        public long QueueCapacity;
        public long Frames;
        /// <summary>Frames with a non-empty queue. Not part of a reply, like those below.</summary>
        public long BusyFrames;
        public long Connections;
        public long Replies;
        public long Malformed;

        internal void WriteTo(Encoder encoder)
        {
            Reply.Whole(encoder, "received", Received);
            Reply.Whole(encoder, "applied", Applied);
            Reply.Whole(encoder, "rejected", Rejected);
            Reply.Whole(encoder, "overflowed", Overflowed);
            Reply.Whole(encoder, "queue_depth", QueueDepth);
            Reply.Whole(encoder, "queue_high_water", QueueHighWater);
            Reply.Whole(encoder, "queue_capacity", QueueCapacity);
            Reply.Whole(encoder, "frames", Frames);
        }
    }
}
