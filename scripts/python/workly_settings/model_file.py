"""What a model file and the memory of this machine say about a longer context.

Reads the head of a GGUF file, and no more of it than it has to. What cannot be read is a reason to leave the context as
it is.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Any, BinaryIO, Dict, Optional

_WANTED = (
    "context_length",
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MOST_BYTES = 64 << 20
_MOST_KEYS = 4096
_VALUE_BYTES = 4
"""Bytes of one value in the cache: those of f32, so that the answer holds for every type."""
_RESERVE_BYTES = 1 << 30


class Unreadable(Exception):
    """The file has no head that says what is asked."""


def reason_against(path: str, n_ctx: int, uses_mmap: Any) -> Optional[str]:
    """Why this model must not get a context of `n_ctx` tokens on the CPU here, or `None`."""
    try:
        head = read_head(path)
        trained, per_token = int(head["context_length"]), cache_bytes_per_token(head)
    except (OSError, Unreadable, KeyError, TypeError, ValueError, struct.error):
        return f"the model file does not say whether it holds {n_ctx} tokens"
    if n_ctx > trained:
        return f"the model was trained for {trained} tokens, fewer than {n_ctx}"
    available = available_bytes()
    if available is None:
        return f"free memory is not known, and {n_ctx} tokens need more of it"
    needed = n_ctx * per_token + (0 if uses_mmap else os.path.getsize(path)) + _RESERVE_BYTES
    if needed > available:
        return f"{n_ctx} tokens would need {needed >> 20} MiB of {available >> 20} MiB that are free"
    return None


def cache_bytes_per_token(head: Dict[str, Any]) -> int:
    """Bytes of the KV cache for one token, at most."""
    heads = int(head["attention.head_count"])
    kv_heads = int(head.get("attention.head_count_kv", heads))
    default_length = int(head["embedding_length"]) // max(heads, 1)
    lengths = int(head.get("attention.key_length", default_length)) + int(head.get("attention.value_length", default_length))
    return int(head["block_count"]) * kv_heads * lengths * _VALUE_BYTES


def read_head(path: str) -> Dict[str, Any]:
    """The wanted keys of a GGUF file, without the name of the architecture before them."""
    with open(path, "rb") as file:
        magic, version, _, keys = struct.unpack("<4sIQQ", _take(file, 24))
        if magic != b"GGUF" or version not in (2, 3):
            raise Unreadable("not a GGUF file of version 2 or 3")
        found: Dict[str, Any] = {}
        for _ in range(min(keys, _MOST_KEYS)):
            name = _string(file)
            value = _value(file, _number(file, "<I"))
            _, _, key = name.partition(".")
            if key in _WANTED:
                found[key] = value
            elif name.startswith("tokenizer.") and "context_length" in found:
                # The vocabulary comes after the shape, and it is long.
                break
        return found


def _take(file: BinaryIO, size: int) -> bytes:
    if size > _MOST_BYTES or file.tell() > _MOST_BYTES:
        raise Unreadable("the head is too long")
    data = file.read(size)
    if len(data) != size:
        raise Unreadable("the file ends within its head")
    return data


def _number(file: BinaryIO, layout: str) -> Any:
    return struct.unpack(layout, _take(file, struct.calcsize(layout)))[0]


def _string(file: BinaryIO) -> str:
    return _take(file, _number(file, "<Q")).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind in _SCALARS:
        return _number(file, _SCALARS[kind])
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        raise Unreadable("an unknown kind of value")
    inner, count = _number(file, "<I"), _number(file, "<Q")
    if inner in _SCALARS:
        _take(file, count * struct.calcsize(_SCALARS[inner]))
    elif inner == _STRING:
        for _ in range(count):
            _string(file)
    else:
        raise Unreadable("an array of arrays")
    # An array where a number was expected: each block has its own. Nothing is derived from that.
    return None


def available_bytes() -> Optional[int]:
    """Memory that can be taken without swapping; `None` where this system does not tell."""
    try:
        if sys.platform.startswith("linux"):
            return _available_on_linux()
        if sys.platform == "win32":
            return _available_on_windows()
    except (OSError, ValueError, AttributeError):
        pass
    return None


def _available_on_linux() -> Optional[int]:
    with open("/proc/meminfo", "rb") as file:
        lines = file.read().decode("ascii", "replace").splitlines()
    found = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    if not found:
        return None
    try:
        with open("/sys/fs/cgroup/memory.max", "rb") as limit, open("/sys/fs/cgroup/memory.current", "rb") as used:
            found.append(int(limit.read()) - int(used.read()))
    except (OSError, ValueError):
        # No limit: the file says `max`, or there is none.
        pass
    return min(found)


def _available_on_windows() -> Optional[int]:
    import ctypes

    class MemoryStatus(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_uint64)
            for name in ("total", "available", "total_page", "available_page", "total_virtual", "available_virtual", "extended")
        ]

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    ok = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return status.available if ok else None
