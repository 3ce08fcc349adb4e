using System.Collections.Generic;

namespace Workly.Bridge
{
    public enum CommandKind
    {
        SetExpression, ResetExpressions, SetTransitionSpeed, LoadModel, SetAutoBlink, SetAutoHeadMovement, UnloadModel
    }

    /// <summary>Automatic head movement. Values omitted from a message are null and stay unchanged.</summary>
    public struct HeadMovement
    {
        public bool Enabled;
        public float? MinIntervalSeconds;
        public float? MaxIntervalSeconds;
        public float? MaxAngleDegrees;
    }

    /// <summary>
    /// What the commands change. Called on the main thread, within <see cref="BridgeServer.Tick"/>. An exception fails just that
    /// command, and is reported in the reply.
    /// </summary>
    public interface IAvatar
    {
        /// <param name="name">As sent: neutral, joy, angry, sorrow, fun, surprised, or another that the avatar knows.</param>
        /// <param name="value">0 to 1.</param>
        void SetExpression(string name, float value);
        void ResetExpressions();
        /// <param name="speed">0.1 to 10.</param>
        void SetTransitionSpeed(float speed);
        void LoadModel(string path);
        void UnloadModel();
        void SetAutoBlink(bool enabled);
        void SetAutoHeadMovement(HeadMovement movement);
    }

    /// <summary>One change of the avatar, with checked and clamped arguments.</summary>
    public struct Command
    {
        public CommandKind Kind;
        public string Text;
        public float Number;
        public bool Flag;
        public HeadMovement Head;

        /// <summary>By name; the order has no meaning.</summary>
        private static readonly Dictionary<string, CommandKind> Kinds = new Dictionary<string, CommandKind>
        {
            { "set_expression", CommandKind.SetExpression },
            { "reset_expressions", CommandKind.ResetExpressions },
            { "set_transition_speed", CommandKind.SetTransitionSpeed },
            { "load_model", CommandKind.LoadModel },
            { "set_auto_blink", CommandKind.SetAutoBlink },
            { "set_auto_head_movement", CommandKind.SetAutoHeadMovement },
            { "unload_model", CommandKind.UnloadModel },
        };

        public static bool IsKnown(string name) { return Kinds.ContainsKey(name); }

        /// <summary>Whether the stock bridge replies to this command from the main thread.</summary>
        public static bool IsAnsweredApplied(string name)
        {
            CommandKind kind;
            return Kinds.TryGetValue(name, out kind) && kind >= CommandKind.SetAutoBlink;
        }

        /// <summary>The command of that name with these arguments; otherwise false and the reason.</summary>
        public static bool TryRead(string name, Value data, out Command command, out string fault)
        {
            command = new Command();
            fault = null;
            if (name == null || !Kinds.TryGetValue(name, out command.Kind))
            {
                fault = "unknown command";
                return false;
            }
            switch (command.Kind)
            {
                case CommandKind.SetExpression:
                    return ReadText(data, "name", ref command, ref fault) && ReadNumber(data, "value", 0f, 1f, ref command, ref fault);
                case CommandKind.SetTransitionSpeed:
                    return ReadNumber(data, "speed", 0.1f, 10f, ref command, ref fault);
                case CommandKind.LoadModel:
                    return ReadText(data, "path", ref command, ref fault);
                case CommandKind.SetAutoBlink:
                    return ReadFlag(data, ref command, ref fault);
                case CommandKind.SetAutoHeadMovement:
                    if (!ReadFlag(data, ref command, ref fault)) return false;
                    command.Head = new HeadMovement
                    {
                        Enabled = command.Flag,
                        MinIntervalSeconds = Optional(data, "min_interval"),
                        MaxIntervalSeconds = Optional(data, "max_interval"),
                        MaxAngleDegrees = Optional(data, "max_angle"),
                    };
                    return true;
                default:
                    return true;
            }
        }

        public void ApplyTo(IAvatar avatar)
        {
            switch (Kind)
            {
                case CommandKind.SetExpression: avatar.SetExpression(Text, Number); break;
                case CommandKind.ResetExpressions: avatar.ResetExpressions(); break;
                case CommandKind.SetTransitionSpeed: avatar.SetTransitionSpeed(Number); break;
                case CommandKind.LoadModel: avatar.LoadModel(Text); break;
                case CommandKind.UnloadModel: avatar.UnloadModel(); break;
                case CommandKind.SetAutoBlink: avatar.SetAutoBlink(Flag); break;
                default: avatar.SetAutoHeadMovement(Head); break;
            }
        }

        private static bool Lacks(string key, ref string fault)
        {
            fault = "`" + key + "` is missing or of another type";
            return false;
        }

        private static bool ReadText(Value data, string key, ref Command command, ref string fault)
        {
            Value value = data == null ? null : data[key];
            if (value == null || value.Kind != ValueKind.Text) return Lacks(key, ref fault);
            command.Text = value.Text;
            return true;
        }

        private static bool ReadNumber(Value data, string key, float least, float most, ref Command command, ref string fault)
        {
            Value value = data == null ? null : data[key];
            double number = value == null ? double.NaN : value.Number;
            if (double.IsNaN(number)) return Lacks(key, ref fault);
            command.Number = number < least ? least : number > most ? most : (float)number;
            return true;
        }

        private static bool ReadFlag(Value data, ref Command command, ref string fault)
        {
            Value value = data == null ? null : data["enabled"];
            if (value == null || value.Kind != ValueKind.Boolean) return Lacks("enabled", ref fault);
            command.Flag = value.Boolean;
            return true;
        }

        private static float? Optional(Value data, string key)
        {
            Value value = data[key];
            double number = value == null ? double.NaN : value.Number;
            return double.IsNaN(number) ? (float?)null : (float)number;
        }
    }
}
