"""Sends numbered commands to the C# bridge under Mono at a fixed rate, and checks the results.

Usage: soak_unity.py HOST.EXE RATE SECONDS. Needs nothing but Python's own library.
"""

import json
import platform
import socket
import subprocess
import sys
import threading
import time

TICK_S = 0.002
# Allowed difference of the managed heap between two collections of an idle program.
SLACK_BYTES = 4 << 20


def message(place):
    data = {"name": f"#{place}", "value": 1.0}
    return json.dumps({"command": "set_expression", "data": data, "id": place}).encode() + b"\n"


class Replies(threading.Thread):
    """Counts the replies, and checks that each names the next message and is `ok`."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.lines = connection.makefile("rb")
        self.ok, self.faults, self.stats = 0, 0, None

    def run(self):
        assert self.lines.readline() == b"{}\n"
        for line in self.lines:
            # Parsing each would make this client the bottleneck.
            if line.startswith(b'{"id":%d,' % self.ok) and b'"status":"ok"' in line:
                self.ok += 1
            elif b'"stats"' in line:
                self.stats = json.loads(line)
                return
            else:
                self.faults += 1


def main():
    host, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bridge = subprocess.Popen(
        ["mono", host, "fps=60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name, port = bridge.stdout.readline().strip().split(":")
    connection = socket.create_connection((name, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    replies = Replies(connection)
    replies.start()

    def state():
        bridge.stdin.write("state\n")
        bridge.stdin.flush()
        return json.loads(bridge.stdout.readline())

    total, sent, memory = rate * seconds, 0, []
    began = time.monotonic()
    sample_at = began + 5
    while sent < total:
        now = time.monotonic()
        due = min(total, int((now - began) * rate))
        connection.sendall(b"".join(message(place) for place in range(sent, due)))
        sent = due
        if now >= sample_at:
            memory.append(state())
            sample_at += 2
        time.sleep(max(0, TICK_S - (time.monotonic() - now)))
    sending_s = time.monotonic() - began
    connection.sendall(b'{"command": "stats", "id": "end", "ack": "applied"}\n')
    replies.join(30)
    elapsed_s = time.monotonic() - began
    last = state()
    bridge.stdin.close()
    bridge.wait()

    managed = [sample["managed_bytes"] for sample in memory]
    working = [sample["working_set_bytes"] for sample in memory]
    following, faults = last["avatar"]["sequence"]
    result = {
        "messages": total,
        "rate_asked_per_s": rate,
        "rate_held_per_s": round(total / sending_s, 1),
        "sending_s": round(sending_s, 3),
        "applied_within_s": round(elapsed_s, 3),
        "message_bytes": len(message(total - 1)),
        "applied": last["applied"],
        "applied_in_order": following == total and faults == 0,
        "overflowed": last["overflowed"],
        "replies_ok_in_order": replies.ok,
        "reply_faults": replies.faults,
        "queue_high_water": last["queue_high_water"],
        "frames": last["frames"],
        "managed_bytes": managed,
        "working_set_bytes": working,
        "machine": f"{platform.processor() or platform.machine()}, {platform.system()} {platform.release()}",
        "mono": subprocess.run(["mono", "--version"], capture_output=True, text=True).stdout.split("\n")[0],
    }
    half = len(managed) // 2
    whole = last["applied"] == total and following == total and faults == 0 and last["overflowed"] == 0
    whole = whole and replies.ok == total and replies.faults == 0
    flat = not half or max(managed[half:]) <= max(managed[:half]) + SLACK_BYTES
    held = sending_s <= seconds * 1.01 + 0.1
    result["verdict"] = {"no_loss_in_order": whole, "memory_flat": flat, "rate_held": held}
    print(json.dumps(result, indent=2))
    return 0 if whole and flat and held else 1


if __name__ == "__main__":
    sys.exit(main())
