"""What `workly-perf launch` changes, beside a scene: the same program with and without the recommended settings, in turns.

    launch_pairs.py --program WORKLY_PERF --python PYTHON --model FILE.gguf [--pairs N] [--recommendation RUN] [--json FILE]

The program builds a `Llama` as the application does and answers on a fresh thread, in the application's form of prompt and
with its sampler. Each half of a pair has a scene of its own (`workly-perf render-load`). Prints the medians, the paired
ratio with its range, and the gain as a share of what `recommend` has estimated.

Like is compared with like: a launch before the first pair shows how long the program's prompts and replies are, and the sweep that
the estimate rests on measures replies of that length behind that many tokens, with the same sampler and beside the same scene.

Exit code 1, after six pairs or more: less than 90 % of the estimated gain, or no gain that could be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

WANTED_SHARE = 0.9
FEWEST_JUDGED = 6

APPLICATION = '''
import json, sys, threading, time
import llama_cpp

PROFILES = {
    "performance": {"n_gpu_layers": -1, "n_ctx": 4096, "n_batch": 512, "n_threads": 6, "use_mlock": True},
    "balanced": {"n_gpu_layers": 35, "n_ctx": 2048, "n_batch": 256, "n_threads": 6, "use_mlock": True},
    "cpu_fallback": {"n_gpu_layers": 0, "n_ctx": 2048, "n_batch": 128, "n_threads": 8, "use_mlock": False},
}
SAMPLER = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.0}
SYSTEM = "You are Kira, a friendly companion who lives on the desktop. You answer in a few short sentences. " * 8

model, tokens, exchanges = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open("data/config.json", encoding="utf-8") as file:
    profile = PROFILES[json.load(file)["ai"]["gpu_profile"]]
llama = llama_cpp.Llama(model_path=model, verbose=False, seed=1, **profile)
history = [("user", "How are you today?"), ("assistant", "I am fine, thank you. The sun is out and I like it. " * 3)] * exchanges


def prompt():
    said = [("system", SYSTEM)] + history
    return "".join(f"<|{who}|>\\n{text}\\n</|{who}|>\\n" for who, text in said) + "<|assistant|>\\n"


def answer(question):
    history.append(("user", question))
    begun_ns = time.monotonic_ns()
    parts = [part["choices"][0]["text"] for part in llama(prompt(), max_tokens=tokens, stream=True, **SAMPLER)]
    print(json.dumps({"begun_ns": begun_ns, "ended_ns": time.monotonic_ns()}), flush=True)
    history.append(("assistant", "".join(parts)))


for question in ("Tell me a story about the sea, please.", "What happened then?"):
    thread = threading.Thread(target=answer, args=(question,))
    thread.start()
    thread.join()
'''
"""Reads its profile from a table, as the application does, and keeps a history."""


class Scene:
    """A render-like load, and the moments at which its frames ended."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program, "render-load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.frames: List[Tuple[int, bool]] = []
        self.is_ready = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("calibrated"):
                self.is_ready.set()
            else:
                self.frames.append((time.monotonic_ns(), line.startswith("1 ")))
        self.is_ready.set()

    def stop(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.reader.join()

    def late_percent(self, spans: List[Dict[str, int]]) -> Optional[float]:
        """The share of late frames while an answer was under way."""
        late = [late for at, late in self.frames if any(one["begun_ns"] <= at <= one["ended_ns"] for one in spans)]
        return 100 * sum(late) / len(late) if late else None


def main() -> int:
    """Measures the pairs and prints what they come to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="workly-perf")
    parser.add_argument("--python", default=sys.executable, help="a Python with llama-cpp-python")
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of launches, before and after (default 12)")
    parser.add_argument("--tokens", type=int, default=48, help="the longest answer (default 48)")
    parser.add_argument("--exchanges", type=int, default=10, help="exchanges in the history at first (default 10)")
    parser.add_argument("--profile", default="balanced", help="the application's profile (default balanced)")
    parser.add_argument("--recommendation", help="a run of recommend; without it, a sweep is measured first")
    parser.add_argument("--budget", default="4m", help="the longest that the sweep may take (default 4m)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the order within the pairs")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    options.program, options.model = os.path.abspath(options.program), os.path.abspath(options.model)
    with tempfile.TemporaryDirectory(prefix="workly launch ") as folder:
        os.makedirs(os.path.join(folder, "data"))
        write(os.path.join(folder, "main.py"), APPLICATION)
        config = {"ai": {"model_path": options.model, "gpu_profile": options.profile}}
        write(os.path.join(folder, "data", "config.json"), json.dumps(config))
        if options.recommendation:
            run, lengths = os.path.abspath(options.recommendation), None
        else:
            lengths = lengths_of(launched(options, folder, "lengths", []))
            run = recommend(options, folder, lengths)
        pairs = measure(options, folder, run)
        result = {"lengths": lengths, **summary(pairs, foretold(run))}
    code, judgement = judged(result)
    print(table(result), judgement, sep="\n")
    if options.json:
        write(options.json, json.dumps({**result, "judgement": judgement, "pairs": pairs}, indent=2))
    return code


def lengths_of(launch: Dict[str, Any]) -> Dict[str, int]:
    """How long the program's prompts and replies are, in tokens, on average."""
    return {"prompt_tokens": round(launch["prompt_tokens"]), "reply_tokens": max(2, round(launch["reply_tokens"]))}


def judged(result: Dict[str, Any]) -> Tuple[int, str]:
    """The exit code, and the judgement in words."""
    n, gain, share = result["n"], result["foretold"], result["share_of_foretold"]
    if n < FEWEST_JUDGED:
        return 0, f"not judged: a judgement needs {FEWEST_JUDGED} pairs"
    if gain is None:
        return 1, "failed: recommend has estimated no gain, since its sweep lacks the application's own settings"
    if share is None:
        return 1, f"failed: recommend has estimated {gain['speed_ratio']:.2f}, which is no gain that a launch could show"
    if share < WANTED_SHARE:
        return 1, f"failed: {100 * share:.0f} % of the estimated gain, and {100 * WANTED_SHARE:.0f} % are wanted"
    return 0, f"passed: {100 * share:.0f} % of the estimated gain"


def write(path: str, text: str) -> None:
    """Writes a text file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def recommend(options: argparse.Namespace, folder: str, lengths: Dict[str, int]) -> str:
    """A recommendation for this machine and model, measured now with replies as the program's."""
    sweep, run = os.path.join(folder, "sweep"), os.path.join(folder, "recommendation")
    model = ["--model", options.model, "--config", "data/config.json"]
    # The application's own count is what a gain is compared with, however far it is beyond the CPUs of this machine.
    own = {"performance": 6, "balanced": 6, "cpu_fallback": 8}[options.profile]
    line = ["threads", *model, "--sweep", f"auto,{own}", "--priority", "normal,low", "--under-load", "render"]
    line += ["--depth", str(lengths["prompt_tokens"]), "--gen-tokens", str(lengths["reply_tokens"])]
    line += ["--budget", options.budget, "--prompt-tokens", "64", "--out", sweep]
    for words in (line, ["recommend", *model, "--from", sweep, "--out", run]):
        subprocess.run([options.program, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return run


def foretold(run: str) -> Optional[Dict[str, Any]]:
    """The gain of launch that the recommendation has estimated, if it could."""
    path = run if os.path.isfile(run) else os.path.join(run, "recommendation.json")
    with open(path, encoding="utf-8") as file:
        gains = json.load(file).get("gains", [])
    return next((gain for gain in gains if gain["through"] == "launcher"), None)


def measure(options: argparse.Namespace, folder: str, run: str) -> List[Dict[str, Any]]:
    """All pairs, each in random order."""
    order = random.Random(options.seed)
    pairs = []
    for number in range(options.pairs):
        sides = ["before", "after"]
        order.shuffle(sides)
        pair = {side: launched(options, folder, f"{side}-{number}", [] if side == "before" else ["--profile", run]) for side in sides}
        pairs.append(pair)
        text = ", ".join(f"{side} {pair[side]['tokens_per_s']:.2f} tokens/s" for side in ("before", "after"))
        print(f"pair {number + 1}: {text}", file=sys.stderr, flush=True)
    return pairs


def launched(options: argparse.Namespace, folder: str, name: str, settings: List[str]) -> Dict[str, Any]:
    """One launch beside a scene: what its record says, and the late frames."""
    scene = Scene(options.program)
    try:
        scene.is_ready.wait()
        line = [options.program, "launch", *(settings or ["--no-settings"]), "--measure", "1h", "--out", name]
        line += ["--scene", str(scene.process.pid), "--", options.python, "main.py"]
        line += [options.model, str(options.tokens), str(options.exchanges)]
        done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        scene.stop()
    if done.returncode != 0:
        raise SystemExit(f"the program ended with {done.returncode}:\n{done.stderr}")
    with open(os.path.join(folder, name, "run.json"), encoding="utf-8") as file:
        record = json.load(file)
    cases = {case["path"]: case for case in record["cases"]}

    def figure(case: str, metric: str) -> Optional[float]:
        return next((one["value"] for one in cases[case]["metrics"] if one["name"] == metric), None)

    spans = [json.loads(text) for text in done.stdout.splitlines()]
    return {
        "tokens_per_s": figure("generation", "avg_ts"),
        "first_token_ms": figure("first_token", "mean"),
        "late_percent": scene.late_percent(spans),
        "main_wait_ms_per_s": figure("scene", "main_wait_answering"),
        "prompt_tokens": figure("prompt", "prompt_tokens"),
        "reply_tokens": figure("generation", "tokens"),
        "in_force": cases["generation"]["conditions"]["in_force"],
    }


def summary(pairs: List[Dict[str, Any]], gain: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    """Medians of both sides, the paired ratio, and its gain as a share of the one that was estimated."""
    ratios = [pair["after"]["tokens_per_s"] / pair["before"]["tokens_per_s"] for pair in pairs]
    ratio = statistics.median(ratios)

    def median(side: str, key: str) -> Optional[float]:
        values = [pair[side][key] for pair in pairs if pair[side][key] is not None]
        return statistics.median(values) if values else None

    estimated = gain["speed_ratio"] if gain else None
    return {
        "n": len(pairs),
        "before": {key: median("before", key) for key in FIGURES},
        "after": {key: median("after", key) for key in FIGURES},
        "speed_ratio": ratio,
        "speed_ratio_range": [min(ratios), max(ratios)],
        "foretold": gain,
        # Of no gain there is no share.
        "share_of_foretold": (ratio - 1) / (estimated - 1) if estimated and estimated > 1 else None,
    }


FIGURES = {
    "tokens_per_s": "tokens/s",
    "first_token_ms": "ms to the first token",
    "late_percent": "% of the scene's frames late",
    "main_wait_ms_per_s": "ms/s that its main thread waited",
}


def table(result: Dict[str, Any]) -> str:
    """The result for people."""
    lines = [f"{'medians, n ' + str(result['n']):36}{'before':>10}{'after':>10}"]
    for key, meaning in FIGURES.items():
        cells = ("-" if value is None else f"{value:.2f}" for value in (result["before"][key], result["after"][key]))
        lines.append(f"{meaning:36}" + "".join(f"{cell:>10}" for cell in cells))
    low, high = result["speed_ratio_range"]
    lines.append(f"tokens/s after over before, by pairs: {result['speed_ratio']:.2f} (median; {low:.2f} to {high:.2f})")
    lengths, gain = result.get("lengths"), result["foretold"]
    if lengths is not None:
        told = f"replies of {lengths['reply_tokens']} tokens behind {lengths['prompt_tokens']}"
        lines.append(f"the estimate and the pairs: {told}, on average")
    if gain is not None:
        interval = "" if gain["interval"] is None else ", 95 % {:.2f} to {:.2f}".format(*gain["interval"])
        lines.append(f"recommend has estimated {gain['speed_ratio']:.2f} (n {gain['n']}{interval})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
