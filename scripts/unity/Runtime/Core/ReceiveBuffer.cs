using System;

namespace Workly.Bridge
{
    /// <summary>How messages are separated.</summary>
    public enum Framing
    {
        /// <summary>Terminated by a line feed.</summary>
        Lines,
        /// <summary>Preceded by the length in four bytes, big-endian.</summary>
        Length
    }

    /// <summary>Result of <see cref="ReceiveBuffer.Next"/>.</summary>
    public enum Found { Nothing, Message, TooLong }

    /// <summary>
    /// Received bytes and the messages in them. Text is decoded once a message is complete, so that no character is split between
    /// two reads. The rest is only moved to the front when the end of the buffer is reached, and no byte is searched twice: the
    /// work is proportional to the bytes, however they arrive.
    /// </summary>
    public sealed class ReceiveBuffer
    {
        private const int ReadBytes = 16 * 1024;
        private const int KeptBytes = 256 * 1024;
        private const int HeadBytes = 4;

        private readonly int maxMessageBytes;
        private byte[] bytes = new byte[ReadBytes * 4];
        private int start;
        private int end;
        private int searched;
        /// <summary>Remaining bytes of an oversized length-prefixed message; -1 until the end of an oversized line.</summary>
        private long skipping;

        public ReceiveBuffer(int maxMessageBytes)
        {
            this.maxMessageBytes = maxMessageBytes;
            Framing = Framing.Lines;
        }

        /// <summary>May change between two messages.</summary>
        public Framing Framing { get; set; }

        public byte[] Bytes { get { return bytes; } }

        /// <summary>Position for the next read; there is always space for at least one byte.</summary>
        public int WriteAt { get { return end; } }

        public int Room { get { return bytes.Length - end; } }

        /// <summary>Makes space for a read. Call it before reading to <see cref="WriteAt"/>.</summary>
        public void Prepare()
        {
            if (start == end)
            {
                start = end = searched = 0;
                // A huge message must not keep its memory forever.
                if (bytes.Length > KeptBytes) bytes = new byte[ReadBytes * 4];
            }
            if (Room >= ReadBytes) return;
            int unread = end - start;
            byte[] target = bytes;
            if (unread + ReadBytes > bytes.Length / 2) target = new byte[bytes.Length * 2];
            Buffer.BlockCopy(bytes, start, target, 0, unread);
            bytes = target;
            searched -= start;
            start = 0;
            end = unread;
        }

        /// <summary>Marks bytes as read.</summary>
        public void Filled(int count) { end += count; }

        /// <summary>The next complete message, without framing.</summary>
        public Found Next(out int at, out int length)
        {
            at = length = 0;
            if (skipping != 0 && !Skip()) return Found.Nothing;
            return Framing == Framing.Lines ? NextLine(out at, out length) : NextSized(out at, out length);
        }

        private Found NextLine(out int at, out int length)
        {
            at = start;
            int feed = Array.IndexOf(bytes, (byte)'\n', searched, end - searched);
            searched = end;
            length = (feed < 0 ? end : feed) - start;
            if (feed >= 0) start = searched = feed + 1;
            if (length > maxMessageBytes)
            {
                if (feed < 0)
                {
                    skipping = -1;
                    start = end;
                }
                return Found.TooLong;
            }
            return feed < 0 ? Found.Nothing : Found.Message;
        }

        private Found NextSized(out int at, out int length)
        {
            at = start + HeadBytes;
            length = 0;
            if (end - start < HeadBytes) return Found.Nothing;
            uint told = (uint)(bytes[start] << 24 | bytes[start + 1] << 16 | bytes[start + 2] << 8 | bytes[start + 3]);
            if (told > maxMessageBytes)
            {
                start = searched = at;
                skipping = told;
                Skip();
                return Found.TooLong;
            }
            if (end - at < told) return Found.Nothing;
            length = (int)told;
            start = searched = at + length;
            return Found.Message;
        }

        /// <summary>Drops the bytes of an oversized message. False until its end is reached.</summary>
        private bool Skip()
        {
            if (skipping < 0)
            {
                int feed = Array.IndexOf(bytes, (byte)'\n', start, end - start);
                start = searched = feed < 0 ? end : feed + 1;
                if (feed < 0) return false;
                skipping = 0;
                return true;
            }
            int dropped = (int)Math.Min(skipping, end - start);
            start += dropped;
            searched = start;
            skipping -= dropped;
            return skipping == 0;
        }
    }
}
