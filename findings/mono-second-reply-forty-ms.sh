#!/usr/bin/env bash
# Of two replies on loopback, the second arrives 40 ms after the first, however soon Mono wrote it.
#
# What:     Mono 6.8 (Debian: mono-runtime, mono-mcs; both must be installed), TcpListener and TcpClient, on Linux.
# Expected: a loopback socket has no reason to wait; or, if it does, the first reply waits too.
# Happens:  an accepted TcpClient has NoDelay false although its peer has set it. The first small reply is sent at once. One that is
#           written 5 ms later waits until the first is acknowledged, which the peer delays by 40 ms, because it sends nothing back.
# Affected: a bridge in Unity that replies to some commands at once and to others in the next frame, when a client sends both
#           together. The p50 looks like a frame, the p90 like 40 ms, and the bridge's own end is not suspected.
# Solution: `ipc` names such replies (*Held replies*), the embedded bridge behaves alike (`nodelay`), docs/BRIDGE.md has the fix.
set -euo pipefail
command -v mono mcs >/dev/null || { echo "error: Mono is missing; install mono-runtime and mono-mcs"; exit 3; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/Finding.cs" <<'CS'
using System;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading;

static class Finding {
    const int Rounds = 60;
    static readonly byte[] Reply = { (byte)'{', (byte)'}', (byte)'\n' };

    static void Serve(TcpListener listener, bool noDelay) {
        using (var client = listener.AcceptTcpClient()) {
            if (noDelay) client.NoDelay = true; else Console.WriteLine("accepted: NoDelay " + client.NoDelay);
            var stream = client.GetStream();
            var received = new byte[256];
            while (stream.Read(received, 0, received.Length) > 0) {
                stream.Write(Reply, 0, Reply.Length);
                Thread.Sleep(5);
                stream.Write(Reply, 0, Reply.Length);
            }
        }
    }

    static double SecondReplyMs(bool noDelay) {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = new Thread(() => Serve(listener, noDelay));
        server.Start();
        var taken = new double[Rounds];
        using (var client = new TcpClient { NoDelay = true }) {
            client.Connect((IPEndPoint)listener.LocalEndpoint);
            var stream = client.GetStream();
            var received = new byte[64];
            for (var round = 0; round < Rounds; round++) {
                stream.WriteByte((byte)'\n');
                for (var left = Reply.Length; left > 0;) left -= stream.Read(received, 0, left);
                var first = Stopwatch.StartNew();
                for (var left = Reply.Length; left > 0;) left -= stream.Read(received, 0, left);
                taken[round] = first.Elapsed.TotalMilliseconds;
            }
        }
        server.Join();
        listener.Stop();
        Array.Sort(taken);
        return taken[Rounds / 2];
    }

    static int Main() {
        double held = SecondReplyMs(false), sent = SecondReplyMs(true);
        Console.WriteLine("second reply, written 5 ms after the first, n {0}: median {1:F1} ms later, with NoDelay {2:F1} ms",
            Rounds, held, sent);
        return held > 30 && sent < held / 2 ? 0 : 1;
    }
}
CS
mcs -out:"$work/finding.exe" "$work/Finding.cs"
echo "$(mono --version | head -n 1 | cut -d ' ' -f 1-5), Linux $(uname -r)"
mono "$work/finding.exe" || { echo "CHANGED: the second reply is not held, or NoDelay does not help"; exit 1; }
