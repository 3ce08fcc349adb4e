using System.Net.Sockets;
using UnityEngine;

namespace Workly.Bridge.Unity
{
    /// <summary>
    /// The bridge in a scene. Listens while enabled, and applies messages once per frame, before other scripts' Update. Stops when
    /// disabled, which Unity also does before it reloads scripts and when it leaves play mode.
    /// </summary>
    [AddComponentMenu("Workly/Workly Bridge")]
    [DisallowMultipleComponent]
    [DefaultExecutionOrder(-1000)]
    public sealed class WorklyBridge : MonoBehaviour
    {
        [Tooltip("Port on 127.0.0.1. Workly connects to 5555.")]
        [SerializeField] private int port = 5555;

        [Tooltip("Messages that may wait for a frame.")]
        [SerializeField] private int queueCapacity = 4096;

        [Tooltip("A longer message is refused.")]
        [SerializeField] private int maxMessageBytes = 1024 * 1024;

        [Tooltip("Without this, Unity stops its frames when its window is not in front, and commands wait until it is again.")]
        [SerializeField] private bool runInBackground = true;

        [Tooltip("What the commands change. Left empty: the first component here or below that is an IAvatar.")]
        [SerializeField] private MonoBehaviour avatar;

        private BridgeServer server;

        /// <summary>The bridge's counters; null while it is not listening.</summary>
        public BridgeStats Stats { get { return server == null ? null : server.Stats; } }

        private void OnEnable()
        {
            IAvatar target = avatar as IAvatar ?? GetComponentInChildren<IAvatar>();
            if (target == null)
            {
                Debug.LogError("Workly bridge: there is no avatar. Add an Event Avatar, or a component of your own that is an IAvatar.", this);
                return;
            }
            if (runInBackground) Application.runInBackground = true;
            BridgeServer starting = new BridgeServer(
                new BridgeOptions
                {
                    Port = port,
                    QueueCapacity = queueCapacity,
                    MaxMessageBytes = maxMessageBytes,
                    Warn = message => Debug.LogWarning("Workly bridge: " + message),
                },
                target);
            try
            {
                starting.Start();
                server = starting;
                Debug.Log("Workly bridge: listening on 127.0.0.1:" + server.Port, this);
            }
            catch (SocketException fault)
            {
                Debug.LogError("Workly bridge: port " + port + " cannot be listened to (" + fault.Message + "). Is another bridge in this scene?", this);
            }
        }

        private void Update()
        {
            if (server != null) server.Tick();
        }

        private void OnDisable()
        {
            if (server == null) return;
            server.Stop();
            server = null;
        }
    }
}
