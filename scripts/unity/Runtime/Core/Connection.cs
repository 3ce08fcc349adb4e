using System;
using System.Net.Sockets;
using System.Threading;

namespace Workly.Bridge
{
    /// <summary>
    /// The connected client, with replies from two threads. A thread that finds no other writing writes the replies of both, so
    /// that they never mix. The main thread never waits for a client that does not read: the thread pool writes the rest.
    /// </summary>
    internal sealed class Connection
    {
        /// <summary>The socket thread stops reading requests while this many bytes of replies are pending.</summary>
        private const int HeldBackBytes = 1024 * 1024;

        /// <summary>The main thread disconnects a client that leaves this many bytes unread.</summary>
        private const int GivenUpBytes = 8 * 1024 * 1024;

        private const int KeptBytes = 256 * 1024;
        private const int ChunkBytes = 4096;

        private readonly object gate = new object();
        private readonly Socket socket;
        private readonly JsonEncoder json = new JsonEncoder();
        private readonly MessagePackEncoder messagePack = new MessagePackEncoder();
        private ByteBuffer filling = new ByteBuffer(ChunkBytes);
        private ByteBuffer sending = new ByteBuffer(ChunkBytes);
        private int sent;
        private bool writing;
        private bool closed;
        private Hello settled = new Hello();

        public Connection(Socket socket) { this.socket = socket; }

        /// <summary>Whether the client has used an id or an ack: errors without either then get a reply, too.</summary>
        public bool SpeaksBack { get; set; }

        public bool UsesMessagePack { get { return settled.MessagePack; } }

        /// <summary>Reads into the buffer; 0 or less at the end of the connection.</summary>
        public int Read(ReceiveBuffer buffer)
        {
            buffer.Prepare();
            try { return socket.Receive(buffer.Bytes, buffer.WriteAt, buffer.Room, SocketFlags.None); }
            catch (SocketException) { return 0; }
            catch (ObjectDisposedException) { return 0; }
        }

        /// <summary>Whether the client has disconnected, as far as is known without reading.</summary>
        public bool HasLeft()
        {
            try { return closed || (socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0); }
            catch (SocketException) { return true; }
            catch (ObjectDisposedException) { return true; }
        }

        /// <summary>Adds a reply in the current wire format; it is sent by <see cref="Flush"/>.</summary>
        /// <param name="mayWait">Whether to wait for a client that does not read, instead of disconnecting it.</param>
        public void Add(Reply reply, bool mayWait)
        {
            lock (gate)
            {
                while (mayWait && filling.Count > HeldBackBytes && writing && !closed) Monitor.Wait(gate, 1000);
                if (closed) return;
                Encode(reply);
                if (reply.Hello != null && reply.Error == null) settled = reply.Hello;
                if (filling.Count <= GivenUpBytes) return;
            }
            Close();
        }

        private void Encode(Reply reply)
        {
            Encoder encoder = settled.MessagePack ? (Encoder)messagePack : json;
            int head = filling.Count;
            if (settled.Framing == Framing.Length) filling.AddBigEndian(0, 4);
            int from = filling.Count;
            encoder.Begin(filling);
            reply.WriteTo(encoder);
            if (settled.Framing == Framing.Length) filling.PatchBigEndian(head, (uint)(filling.Count - from));
            else filling.Add((byte)'\n');
        }

        /// <summary>Sends added replies, unless another thread is already writing.</summary>
        public void Flush(bool mayWait)
        {
            lock (gate)
            {
                if (writing || closed || filling.Count == 0) return;
                writing = true;
            }
            Drain(mayWait);
        }

        private void Drain(bool mayWait)
        {
            try
            {
                while (Advance())
                {
                    if (!mayWait && !socket.Poll(0, SelectMode.SelectWrite))
                    {
                        ThreadPool.QueueUserWorkItem(rest => Drain(true));
                        return;
                    }
                    int chunk = sending.Count - sent;
                    if (!mayWait) chunk = Math.Min(chunk, ChunkBytes);
                    sent += socket.Send(sending.Bytes, sent, chunk, SocketFlags.None);
                }
            }
            catch (SocketException) { Close(); }
            catch (ObjectDisposedException) { Close(); }
        }

        /// <summary>Whether there is something to send; if not, marks that no thread is writing.</summary>
        private bool Advance()
        {
            if (sent < sending.Count) return true;
            lock (gate)
            {
                Monitor.PulseAll(gate);
                writing = !closed && filling.Count > 0;
                if (!writing) return false;
                ByteBuffer emptied = sending.Bytes.Length > KeptBytes ? new ByteBuffer(ChunkBytes) : sending;
                emptied.Clear();
                sending = filling;
                filling = emptied;
                sent = 0;
                return true;
            }
        }

        /// <summary>Ends the connection and every wait on it. <see cref="Release"/> frees the socket.</summary>
        public void Close()
        {
            lock (gate)
            {
                closed = true;
                Monitor.PulseAll(gate);
            }
            try { socket.Shutdown(SocketShutdown.Both); }
            catch (SocketException) { }
            catch (ObjectDisposedException) { }
        }

        public void Release() { socket.Close(); }
    }
}
