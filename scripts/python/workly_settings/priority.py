"""Lowers the priority of what the model computes, and never raises any.

Scope `process`: every thread of the process, those to come included. Scope `llama`: the threads that call llama.cpp, and
with them the threads that llama.cpp starts from there, so that a GUI in the same process keeps its own priority. On Linux a
thread inherits the nice value and the scheduling policy of the one that starts it. On Windows it does not: there the
threads that appear during the first computation are lowered one by one.

The main thread is never lowered alone: it is the GUI's, and without privileges nobody can undo it.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from typing import Any, Callable, List

from . import log
from .document import Settings

_COMPUTES = ("eval", "embed")
"""The methods that hand work to llama.cpp, on the thread that calls them."""


class ThreadPriority:
    """Lowers each thread at its first computation."""

    def __init__(self, settings: Settings) -> None:
        self.nice: int = settings.priority["nice"]
        self.policy: str = settings.priority["policy"]
        self._local = threading.local()

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method that lowers its thread first. Once that is done it costs one look at a thread's own flag."""

        @functools.wraps(method)
        def lowered(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._local, "is_known", False):
                return method(*args, **kwargs)
            self._local.is_known = True
            threads = self._lower_caller()
            result = method(*args, **kwargs)
            if threads is not None:
                self._lower_started(threads)
            return result

        return lowered

    def _lower_caller(self) -> Any:
        """Lowers the calling thread. Returns the threads there are, on systems where new ones do not inherit."""
        try:
            if threading.get_ident() == threading.main_thread().ident:
                log.say("the model is called on the main thread: its priority is left, since it would be the window's too")
                return None
            if sys.platform == "win32":
                from . import windows

                before = windows.thread_ids()
                windows.lower_threads([threading.get_native_id()], self.nice)
                return before
            lower_threads([threading.get_native_id()], self.nice, self.policy)
            log.say(f"threads of llama.cpp run {_words(self.nice, self.policy)}")
        except Exception as error:
            log.failed("the priority is left", error)
        return None

    def _lower_started(self, before: Any) -> None:
        try:
            from . import windows

            windows.lower_threads(sorted(windows.thread_ids() - before), self.nice)
            log.say("threads of llama.cpp run below normal priority")
        except Exception as error:
            log.failed("the priority is left", error)


def attach(cls: type, module: Any, settings: Settings) -> None:
    """Puts the priority of the settings into force."""
    if not settings.priority:
        return
    if settings.priority["scope"] == "process":
        lower_process(settings.priority["nice"], settings.priority["policy"])
        return
    if not sys.platform.startswith("linux") and sys.platform != "win32":
        log.say("threads have no priority of their own on this system: it is left")
        return
    priority = ThreadPriority(settings)
    for name in _COMPUTES:
        method = getattr(cls, name, None)
        if method is not None:
            setattr(cls, name, priority.wrap(method))


def lower_process(nice: int, policy: str) -> None:
    """Lowers the whole process."""
    if sys.platform == "win32":
        from . import windows

        windows.lower_process(nice)
    elif sys.platform.startswith("linux"):
        lower_threads([int(name) for name in os.listdir("/proc/self/task")], nice, policy)
    else:
        missing = nice - os.getpriority(os.PRIO_PROCESS, 0)
        if missing > 0:
            os.nice(missing)
    log.say(f"the process runs {_words(nice, policy)}")


def lower_threads(thread_ids: List[int], nice: int, policy: str) -> None:
    """Lowers threads by their ids on Linux. Those that are lower already, or have ended, are left."""
    for thread_id in thread_ids:
        try:
            if policy == "idle":
                if os.sched_getscheduler(thread_id) in (os.SCHED_OTHER, os.SCHED_BATCH):
                    os.sched_setscheduler(thread_id, os.SCHED_IDLE, os.sched_param(0))
            elif os.getpriority(os.PRIO_PROCESS, thread_id) < nice:
                os.setpriority(os.PRIO_PROCESS, thread_id, nice)
        except ProcessLookupError:
            continue


def _words(nice: int, policy: str) -> str:
    if policy == "idle" and sys.platform.startswith("linux"):
        return "in the idle scheduling class"
    return f"at nice {nice} or lower priority"
