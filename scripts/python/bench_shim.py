"""What the shim costs: at the start of Python, at the import of llama_cpp, and in each call.

    bench_shim.py [--pairs N] [--json]

Starts Python with and without the shim in turns and compares medians of wall time and of CPU time; the order within a pair
alternates. Calls are timed on the double of llama-cpp-python, whose own work is nearly nothing, so the difference is the
shim's. Prints a table, or JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List

HERE = os.path.dirname(os.path.abspath(__file__))
DOUBLES = os.path.join(HERE, "tests", "doubles")

STARTS = {
    "python": "pass",
    "python with sockets": "import socket",
    "python with llama_cpp (double)": "import llama_cpp, socket, inspect, typing, json\nllama_cpp.Llama(__file__, n_threads=6)",
}

CALLS = """
import json, statistics, sys, time
import llama_cpp
llama = llama_cpp.Llama(__file__, n_threads=6, n_ctx=4096)
prompt, tokens, rounds = list(range(400)), 64, 60
times = []
for _ in range(rounds):
    begun = time.process_time_ns()
    llama(prompt, max_tokens=tokens)
    times.append(time.process_time_ns() - begun)
print(json.dumps(times))
"""


def main() -> None:
    """Runs all parts and prints them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=40, help="starts with and without the shim, each (default 40)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environments = {kind: environment(folder, kind) for kind in ("without", "settings", "measured")}
        starts = {name: start_cost(code, environments, options.pairs, folder) for name, code in STARTS.items()}
        calls = call_cost(environments, max(options.pairs // 10, 3), folder)
    result = {"python": sys.version.split()[0], "pairs": options.pairs, "start_ms": starts, "call_us": calls}
    print(json.dumps(result, indent=2) if options.json else table(result))


def environment(folder: str, kind: str) -> Dict[str, str]:
    """The environment of a program: without the shim, with settings, or with settings and measured."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WORKLY_PERF_"))}
    found["PYTHONPATH"] = DOUBLES
    if kind == "without":
        return found
    parts: Dict[str, Any] = {"schema": "1.0", "performance": {"n_threads": 1}, "bridge": {}}
    if kind == "measured":
        parts["measure"] = os.path.join(folder, "calls.jsonl")
    path = os.path.join(folder, kind + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(parts, file)
    found["PYTHONPATH"] = os.pathsep.join((HERE, DOUBLES))
    found["WORKLY_PERF_SETTINGS"] = path
    found["WORKLY_PERF_EVENTS"] = os.path.join(folder, "events.jsonl")
    return found


def start_cost(code: str, environments: Dict[str, Dict[str, str]], pairs: int, folder: str) -> Dict[str, Any]:
    """Medians of the start with and without, in milliseconds, and of the differences within the pairs."""
    script = os.path.join(folder, "program.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(code + "\n")
    kinds = ("without", "settings")
    for kind in kinds:
        started(script, environments[kind])
    samples: Dict[str, List[Dict[str, float]]] = {kind: [] for kind in kinds}
    for pair in range(pairs):
        for kind in kinds if pair % 2 == 0 else kinds[::-1]:
            samples[kind].append(started(script, environments[kind]))
    found: Dict[str, Any] = {}
    for clock in ("wall", "cpu"):
        own, with_shim = ([one[clock] for one in samples[kind]] for kind in kinds)
        differences = [b - a for a, b in zip(own, with_shim)]
        found[clock] = {
            "without": statistics.median(own),
            "with": statistics.median(with_shim),
            "added": statistics.median(with_shim) - statistics.median(own),
            "added_quartiles": statistics.quantiles(differences, n=4)[::2] if len(differences) > 1 else None,
        }
    return found


def started(script: str, variables: Dict[str, str]) -> Dict[str, float]:
    """One start: its wall time and, where the system tells, its CPU time, in milliseconds."""
    cpu_before = children_cpu()
    begun = time.perf_counter()
    subprocess.run([sys.executable, script], env=variables, check=True, stderr=subprocess.DEVNULL)
    return {"wall": (time.perf_counter() - begun) * 1e3, "cpu": (children_cpu() - cpu_before) * 1e3}


def children_cpu() -> float:
    """CPU seconds of the children that have ended."""
    try:
        import resource
    except ImportError:
        # Windows does not tell the time of children, and `os.times` gives 0 there.
        return os.times().children_user
    # `os.times` would count in steps of 10 ms.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def call_cost(environments: Dict[str, Dict[str, str]], rounds: int, folder: str) -> Dict[str, float]:
    """Median CPU time of a call with 400 prompt tokens and 64 tokens, in microseconds, for each kind."""
    script = os.path.join(folder, "calls.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(CALLS)
    times: Dict[str, List[int]] = {kind: [] for kind in environments}
    for _ in range(rounds):
        for kind, variables in environments.items():
            done = subprocess.run([sys.executable, script], env=variables, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            times[kind] += json.loads(done.stdout)
    return {kind: statistics.median(found) / 1e3 for kind, found in times.items()}


def table(result: Dict[str, Any]) -> str:
    """The result for people."""
    lines = [f"Python {result['python']}, {result['pairs']} pairs; medians", ""]
    lines.append(f"{'start':34}{'without':>10}{'with':>10}{'added':>10}  quartiles of the pairs")
    for name, clocks in result["start_ms"].items():
        for clock, row in clocks.items():
            low, high = row["added_quartiles"]
            figures = "".join(f"{row[key]:7.2f} ms" for key in ("without", "with", "added"))
            lines.append(f"{name + ', ' + clock:34}{figures}  {low:.2f} to {high:.2f} ms")
    lines += ["", "CPU time of one call on the double (400 prompt tokens, 64 tokens):"]
    lines += [f"  {kind:10}{value:9.1f} µs" for kind, value in result["call_us"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
