#!/usr/bin/env bash
# The round-trip time that Linux and `ss -ti` show for a loopback connection is the server's frame, not the network.
#
# What:     Linux TCP (seen on 6.18), tcpi_rtt of TCP_INFO: the `rtt:` of `ss -ti`.
# Expected: the kernel acknowledges what it receives, whatever the program does: tens of microseconds on loopback.
# Happens:  after data has gone in both directions, the acknowledgement waits for the reply, up to 40 ms, and is sent with it. With a
#           server that replies 10 ms later, as a game does at its next frame, rtt is 10 ms; if it replies at once, 0.1 ms.
# Affected: anyone who examines a slow bridge with `ss -ti`, reads "rtt:10" and blames the network or the TCP stack.
# Solution: workly-perf times replies itself and subtracts the frame (`ipc --breakdown`); docs/BRIDGE.md says what `ss` shows.
set -euo pipefail
echo "Linux $(uname -r), $(python3 --version)"
python3 - <<'PY'
import socket
import struct
import sys
import threading
import time

ROUNDS = 60
FRAME_S = 0.010


def smoothed_rtt_ms(connection):
    # struct tcp_info: eight bytes, then 32-bit fields, of which tcpi_rtt is the sixteenth; in microseconds.
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("=24I", information, 8)[15] / 1000


def serve(listener, wait_s):
    connection, _ = listener.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(4096):
            time.sleep(wait_s)
            connection.sendall(b"{}\n")


def observe(wait_s):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, wait_s))
        server.start()
        with socket.create_connection(listener.getsockname()) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(ROUNDS):
                client.sendall(b'{"command": "set_auto_blink"}\n')
                client.recv(4096)
            rtt_ms = smoothed_rtt_ms(client)
        server.join()
    return rtt_ms


at_once, framed = observe(0), observe(FRAME_S)
print(f"rtt after {ROUNDS} rounds: {at_once:.3f} ms with replies at once, {framed:.3f} ms with replies {FRAME_S * 1000:.0f} ms later")
if framed < 0.8 * FRAME_S * 1000 or at_once > framed / 2:
    print("CHANGED: rtt no longer follows the server's reply time")
    sys.exit(1)
PY
