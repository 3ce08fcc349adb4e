"""Checks each value by its type and range before anything acts on it.

llama.cpp ends the process over some values that it cannot use, and takes others for something else (`flash_attn="off"` is
true). So nothing passes that is not known to be sound.
"""

from __future__ import annotations

import math
import os

# Annotations only: importing typing at every start of Python would be paid by each of them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .document import Settings

    Check = Callable[[Any], Any]

MOST_CONTEXT = 1 << 20
"""The longest context that any setting may name, in tokens."""

BRIDGE_PORT = 5555
"""Where the application connects to unless it is told otherwise, and it cannot be told."""

CACHE_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "bf16": 30}
"""Types of the KV cache by ggml's name, with ggml's number."""

NOT_OURS = frozenset(
    ("provenance", "gpu_profile", "priority", "wait_policy", "warm_start", "ipc_mode", "batch_window_ms")
)
"""Keys of the section that are no arguments of `Llama`."""


class Wrong(Exception):
    """What a value should have been."""


def quoted(value: Any) -> str:
    """A value as its JSON, shortened."""
    import json

    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 40 else text[:39] + "…"


def is_whole(value: Any) -> bool:
    """Whether it is a whole number. In JSON, 2.0 is one; in Python, `True` would be."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value) and value == int(value))


def _whole(least: int, most: Callable[[], int] | int) -> Check:
    def check(value: Any) -> int:
        top = most() if callable(most) else most
        if not is_whole(value):
            raise Wrong("not a whole number")
        if not least <= value <= top:
            raise Wrong(f"not within {least} to {top}")
        return int(value)

    return check


def _cpus() -> int:
    return os.cpu_count() or 1


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("neither true nor false")
    return value


def _flash_attention(value: Any) -> bool:
    if value in ("on", "off"):
        return value == "on"
    if value == "auto":
        raise Wrong("which llama-cpp-python cannot be asked for")
    return _truth(value)


def _cache_type(value: Any) -> int:
    if isinstance(value, str) and value in CACHE_TYPES:
        return CACHE_TYPES[value]
    raise Wrong("not one of " + ", ".join(CACHE_TYPES))


_threads = _whole(1, _cpus)
_batch = _whole(32, 8192)

_CHECKS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "n_gpu_layers": (_whole(-1, 1000), ("n_gpu_layers",)),
    "n_ctx": (_whole(256, MOST_CONTEXT), ("n_ctx",)),
    "n_batch": (_batch, ("n_batch",)),
    "n_ubatch": (_batch, ("n_ubatch",)),
    "n_threads": (_threads, ("n_threads",)),
    "n_threads_batch": (_threads, ("n_threads_batch",)),
    "flash_attn": (_flash_attention, ("flash_attn",)),
    "kv_type": (_cache_type, ("type_k", "type_v")),
    "type_k": (_cache_type, ("type_k",)),
    "type_v": (_cache_type, ("type_v",)),
    "use_mmap": (_truth, ("use_mmap",)),
    "use_mlock": (_truth, ("use_mlock",)),
}
"""Each key of the section: its check, and the arguments of `Llama` that it sets. The order is that of application."""


def arguments(section: dict[str, Any], disabled: list[Any], faults: list[str]) -> dict[str, tuple[str, Any]]:
    """The arguments that a section asks for, each with the key that it comes from. What is wrong goes to `faults`."""
    wanted: dict[str, tuple[str, Any]] = {}
    for key, (check, names) in _CHECKS.items():
        if key not in section or section[key] is None or key in disabled:
            continue
        try:
            value = check(section[key])
        except Wrong as wrong:
            faults.append(f"{key} is {quoted(section[key])}, {wrong}")
            continue
        wanted.update({name: (key, value) for name in names if name not in disabled})
    unknown = [key for key in section if key not in _CHECKS and key not in NOT_OURS]
    if unknown:
        faults.append("not known: " + ", ".join(quoted(key) for key in unknown[:5]))
    return wanted


def take_priority(settings: Settings, priority: dict[str, Any] | None, faults: list[str]) -> None:
    """The `priority` part."""
    if not priority:
        return
    scope, nice, policy = priority.get("scope"), priority.get("nice", 10), priority.get("policy", "nice")
    if scope not in ("process", "llama"):
        faults.append(f"priority.scope is {quoted(scope)}, neither process nor llama")
    elif policy not in ("nice", "idle"):
        faults.append(f"priority.policy is {quoted(policy)}, neither nice nor idle")
    elif not is_whole(nice) or not 1 <= nice <= 19:
        faults.append(f"priority.nice is {quoted(nice)}, not within 1 to 19: a priority is only lowered")
    else:
        settings.priority = {"scope": scope, "nice": int(nice), "policy": policy}


def take_bridge(settings: Settings, bridge: dict[str, Any] | None, faults: list[str]) -> None:
    """The `bridge` part."""
    if bridge is None:
        return
    own_port = bridge.get("port")
    ports = {"port": BRIDGE_PORT if own_port is None else own_port, "tap_port": bridge.get("tap_port")}
    for key, port in ports.items():
        if port is not None and not (is_whole(port) and 1 <= port <= 65535):
            faults.append(f"bridge.{key} is {quoted(port)}, not a port")
            return
    nodelay = bridge.get("nodelay", True)
    if not isinstance(nodelay, bool):
        faults.append(f"bridge.nodelay is {quoted(nodelay)}, neither true nor false")
        return
    tap_port = ports["tap_port"]
    settings.bridge = {"port": int(ports["port"]), "nodelay": nodelay, "tap_port": tap_port and int(tap_port)}
