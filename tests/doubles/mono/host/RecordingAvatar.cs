using System;
using System.Collections.Generic;
using System.Globalization;
using Workly.Bridge;

/// <summary>
/// An avatar that only records. An expression named `#N` is a sequence number: each must be one more than the previous one, which
/// reveals any loss, duplicate or reordering. One named `refuse` throws.
/// </summary>
internal sealed class RecordingAvatar : IAvatar
{
    private readonly object gate = new object();
    private readonly SortedDictionary<string, float> expressions = new SortedDictionary<string, float>(StringComparer.Ordinal);
    private bool autoBlink;
    private HeadMovement head = new HeadMovement { MinIntervalSeconds = 2, MaxIntervalSeconds = 6, MaxAngleDegrees = 10 };
    private float transitionSpeed = 1;
    private string model;
    private long sequenceNext;
    private long sequenceFaults;

    public void SetExpression(string name, float value)
    {
        if (name == "refuse") throw new InvalidOperationException("no such expression");
        lock (gate)
        {
            if (!name.StartsWith("#", StringComparison.Ordinal))
            {
                expressions[name] = value;
                return;
            }
            long place = long.Parse(name.Substring(1), CultureInfo.InvariantCulture);
            if (place != sequenceNext) sequenceFaults++;
            sequenceNext = place + 1;
        }
    }

    public void ResetExpressions() { lock (gate) expressions.Clear(); }
    public void SetTransitionSpeed(float speed) { lock (gate) transitionSpeed = speed; }
    public void LoadModel(string path) { lock (gate) model = path; }
    public void UnloadModel() { lock (gate) model = null; }
    public void SetAutoBlink(bool enabled) { lock (gate) autoBlink = enabled; }

    public void SetAutoHeadMovement(HeadMovement movement)
    {
        lock (gate)
        {
            head.Enabled = movement.Enabled;
            head.MinIntervalSeconds = movement.MinIntervalSeconds ?? head.MinIntervalSeconds;
            head.MaxIntervalSeconds = movement.MaxIntervalSeconds ?? head.MaxIntervalSeconds;
            head.MaxAngleDegrees = movement.MaxAngleDegrees ?? head.MaxAngleDegrees;
        }
    }

    public void WriteTo(Encoder json)
    {
        lock (gate)
        {
            json.BeginMap(7);
            json.Key("expressions");
            json.BeginMap(expressions.Count);
            foreach (KeyValuePair<string, float> expression in expressions)
            {
                json.Key(expression.Key);
                json.Number(expression.Value);
            }
            json.EndMap();
            json.Key("auto_blink");
            json.Boolean(autoBlink);
            json.Key("head_movement");
            json.BeginMap(4);
            json.Key("enabled");
            json.Boolean(head.Enabled);
            json.Key("min_interval_s");
            json.Number(head.MinIntervalSeconds.Value);
            json.Key("max_interval_s");
            json.Number(head.MaxIntervalSeconds.Value);
            json.Key("max_angle_deg");
            json.Number(head.MaxAngleDegrees.Value);
            json.EndMap();
            json.Key("transition_speed");
            json.Number(transitionSpeed);
            json.Key("model");
            if (model == null) json.Null(); else json.Text(model);
            json.Key("sequence");
            json.BeginList(2);
            json.Integer(sequenceNext);
            json.Integer(sequenceFaults);
            json.EndList();
            json.EndMap();
        }
    }
}
