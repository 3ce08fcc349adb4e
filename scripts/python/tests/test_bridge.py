"""Connections to the Unity bridge."""

from __future__ import annotations

import socket
import unittest
from typing import Any, List

from tests.support import IS_REAL, SHIM, ShimTest

CONNECT = """
import json, socket, sys
bridge, other = int(sys.argv[1]), int(sys.argv[2])
def facts(made):
    flag = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    port = made.getpeername()[1]
    made.close()
    return [port, bool(flag)]
def by_code(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    assert made.connect_ex(("127.0.0.1", port)) == 0
    return made
def plain(port):
    made = socket.socket()
    made.connect(("127.0.0.1", port))
    return made
created = socket.create_connection(("127.0.0.1", bridge), 5)
print(json.dumps([facts(plain(bridge)), facts(by_code(bridge)), facts(created), facts(plain(other))]))
"""


@unittest.skipIf(IS_REAL, "it has nothing to do with the model")
class Connections(ShimTest):
    """Servers on free ports stand for the bridge, the tap and anything else."""

    def setUp(self) -> None:
        super().setUp()
        self.ports = [self.listener() for _ in range(3)]

    def listener(self) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        return server.getsockname()[1]

    def free_port(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    def connected(self, bridge: Any, program: str = CONNECT, **options: Any) -> List[Any]:
        arguments = [str(port) for port in self.ports]
        ran = self.python(program, *arguments, settings=self.settings(bridge=bridge), **options)
        self.assertEqual(ran.code, 0, ran.stderr)
        self.ran = ran
        return ran.printed()

    def test_connections_to_the_bridge_get_nodelay_and_others_do_not(self) -> None:
        bridge, other, _ = self.ports
        found = self.connected({"port": bridge})
        self.assertEqual(found, [[bridge, True]] * 3 + [[other, False]])
        self.assertEqual(self.events("bridge")[0]["connected_to"], bridge)
        self.assertEqual(self.ran.said, [])

    def test_with_a_tap_they_go_to_its_port(self) -> None:
        bridge, other, tap = self.ports
        found = self.connected({"port": bridge, "tap_port": tap, "nodelay": False})
        self.assertEqual(found, [[tap, False]] * 3 + [[other, False]])

    def test_a_tap_that_is_not_there_is_left_out(self) -> None:
        bridge, other, _ = self.ports
        found = self.connected({"port": bridge, "tap_port": self.free_port()})
        self.assertEqual(found, [[bridge, True]] * 3 + [[other, False]])
        self.assertEqual(len(self.ran.said), 1)

    def test_a_bridge_that_is_not_there_is_refused_as_ever(self) -> None:
        port = self.free_port()
        program = f"""
import json, socket
try:
    socket.create_connection(("127.0.0.1", {port}))
except OSError as error:
    print(json.dumps(type(error).__name__))
"""
        for bridge in ({"port": port}, {"port": port, "tap_port": self.free_port()}):
            self.assertEqual(self.connected(bridge, program), "ConnectionRefusedError")

    def test_without_a_bridge_part_sockets_are_as_ever(self) -> None:
        bridge, other, _ = self.ports
        self.assertEqual(self.connected(None), [[bridge, False]] * 3 + [[other, False]])
        program = "import json, socket\nprint(json.dumps('connect' in vars(socket.socket)))"
        self.assertEqual(self.connected(None, program), False)

    def test_addresses_of_other_kinds_pass(self) -> None:
        program = """
import json, socket, sys
port = int(sys.argv[1])
found = []
for family, address in ((socket.AF_INET, ("127.0.0.1", "no port")), (socket.AF_INET, None), (socket.AF_UNIX, "/absent")):
    try:
        socket.socket(family).connect(address)
    except Exception as error:
        found.append(type(error).__name__)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect(("127.0.0.1", port))
found.append(datagrams.getpeername()[1])
print(json.dumps(found))
"""
        if not hasattr(socket, "AF_UNIX"):
            self.skipTest("no Unix sockets")
        bridge, _, tap = self.ports
        expected = ["TypeError", "TypeError", "FileNotFoundError", bridge]
        self.assertEqual(self.connected({"port": bridge, "tap_port": tap}, program), expected)

    def test_asyncio_reaches_the_tap_too(self) -> None:
        program = """
import asyncio, json, sys
async def main():
    _, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    port = writer.get_extra_info("peername")[1]
    writer.close()
    return port
print(json.dumps(asyncio.run(main())))
"""
        bridge, _, tap = self.ports
        self.assertEqual(self.connected({"port": bridge, "tap_port": tap}, program), tap)

    def test_a_socket_module_that_is_imported_already_is_covered_by_install(self) -> None:
        program = f"import json, socket, sys\nsys.path.insert(0, {SHIM!r})\nimport workly_settings\n"
        program += "workly_settings.install(nodelay=True)\nprint(json.dumps(hasattr(socket.socket.connect, '__wrapped__')))"
        ran = self.python(program)
        self.assertEqual(ran.printed(), True)


if __name__ == "__main__":
    unittest.main()
