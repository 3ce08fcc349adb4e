using UniVRM10;
using UnityEngine;

namespace Workly.Bridge.Unity
{
    /// <summary>Shows expressions on a VRM 1.0 model (UniVRM10). Everything else is passed on as by <see cref="EventAvatar"/>.</summary>
    [AddComponentMenu("Workly/VRM 1 Avatar")]
    public sealed class Vrm1Avatar : EventAvatar
    {
        [Tooltip("Left empty: the one here or below, looked for again whenever it is gone. Models loaded at run time are found so.")]
        [SerializeField] private Vrm10Instance instance;

        protected override void Show(string name, float weight)
        {
            if (instance == null) instance = GetComponentInChildren<Vrm10Instance>();
            if (instance != null) instance.Runtime.Expression.SetWeight(KeyOf(name), weight);
        }

        /// <summary>VRM 1.0 renamed the presets.</summary>
        private static ExpressionKey KeyOf(string name)
        {
            switch (name.ToLowerInvariant())
            {
                case "neutral": return ExpressionKey.Neutral;
                case "joy": return ExpressionKey.Happy;
                case "angry": return ExpressionKey.Angry;
                case "sorrow": return ExpressionKey.Sad;
                case "fun": return ExpressionKey.Relaxed;
                case "surprised": return ExpressionKey.Surprised;
                default: return ExpressionKey.CreateCustom(name);
            }
        }
    }
}
