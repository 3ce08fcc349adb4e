using System;
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.Events;

namespace Workly.Bridge.Unity
{
    /// <summary>
    /// Passes each command on to the project: connect your methods in the inspector. Expressions move to their new value at the
    /// transition speed. The adapters for VRM models derive from it and show expressions themselves.
    /// </summary>
    [AddComponentMenu("Workly/Event Avatar")]
    public class EventAvatar : MonoBehaviour, IAvatar
    {
        [Serializable] public sealed class TextEvent : UnityEvent<string> { }
        [Serializable] public sealed class FlagEvent : UnityEvent<bool> { }
        [Serializable] public sealed class ExpressionEvent : UnityEvent<string, float> { }

        [SerializeField] private ExpressionEvent onExpression = new ExpressionEvent();
        [SerializeField] private TextEvent onLoadModel = new TextEvent();
        [SerializeField] private UnityEvent onUnloadModel = new UnityEvent();
        [SerializeField] private FlagEvent onAutoBlink = new FlagEvent();
        [SerializeField] private FlagEvent onAutoHeadMovement = new FlagEvent();

        private readonly Dictionary<string, Weight> weights = new Dictionary<string, Weight>();
        private readonly List<string> finished = new List<string>();
        private float transitionSpeed = 1f;

        private sealed class Weight
        {
            public float Now;
            public float Goal;
        }

        /// <summary>Current settings of automatic head movement.</summary>
        public HeadMovement HeadMovement { get; private set; }

        public void SetExpression(string name, float value)
        {
            Weight weight;
            if (!weights.TryGetValue(name, out weight)) weights[name] = weight = new Weight();
            weight.Goal = value;
        }

        public void ResetExpressions()
        {
            foreach (Weight weight in weights.Values) weight.Goal = 0f;
        }

        public void SetTransitionSpeed(float speed) { transitionSpeed = speed; }

        public virtual void LoadModel(string path) { onLoadModel.Invoke(path); }

        public virtual void UnloadModel()
        {
            weights.Clear();
            onUnloadModel.Invoke();
        }

        public virtual void SetAutoBlink(bool enabled) { onAutoBlink.Invoke(enabled); }

        public virtual void SetAutoHeadMovement(HeadMovement movement)
        {
            HeadMovement = movement;
            onAutoHeadMovement.Invoke(movement.Enabled);
        }

        /// <summary>Shows an expression at a weight of 0 to 1, immediately.</summary>
        protected virtual void Show(string name, float weight) { onExpression.Invoke(name, weight); }

        private void LateUpdate()
        {
            foreach (KeyValuePair<string, Weight> entry in weights)
            {
                Weight weight = entry.Value;
                weight.Now = Mathf.MoveTowards(weight.Now, weight.Goal, Time.deltaTime * transitionSpeed);
                Show(entry.Key, weight.Now);
                if (weight.Now == weight.Goal) finished.Add(entry.Key);
            }
            foreach (string name in finished)
            {
                // Expressions above 0 are remembered for a reset.
                if (weights[name].Goal == 0f) weights.Remove(name);
            }
            finished.Clear();
        }
    }
}
