"""Reads trace event JSON with the PyPI package chrometrace and prints its slices as trees in JSON.

Usage: read_trace.py TRACE

Prints [{"process", "thread", "name", "from_ns", "ns", "inside": [...]}, ...]: the outermost slices, each with those inside it. Events
that the package does not know, slices without a named row, and slices that overlap without one being inside the other are errors.
"""

import json
import sys

from chrometrace import TraceEvent, TraceEventType


def read(path):
    """The events, each checked by the package."""
    with open(path, encoding="utf-8") as file:
        trace = json.load(file)
    assert trace["displayTimeUnit"] in ("ms", "ns"), trace["displayTimeUnit"]
    return [TraceEvent.from_dict({**event, "ph": TraceEventType(event["ph"])}) for event in trace["traceEvents"]]


def names(events, what):
    """Names of processes or threads by process, or by process and thread."""
    found = [event for event in events if event.event_type == TraceEventType.METADATA and event.name == what]
    return {(event.process_id, event.thread_id if what == "thread_name" else None): event.args["name"] for event in found}


def nanoseconds(microseconds):
    """As trace viewers do: whole nanoseconds."""
    return round(microseconds * 1000)


def main(path):
    events = read(path)
    processes, threads = names(events, "process_name"), names(events, "thread_name")
    rows = {}
    for event in events:
        if event.event_type == TraceEventType.COMPLETE:
            rows.setdefault((event.process_id, event.thread_id), []).append(event)
    outermost = []
    for (process, thread), slices in rows.items():
        open_slices = []
        # Stable: of slices with the same start, the outer one comes first in the file.
        slices.sort(key=lambda event: event.timestamp_us)
        for event in slices:
            begin = nanoseconds(event.timestamp_us)
            end = begin + nanoseconds(event.duration_us)
            while open_slices and open_slices[-1][0] <= begin:
                open_slices.pop()
            node = {
                "process": processes[(process, None)],
                "thread": threads[(process, thread)],
                "name": event.name,
                "from_ns": begin,
                "ns": end - begin,
                "inside": [],
            }
            if open_slices:
                assert end <= open_slices[-1][0], f"{event} ends after the slice around it"
                open_slices[-1][1].append(node)
            else:
                outermost.append(node)
            open_slices.append((end, node["inside"]))
    json.dump(outermost, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
