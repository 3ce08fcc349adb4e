using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using UnityEngine;
using Workly.Bridge.Unity;

/// <summary>Treats the components like Unity: enables them, runs frames, disables them, and enables them again, as after a script reload.</summary>
internal static class Scene
{
    private static int Main()
    {
        VRM.VRMBlendShapeProxy proxy = new VRM.VRMBlendShapeProxy();
        Vrm0Avatar avatar = new Vrm0Avatar();
        avatar.Below.Add(proxy);
        UniVRM10.Vrm10Instance instance = new UniVRM10.Vrm10Instance();
        Vrm1Avatar second = new Vrm1Avatar();
        second.Below.Add(instance);
        int port = FreePort();
        foreach (EventAvatar shown in new EventAvatar[] { avatar, second, avatar })
        {
            WorklyBridge bridge = new WorklyBridge();
            bridge.Below.Add(shown);
            Set(bridge, "port", port);
            Call(bridge, "OnEnable");
            Reach(bridge, shown, port);
            Call(bridge, "OnDisable");
            Call(bridge, "OnDisable");
            Call(bridge, "Update");
        }
        Expect(proxy.Shown == 1f, "VRM 0 shows the expression");
        Expect(instance.Runtime.Expression.Shown == 1f, "VRM 1 shows the expression");
        Expect(Application.runInBackground, "frames go on in the background");
        Refuse(port, avatar);
        Expect(Debug.Errors.Count == 2, string.Join("; ", Debug.Errors));
        Console.Out.WriteLine("ok");
        return 0;
    }

    private static void Reach(WorklyBridge bridge, EventAvatar avatar, int port)
    {
        using (TcpClient client = new TcpClient("127.0.0.1", port))
        using (StreamReader replies = new StreamReader(client.GetStream()))
        using (StreamWriter requests = new StreamWriter(client.GetStream()) { NewLine = "\n", AutoFlush = true })
        {
            Expect(replies.ReadLine() == "{}", "the greeting");
            requests.WriteLine("{\"command\":\"set_expression\",\"data\":{\"name\":\"joy\",\"value\":1}}");
            requests.WriteLine("{\"command\":\"set_transition_speed\",\"data\":{\"speed\":2}}");
            Expect(replies.ReadLine() == "{}" && replies.ReadLine() == "{}", "the replies");
            while (bridge.Stats.Applied < 2) Call(bridge, "Update");
            Call(avatar, "LateUpdate");
            requests.WriteLine("{\"command\":\"set_auto_blink\",\"data\":{\"enabled\":true}}");
            while (bridge.Stats.Applied < 3) Call(bridge, "Update");
            Expect(replies.ReadLine() == "{}", "the reply of the main thread");
        }
    }

    /// <summary>A port in use, and a scene without an avatar: reported, without further effects.</summary>
    private static void Refuse(int port, EventAvatar avatar)
    {
        WorklyBridge lonely = new WorklyBridge();
        Call(lonely, "OnEnable");
        TcpListener other = new TcpListener(IPAddress.Loopback, port);
        other.Start();
        WorklyBridge late = new WorklyBridge();
        late.Below.Add(avatar);
        Set(late, "port", port);
        Call(late, "OnEnable");
        Call(late, "Update");
        Call(late, "OnDisable");
        other.Stop();
    }

    private static int FreePort()
    {
        TcpListener probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        int port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        return port;
    }

    private static FieldInfo Field(object of, string name) { return of.GetType().GetField(name, BindingFlags.NonPublic | BindingFlags.Instance); }

    private static void Set(object of, string field, object value) { Field(of, field).SetValue(of, value); }

    private static void Call(object of, string method)
    {
        for (Type type = of.GetType(); type != null; type = type.BaseType)
        {
            MethodInfo found = type.GetMethod(method, BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly);
            if (found == null) continue;
            found.Invoke(of, null);
            return;
        }
        throw new MissingMethodException(method);
    }

    private static void Expect(bool holds, string what)
    {
        if (!holds) throw new Exception("not so: " + what);
    }
}
