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

        /// <summary>Places in the queue: one for each command, and one for what only wants an answer.</summary>
        public int Places { get { return Batch != null && Batch.Count > 1 ? Batch.Count : 1; } }
    }

    /// <summary>From the socket thread to the main thread, in order, and never longer than its capacity.</summary>
    internal sealed class CommandQueue
    {
        private readonly object gate = new object();
        private readonly int capacity;
        private Queue<Work> waiting = new Queue<Work>();
        private Queue<Work> taken = new Queue<Work>();
        private int depth;
        private int highWater;
        private bool closed;

        public CommandQueue(int capacity) { this.capacity = capacity; }

        public int Capacity { get { return capacity; } }

        public int Depth { get { lock (gate) return depth; } }

        public int HighWater { get { lock (gate) return highWater; } }

        /// <summary>Appends all of it or nothing. Either way <paramref name="before"/> is how many commands waited before it.</summary>
        /// <param name="orAlone">Whether more than the capacity is taken when nothing else waits.</param>
        public bool TryPush(Work work, bool orAlone, out int before)
        {
            lock (gate)
            {
                before = depth;
                if (depth + work.Places > capacity && !(orAlone && depth == 0)) return false;
                // Here, since the main thread may have it as soon as the gate is open.
                if (work.Reply != null) work.Reply.QueueDepth = depth;
                waiting.Enqueue(work);
                depth += work.Places;
                if (depth > highWater) highWater = depth;
                return true;
            }
        }

        /// <summary>Waits a while for the main thread to take something. False when the queue was closed.</summary>
        public bool AwaitRoom(int milliseconds)
        {
            lock (gate)
            {
                if (!closed && depth > 0) Monitor.Wait(gate, milliseconds);
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
                depth = 0;
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
