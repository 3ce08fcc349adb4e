"""Checks after a command was disturbed."""

import csv
import json
import pathlib
import signal
import subprocess
import time

from commands import CONFIG, digest
from faults import BridgeKilled, FullDisk

# Children of a killed command notice it by the end of their input.
GONE_WITHIN_S = 15
KNOWN_CODES = {0, 1, 3, 4, 5, 130}


def check(place, command, fault, ended):
    """All faults, as text."""
    if ended is None:
        return []
    wrong = orphans(place)
    if fault.name == FullDisk.name:
        (place.disk / "filler").unlink(missing_ok=True)
    wrong += exit_code(command, fault, ended)
    if command.records:
        wrong += record(place, command, fault, ended)
    if "CONFIG" in command.line:
        wrong += config(place, command)
    if "MODEL" in command.line.split():
        wrong += model(place, fault, ended)
    if command.name == "compare-ab":
        for folder in sorted(place.disk.rglob("run.json")):
            wrong += whole_files(folder.parent, lacks=ended.code == 5)
    return [f"{what} (exit code {ended.code}; it said: {ended.stderr.strip()[-400:]})" for what in wrong]


def orphans(place):
    until = time.monotonic() + GONE_WITHIN_S
    while left := place.left():
        if time.monotonic() > until:
            return [f"processes are left: {left}"]
        time.sleep(0.05)
    return []


def number_of(fault):
    return int(getattr(fault, "number", 0))


def exit_code(command, fault, ended):
    code, number = ended.code, number_of(fault)
    if code in KNOWN_CODES:
        if code == 5 and fault.name != FullDisk.name:
            return ["a file could not be written on a disk with room"]
        if code == 0 or fault.name == FullDisk.name or command.name.startswith("compare"):
            return []
        if code == 130 and not (number or fault.name == "terminal-closed"):
            return ["it says that it was interrupted, and nobody did that"]
        if code in (3, 4) and fault.name not in (BridgeKilled.name, "suspended"):
            return ["it failed"]
        return []
    by_signal = {-number, -signal.SIGHUP if fault.name == "terminal-closed" else 0}
    # Without a handler, or before it is installed, a signal ends the command.
    return [] if code in by_signal else [f"exit code {code} is none of ours"]


def record(place, command, fault, ended):
    """The record: readable, with the correct state."""
    file, number = place.out / "run.json", number_of(fault)
    was_killed = ended.code < 0
    if not file.exists():
        left = [path.name for path in place.out.glob("*")] if place.out.exists() else []
        if ended.code == 0 or (left and not was_killed and fault.name != FullDisk.name):
            return [f"there is no record, but {left}"]
        return []
    read = subprocess.run([place.world.program, "report", place.out, "--format", "json"], env=place.world.env(), capture_output=True, text=True)
    if read.returncode:
        return [f"the record cannot be read: {read.stderr}"]
    run = json.loads(read.stdout)
    wrong = whole_files(place.out, lacks=ended.code == 5)
    state = run["state"]
    allowed = {
        0: {"complete"},
        1: {"complete"},
        4: {"failed", "complete"},
        3: {"failed"},
        5: {"failed", "complete", "interrupted"},
        130: {"interrupted"},
    }.get(ended.code, {"running"} | ({"complete", "interrupted", "failed"} if number == signal.SIGKILL else set()))
    if state not in allowed:
        wrong.append(f"the record says {state}")
    if (state == "running") != (run["finished"] is None):
        wrong.append(f"the record says {state} and that it finished at {run['finished']}")
    if state == "complete" and ended.code == 0:
        off = [case["path"] for case in run["cases"] if case["state"] != "ok"]
        if off:
            wrong.append(f"the run is complete, but not {off}")
    if state != "complete" and state != "running" and not run.get("reason"):
        wrong.append(f"the record says {state} and not why")
    if ended.code == 130 and number:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        if name not in run.get("reason", ""):
            wrong.append(f"the reason '{run.get('reason')}' does not name {name}")
    leftovers = [path.name for path in place.out.iterdir() if path.name.startswith(".")]
    if leftovers and not was_killed:
        wrong.append(f"left behind: {leftovers}")
    if place.log.exists():
        wrong += table(place.log)
    return wrong


def whole_files(folder, lacks=False):
    """No file of the record is incomplete, and all named files exist."""
    wrong = []
    try:
        run = json.loads((folder / "run.json").read_text())
    except ValueError as error:
        return [f"{folder.name}/run.json is torn: {error}"]
    for name in ("summary.csv", "events.csv"):
        if (folder / name).exists():
            wrong += table(folder / name)
    figures = sum(len(case["metrics"]) for case in run["cases"])
    summary = folder / "summary.csv"
    if not summary.exists():
        wrong += [] if lacks else ["there is no summary.csv"]
    elif run["state"] != "running" and len(list(csv.reader(summary.open(newline="")))) != figures + 1:
        wrong.append("summary.csv and run.json have not the same number of figures")
    for case in run["cases"]:
        for files in case.get("histograms", []):
            for name in (files["hlog"], files["hgrm"]):
                path = folder / name
                if not path.exists() or not path.read_bytes().endswith(b"\n"):
                    wrong.append(f"{name} is absent or torn")
    session = folder / "session.jsonl"
    if session.exists():
        for number, line in enumerate(session.read_bytes().split(b"\n")[:-1], 1):
            try:
                json.loads(line)
            except ValueError:
                wrong.append(f"line {number} of session.jsonl is torn")
    return wrong


def table(path):
    """A table with complete rows."""
    text = path.read_bytes()
    rows = list(csv.reader(text.decode().splitlines(keepends=True)))
    widths = {len(row) for row in rows}
    is_torn = len(widths) > 1 or (text and not text.endswith(b"\n"))
    return [f"{path.name} is torn: rows of {sorted(widths)} columns"] if is_torn else []


def config(place, command):
    """The configuration: old or new, and it can be changed and restored."""
    if not place.config.exists():
        return ["the configuration is gone"]
    is_now = place.config.read_text()
    if is_now not in (CONFIG, place.world.applied):
        return [f"the configuration is neither the old nor the new one: {is_now[:300]!r}"]
    wrong = []
    advice = place.world.fixtures / "advice"
    apply = [place.world.program, "apply", "--config", place.config, "--yes"]
    for words, after in (([*apply, advice], place.world.applied), ([*apply, "--undo"], CONFIG)):
        if place.config.read_text() == place.world.applied and after == place.world.applied:
            continue
        done = subprocess.run(words, env=place.world.env(), capture_output=True, text=True)
        if done.returncode or place.config.read_text() != after:
            wrong.append(f"afterwards {pathlib.Path(words[-1]).name} fails: {done.stderr.strip()}")
    left = [path.name for path in place.disk.glob(".workly-perf-writing-*")]
    return wrong + ([f"left behind: {left}"] if left else [])


def model(place, fault, ended):
    """The model: complete or absent."""
    wrong = []
    if place.model.exists() and digest(place.model) != digest(place.world.fixtures / "tiny.gguf"):
        wrong.append("the model is torn")
    if ended.code == 0 and not place.model.exists():
        wrong.append("there is no model")
    left = [path.name for path in place.disk.iterdir() if path.name not in ("model.gguf", "out")]
    if left and ended.code >= 0:
        wrong.append(f"left behind: {left}")
    return wrong
