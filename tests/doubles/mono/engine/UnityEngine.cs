// The parts of Unity used by the components of scripts/unity, so that they can be compiled and run without it.

using System;
using System.Collections.Generic;

namespace UnityEngine
{
    [AttributeUsage(AttributeTargets.Class)] public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string path) { } }
    [AttributeUsage(AttributeTargets.Class)] public sealed class DisallowMultipleComponent : Attribute { }
    [AttributeUsage(AttributeTargets.Class)] public sealed class DefaultExecutionOrder : Attribute { public DefaultExecutionOrder(int order) { } }
    [AttributeUsage(AttributeTargets.Field)] public sealed class Tooltip : Attribute { public Tooltip(string text) { } }
    [AttributeUsage(AttributeTargets.Field)] public sealed class SerializeField : Attribute { }

    public class Object { }

    public class Component : Object
    {
        public readonly List<Component> Below = new List<Component>();

        public T GetComponentInChildren<T>() where T : class
        {
            foreach (Component component in Below)
            {
                if (component is T) return component as T;
            }
            return null;
        }
    }

    public class MonoBehaviour : Component { }

    public static class Application { public static bool runInBackground { get; set; } }

    public static class Time { public static float deltaTime { get { return 0.5f; } } }

    public static class Mathf
    {
        public static float MoveTowards(float now, float goal, float most)
        {
            return Math.Abs(goal - now) <= most ? goal : now + Math.Sign(goal - now) * most;
        }
    }

    public static class Debug
    {
        public static readonly List<string> Errors = new List<string>();
        public static void Log(object message, Object context) { }
        public static void LogWarning(object message) { lock (Errors) Errors.Add("warning: " + message); }
        public static void LogError(object message, Object context) { lock (Errors) Errors.Add(message.ToString()); }
    }
}

namespace UnityEngine.Events
{
    public class UnityEvent { public Action Heard = delegate { }; public void Invoke() { Heard(); } }
    public class UnityEvent<T> { public Action<T> Heard = delegate { }; public void Invoke(T value) { Heard(value); } }
    public class UnityEvent<T, U> { public Action<T, U> Heard = delegate { }; public void Invoke(T first, U second) { Heard(first, second); } }
}

namespace VRM
{
    public enum BlendShapePreset { Unknown, Neutral, Joy, Angry, Sorrow, Fun }

    public struct BlendShapeKey
    {
        public static BlendShapeKey CreateFromPreset(BlendShapePreset preset) { return new BlendShapeKey(); }
        public static BlendShapeKey CreateUnknown(string name) { return new BlendShapeKey(); }
    }

    public class VRMBlendShapeProxy : UnityEngine.MonoBehaviour
    {
        public float Shown;
        public void ImmediatelySetValue(BlendShapeKey key, float value) { Shown = value; }
    }
}

namespace UniVRM10
{
    public struct ExpressionKey
    {
        public static ExpressionKey Neutral, Happy, Angry, Sad, Relaxed, Surprised;
        public static ExpressionKey CreateCustom(string name) { return new ExpressionKey(); }
    }

    public class Vrm10RuntimeExpression { public float Shown; public void SetWeight(ExpressionKey key, float weight) { Shown = weight; } }
    public class Vrm10Runtime { public readonly Vrm10RuntimeExpression Expression = new Vrm10RuntimeExpression(); }
    public class Vrm10Instance : UnityEngine.MonoBehaviour { public readonly Vrm10Runtime Runtime = new Vrm10Runtime(); }
}
