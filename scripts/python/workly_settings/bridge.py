"""Connections to the Unity bridge: TCP_NODELAY, and through the tap where there is one.

Without TCP_NODELAY the system holds small commands back until earlier ones are acknowledged. The application always
connects to 127.0.0.1:5555, so a tap is put between by sending that one connection to the tap's port.
"""

from __future__ import annotations

import functools

from . import log

# Annotations only: importing typing at every start of Python would be paid by each of them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .document import Settings

_HOSTS = ("127.0.0.1", "localhost")
_MARK = "_workly_perf"


class Bridge:
    """Where connections to the bridge go."""

    def __init__(self, module: Any, settings: Settings) -> None:
        self.module = module
        self.port: int = settings.bridge["port"]
        self.nodelay: bool = settings.bridge["nodelay"]
        self.tap_port: int | None = settings.bridge["tap_port"]

    def is_meant(self, connection: Any, address: Any) -> bool:
        """Whether this is a connection to the bridge. Every connection of the process comes by, so this is cheap."""
        if not isinstance(address, tuple) or len(address) != 2:
            return False
        host, port = address
        if port != self.port or host not in _HOSTS:
            return False
        return connection.family == self.module.AF_INET and connection.type & 0xF == self.module.SOCK_STREAM

    def prepare(self, connection: Any, address: Any) -> Any:
        """Sets the option, and returns where to connect to."""
        try:
            if not self.is_meant(connection, address):
                return address
            if self.nodelay:
                connection.setsockopt(self.module.IPPROTO_TCP, self.module.TCP_NODELAY, 1)
            target = address if self.tap_port is None else (address[0], self.tap_port)
            log.event("bridge", {"port": self.port, "connected_to": target[1], "nodelay": self.nodelay})
            return target
        except Exception as error:
            log.failed("the connection to the bridge is left as it is", error)
            return address

    def tap_is_missing(self) -> None:
        """Says that the tap does not answer and is left out."""
        log.say(f"nobody listens on the tap's port {self.tap_port}: the application is connected directly")


def attach(module: Any, settings: Settings) -> None:
    """Wraps `connect` and `connect_ex` of the sockets of a module that has been imported."""
    cls = module.socket
    if not settings.bridge or getattr(cls.connect, _MARK, False):
        return
    bridge = Bridge(module, settings)
    for name, wrap in (("connect", _raising), ("connect_ex", _returning)):
        wrapped = wrap(bridge, getattr(cls, name))
        setattr(wrapped, _MARK, True)
        setattr(cls, name, wrapped)


def _raising(bridge: Bridge, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def connect(self: Any, address: Any) -> Any:
        target = bridge.prepare(self, address)
        if target is address:
            return original(self, address)
        try:
            return original(self, target)
        except ConnectionRefusedError:
            bridge.tap_is_missing()
        try:
            return original(self, address)
        except ConnectionAbortedError:
            # Linux reports the end of the refused attempt first, where the socket has a timeout.
            return original(self, address)

    return connect


def _returning(bridge: Bridge, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def connect_ex(self: Any, address: Any) -> Any:
        import errno

        target = bridge.prepare(self, address)
        code = original(self, target)
        if target is address or code != errno.ECONNREFUSED:
            return code
        bridge.tap_is_missing()
        code = original(self, address)
        return original(self, address) if code == errno.ECONNABORTED else code

    return connect_ex
