using System.Collections.Generic;

namespace Workly.Bridge
{
    /// <summary>A parsed message.</summary>
    internal sealed class Request
    {
        public const string BatchCommand = "batch";
        public const string StatsCommand = "stats";
        public const string HelloCommand = "hello";

        public string Command;
        public Value Data;
        public Value Id;
        /// <summary>The requested ack; null if there is none, or it is invalid.</summary>
        public Ack? Ack;
        public string AckFault;

        /// <summary>Without id and ack, a message is answered as by the stock bridge: a bare reply or none.</summary>
        public bool IsBare { get { return Id == null && Ack == null && AckFault == null; } }

        /// <summary>Throws <see cref="FormatFault"/> if this is not a map.</summary>
        public static Request From(Value message)
        {
            if (message.Kind != ValueKind.Map) throw new FormatFault("not a request: it is no object");
            Value command = message["command"], data = message["data"], id = message["id"], ack = message["ack"];
            Request request = new Request
            {
                Command = command != null && command.Kind == ValueKind.Text ? command.Text : null,
                Data = data != null && data.Kind == ValueKind.Map ? data : null,
                Id = id != null && id.Kind != ValueKind.Null ? id : null,
            };
            if (ack != null && ack.Kind != ValueKind.Null) request.ReadAck(ack);
            return request;
        }

        private void ReadAck(Value ack)
        {
            switch (ack.Text)
            {
                case "none": Ack = Bridge.Ack.None; break;
                case "received": Ack = Bridge.Ack.Received; break;
                case "applied": Ack = Bridge.Ack.Applied; break;
                default: AckFault = "`ack` is none of none, received, applied"; break;
            }
        }

        /// <summary>The applicable commands of a batch; null if it has no list of commands.</summary>
        public List<Command> ReadBatch(out int rejected)
        {
            rejected = 0;
            Value list = Data == null ? null : Data["commands"];
            if (list == null || list.Kind != ValueKind.List) return null;
            List<Command> commands = new List<Command>(list.Items.Count);
            foreach (Value item in list.Items)
            {
                Value name = item["command"];
                Command command;
                string fault;
                bool named = name != null && name.Kind == ValueKind.Text;
                if (named && Bridge.Command.TryRead(name.Text, item["data"], out command, out fault)) commands.Add(command);
                else rejected++;
            }
            return commands;
        }

        /// <summary>The settings that a hello requests, with defaults for the others; otherwise null and the reason.</summary>
        public Hello ReadHello(int maxMessageBytes, out string fault)
        {
            string framing = Word("framing", "lines"), codec = Word("codec", "json");
            fault = null;
            if (framing != "lines" && framing != "length") fault = "`framing` is neither lines nor length";
            else if (codec != "json" && codec != "msgpack") fault = "`codec` is neither json nor msgpack";
            else if (codec == "msgpack" && framing == "lines") fault = "msgpack can contain a line feed: it needs the framing length";
            if (fault != null) return null;
            return new Hello
            {
                Framing = framing == "length" ? Framing.Length : Framing.Lines,
                MessagePack = codec == "msgpack",
                MaxMessageBytes = maxMessageBytes,
            };
        }

        private string Word(string key, string otherwise)
        {
            Value value = Data == null ? null : Data[key];
            return value == null ? otherwise : value.Text ?? "";
        }
    }
}
