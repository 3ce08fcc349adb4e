using System;

namespace Workly.Bridge
{
    /// <summary>How messages are parted.</summary>
    public enum Framing
    {
        /// <summary>A line feed ends each.</summary>
        Lines,
        /// <summary>Four bytes, the highest first, give the length of what follows.</summary>
        Length
    }

    /// <summary>What <see cref="ReceiveBuffer.Next"/> found.</summary>
    public enum Found { Nothing, Message, TooLong }

    /// <summary>
    /// Bytes as they were read, and the messages in them. Text is decoded once a message is whole, so that no character
    /// is torn between two reads. What is left is moved to the front only when the end is reached, and bytes that were
    /// searched are not searched again: the work grows with the bytes, however they were cut.
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
        /// <summary>Bytes of an overlong message with a length that are still to come; of a line, -1 until its end.</summary>
        private long skipping;

        public ReceiveBuffer(int maxMessageBytes)
        {
            this.maxMessageBytes = maxMessageBytes;
            Framing = Framing.Lines;
        }

        /// <summary>May change between two messages.</summary>
        public Framing Framing { get; set; }

        public byte[] Bytes { get { return bytes; } }

        /// <summary>Where the next read goes; there is always room for one byte at least.</summary>
        public int WriteAt { get { return end; } }

        public int Room { get { return bytes.Length - end; } }

        /// <summary>Makes room for a read. Call it before reading to <see cref="WriteAt"/>.</summary>
        public void Prepare()
        {
            if (start == end)
            {
                start = end = searched = 0;
                // One huge message must not hold its memory for ever.
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

        /// <summary>So many bytes were read.</summary>
        public void Filled(int count) { end += count; }

        /// <summary>The next whole message, without what parts it from the others.</summary>
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

        /// <summary>Drops what belongs to an overlong message. False while more of it is to come.</summary>
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
