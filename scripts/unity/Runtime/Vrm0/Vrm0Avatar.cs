using UnityEngine;
using VRM;

namespace Workly.Bridge.Unity
{
    /// <summary>Shows expressions on a VRM 0.x model (UniVRM). Everything else is passed on as by <see cref="EventAvatar"/>.</summary>
    [AddComponentMenu("Workly/VRM 0 Avatar")]
    public sealed class Vrm0Avatar : EventAvatar
    {
        [Tooltip("Left empty: the one here or below, looked for again whenever it is gone. Models loaded at run time are found so.")]
        [SerializeField] private VRMBlendShapeProxy proxy;

        protected override void Show(string name, float weight)
        {
            if (proxy == null) proxy = GetComponentInChildren<VRMBlendShapeProxy>();
            if (proxy != null) proxy.ImmediatelySetValue(KeyOf(name), weight);
        }

        private static BlendShapeKey KeyOf(string name)
        {
            switch (name.ToLowerInvariant())
            {
                case "neutral": return BlendShapeKey.CreateFromPreset(BlendShapePreset.Neutral);
                case "joy": return BlendShapeKey.CreateFromPreset(BlendShapePreset.Joy);
                case "angry": return BlendShapeKey.CreateFromPreset(BlendShapePreset.Angry);
                case "sorrow": return BlendShapeKey.CreateFromPreset(BlendShapePreset.Sorrow);
                case "fun": return BlendShapeKey.CreateFromPreset(BlendShapePreset.Fun);
                // Not a preset of VRM 0; models that have it use this name.
                case "surprised": return BlendShapeKey.CreateUnknown("Surprised");
                default: return BlendShapeKey.CreateUnknown(name);
            }
        }
    }
}
