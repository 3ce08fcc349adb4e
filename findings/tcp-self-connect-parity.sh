#!/usr/bin/env bash
# A client that calls a dead local port can reach itself, but never on a port that the system chose for a test.
#
# What:     Linux TCP (seen on 6.18), with the usual net.ipv4.ip_local_port_range of 32768 to 60999.
# Expected: connecting to a port on which nobody listens is refused, always; or, for who knows of self-connection (the port given to
#           the client is the port that it calls), it is a matter of luck on any port of the range.
# Happens:  a port of one parity joins after some 14,000 calls, half of the range, which a client that retries without a pause makes in
#           less than a second. A port of the other parity never does. connect() takes ports of the parity of the range's lower end
#           (even) as long as there are any, bind(0) the others.
# Who:      a bridge with a fixed port of the range (50000) that is retried while Unity starts: the client joins itself, reads its own
#           commands back as replies, and keeps the port from Unity. Tests with port 0, the usual ones, cannot show it.
# Done:     workly-perf refuses such a connection, and its test calls one port of each parity
#           (a_connection_that_leads_back_to_itself_is_refused in src/bridge/endpoint.rs).
set -euo pipefail
read -r low high </proc/sys/net/ipv4/ip_local_port_range
echo "Linux $(uname -r), $(python3 --version), ports $low to $high"
python3 - "$low" "$high" <<'PY'
import socket
import sys

low, high = int(sys.argv[1]), int(sys.argv[2])


def free_port(parity):
    for port in range((low + high) // 2, high):
        with socket.socket() as probe:
            if port % 2 == parity and probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise SystemExit("no free port")


def calls_until_joined(port, limit):
    for call in range(1, limit + 1):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0 and client.getsockname() == client.getpeername():
                return call
    return None


chosen = set()
for _ in range(200):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        chosen.add(server.getsockname()[1] % 2)
# The chance to miss a port that is one of half the range so often is below one in a million.
limit = 7 * (high - low)
same, other = free_port(low % 2), free_port(1 - low % 2)
joined, never = calls_until_joined(same, limit), calls_until_joined(other, limit)
print(f"port {same}: joined itself at call {joined}; port {other}: {'never' if never is None else never} in {limit} calls")
print(f"200 ports from bind(0): remainder by two {sorted(chosen)}, the range begins with {low % 2}")
if joined is None or never is not None or chosen != {1 - low % 2}:
    print("CHANGED: self-connection does not depend on the parity of the port")
    sys.exit(1)
PY
