using System.Collections.Generic;
using System.Threading;

namespace Workly.Bridge
{
    /// <summary>What the main thread is to do: one command, several, or only to answer.</summary>
    internal sealed class Work
    {
        /// <summary>Null for a batch, and for a message that only wants an answer from the main thread.</summary>
        public Command? Single;
        public List<Command> Batch;
        /// <summary>Null when the socket thread answers, or nobody does.</summary>
        public Reply Reply;
        public Connection From;
    }

    /// <summary>Messages from the socket thread to the main thread, in order, and never more than its capacity.</summary>
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

        /// <summary>Appends, if there is room. Either way <paramref name="before"/> is how many messages waited before it.</summary>
        public bool TryPush(Work work, out int before)
        {
            lock (gate)
            {
                before = waiting.Count;
                if (before >= capacity) return false;
                // Here, since the main thread may have it as soon as the gate is open.
                if (work.Reply != null) work.Reply.QueueDepth = before;
                waiting.Enqueue(work);
                if (waiting.Count > highWater) highWater = waiting.Count;
                return true;
            }
        }

        /// <summary>Waits a while for the main thread to take something. False when the queue was closed.</summary>
        public bool AwaitRoom(int milliseconds)
        {
            lock (gate)
            {
                if (!closed && waiting.Count >= capacity) Monitor.Wait(gate, milliseconds);
                return !closed;
            }
        }

        /// <summary>Everything that waits. What was returned before must have been emptied.</summary>
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
