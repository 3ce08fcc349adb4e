"""Priorities on Windows, by its own interface. Imported there only."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Iterable, Set

_BELOW_NORMAL_CLASS, _IDLE_CLASS = 0x4000, 0x40
_BELOW_NORMAL, _LOWEST = -1, -2
_SNAPSHOT_OF_THREADS = 0x4
_SET_AND_QUERY = 0x20 | 0x40
_FAILED = 0x7FFFFFFF
_FROM_HERE_LOWEST = 15
"""The nice value from which on the lowest class stands for it."""


class _ThreadEntry(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32),
        ("usage", ctypes.c_uint32),
        ("thread_id", ctypes.c_uint32),
        ("process_id", ctypes.c_uint32),
        ("base_priority", ctypes.c_int32),
        ("delta_priority", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


def _kernel() -> Any:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    # Handles are as wide as pointers; ctypes would cut them to an int.
    for name in ("CreateToolhelp32Snapshot", "OpenThread", "GetCurrentProcess"):
        getattr(kernel, name).restype = ctypes.c_void_p
    kernel.CreateToolhelp32Snapshot.argtypes = [ctypes.c_uint32, ctypes.c_uint32]
    kernel.OpenThread.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32]
    kernel.GetThreadPriority.argtypes = [ctypes.c_void_p]
    kernel.SetThreadPriority.argtypes = [ctypes.c_void_p, ctypes.c_int]
    kernel.GetPriorityClass.argtypes = [ctypes.c_void_p]
    kernel.SetPriorityClass.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    for name in ("Thread32First", "Thread32Next"):
        getattr(kernel, name).argtypes = [ctypes.c_void_p, ctypes.POINTER(_ThreadEntry)]
    return kernel


def thread_ids() -> Set[int]:
    """The threads of this process."""
    kernel = _kernel()
    snapshot = kernel.CreateToolhelp32Snapshot(_SNAPSHOT_OF_THREADS, 0)
    if snapshot in (None, ctypes.c_void_p(-1).value):
        raise ctypes.WinError(ctypes.get_last_error())
    found: Set[int] = set()
    try:
        entry = _ThreadEntry(size=ctypes.sizeof(_ThreadEntry))
        more = kernel.Thread32First(snapshot, ctypes.byref(entry))
        while more:
            if entry.process_id == os.getpid():
                found.add(entry.thread_id)
            more = kernel.Thread32Next(snapshot, ctypes.byref(entry))
    finally:
        kernel.CloseHandle(snapshot)
    return found


def lower_threads(ids: Iterable[int], nice: int) -> None:
    """Lowers threads that are not as low yet."""
    kernel = _kernel()
    wanted = _LOWEST if nice >= _FROM_HERE_LOWEST else _BELOW_NORMAL
    for thread_id in ids:
        handle = kernel.OpenThread(_SET_AND_QUERY, False, thread_id)
        if not handle:
            continue
        try:
            current = kernel.GetThreadPriority(handle)
            if current != _FAILED and current > wanted:
                kernel.SetThreadPriority(handle, wanted)
        finally:
            kernel.CloseHandle(handle)


def lower_process(nice: int) -> None:
    """Lowers the class of this process, unless it is as low already."""
    kernel = _kernel()
    wanted = _IDLE_CLASS if nice >= _FROM_HERE_LOWEST else _BELOW_NORMAL_CLASS
    process = kernel.GetCurrentProcess()
    lower = (_IDLE_CLASS,) if wanted == _IDLE_CLASS else (_IDLE_CLASS, _BELOW_NORMAL_CLASS)
    if kernel.GetPriorityClass(process) not in lower and not kernel.SetPriorityClass(process, wanted):
        raise ctypes.WinError(ctypes.get_last_error())
