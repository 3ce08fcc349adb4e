"""What the shim says: lines on stderr for people, and JSON lines in the events file for `workly-perf`."""

from __future__ import annotations

import os
import sys

PREFIX = "workly-perf: "

EVENTS_VARIABLE = "WORKLY_PERF_EVENTS"
"""Names the file that events are appended to. It may be unset."""

_MOST_CHARACTERS = 400
_said: set[str] = set()


def say(text: str) -> None:
    """Writes one line to stderr, once per process. A closed or missing stderr is no error."""
    line = " ".join(text.split())[:_MOST_CHARACTERS]
    # Names and values from files must not steer the terminal.
    line = "".join(character if character.isprintable() else "?" for character in line)
    if line in _said:
        return
    _said.add(line)
    try:
        stream = sys.stderr
        encoding = getattr(stream, "encoding", None) or "ascii"
        try:
            line.encode(encoding)
        except (LookupError, UnicodeError):
            line = line.replace("→", "->").encode("ascii", "backslashreplace").decode("ascii")
        stream.write(f"{PREFIX}{line}\n")
        stream.flush()
    except Exception:
        # pythonw has no stderr. There is nobody to tell.
        pass


def failed(consequence: str, error: BaseException, said: str | None = None) -> None:
    """Notes what an error of our own leads to, and says it, in other words if there are any."""
    reason = describe(error)
    say(f"{said or consequence}: {reason}")
    event("failed", {"consequence": consequence, "error": type(error).__name__})


def describe(error: BaseException) -> str:
    """An error in a few words on one line."""
    text = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def loaded() -> None:
    """Notes that the shim is in this process. It runs at every start, so it does without the json module."""
    path = os.environ.get(EVENTS_VARIABLE)
    if not path:
        return
    version = ".".join(str(part) for part in sys.version_info[:3])
    append(path, f'{{"event": "loaded", "schema": "1.0", "pid": {os.getpid()}, "python": "{version}"}}\n')


def event(kind: str, fields: dict[str, object]) -> None:
    """Appends one event to the events file, if there is one."""
    path = os.environ.get(EVENTS_VARIABLE)
    if not path:
        return
    try:
        import json
        import time

        record = {"event": kind, "schema": "1.0", "pid": os.getpid(), "time_unix_ns": time.time_ns(), **fields}
        append(path, json.dumps(record) + "\n")
    except Exception:
        # Events are for looking at afterwards; without them, everything else works.
        pass


def append(path: str, line: str) -> bool:
    """Appends a line by one write, so that lines of several processes do not mix. Returns whether it was written."""
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        return False
    try:
        data = line.encode("utf-8")
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(descriptor)
