using System.Collections.Generic;
using System.Threading;

namespace Workly.Bridge
{
    /// <summary>Work for the main thread: one command, several, or just a reply.</summary>
    internal sealed class Work
    {
        /// <summary>Null for a batch, and for a message that only needs a reply from the main thread.</summary>
        public Command? Single;
        public List<Command> Batch;
        /// <summary>Null if the socket thread replies, or there is no reply.</summary>
        public Reply Reply;
        public Connection From;
    }

    /// <summary>Messages from the socket thread to the main thread, in order, up to its capacity.</summary>
    internal sealed class CommandQueue
    {
        private readonly object gate = new object();
        private readonly int capacity;
        private Queue<Work> waiting = new Queue<Work>();
        private Queue<Work> taken = new Queue<Work>();
        private int highWater;
        private bool closed;

        public CommandQueue(int capacity) { this.capacity = capacity; }

        public int Capacity { get { return capacity; } }

        public int Depth { get { lock (gate) return waiting.Count; } }

        public int HighWater { get { lock (gate) return highWater; } }

        /// <summary>Appends unless full. In both cases <paramref name="before"/> is the number of messages queued before it.</summary>
        public bool TryPush(Work work, out int before)
        {
            lock (gate)
            {
                before = waiting.Count;
                if (before >= capacity) return false;
                // Set here, since the main thread may take it as soon as the lock is released.
                if (work.Reply != null) work.Reply.QueueDepth = before;
                waiting.Enqueue(work);
                if (waiting.Count > highWater) highWater = waiting.Count;
                return true;
            }
        }

        /// <summary>Waits a while for the main thread to take messages. False if the queue was closed.</summary>
        public bool AwaitRoom(int milliseconds)
        {
            lock (gate)
            {
                if (!closed && waiting.Count >= capacity) Monitor.Wait(gate, milliseconds);
                return !closed;
            }
        }

        /// <summary>All queued messages. The list returned before must have been cleared.</summary>
        public Queue<Work> TakeAll()
        {
            lock (gate)
            {
                Queue<Work> full = waiting;
                waiting = taken;
                taken = full;
                Monitor.PulseAll(gate);
                return full;
            }
        }

        /// <summary>Ends the waits.</summary>
        public void Close()
        {
            lock (gate)
            {
                closed = true;
                Monitor.PulseAll(gate);
            }
        }
    }
}
