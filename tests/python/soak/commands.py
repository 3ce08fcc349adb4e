"""The commands to disturb, and their environment."""

import dataclasses
import hashlib
import json
import os
import subprocess

CONFIG = """{
    "unity": {"host": "127.0.0.1"},
    "ai": {
        "gpu_profile": "performance",
        "system_prompt": "Tu es Kira \\u2728 é",
        "top_p": 0.9
    }
}
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line. `OUT`, `BRIDGE`, `SLEEPER`, `OLD`, `NEW`, `SESSION` and `ADVICE` are replaced in each round."""

    name: str
    line: str
    # Whether it writes a record to OUT.
    records: bool = True
    # Duration of the relevant part, in seconds.
    span_s: float = 2.0
    # State of the record after a handled signal: `interrupted`, or `complete` if that is its normal end.
    ends: str = "interrupted"
    # Whether it runs until stopped.
    endless: bool = False
    # Whether it handles signals; others are killed by them.
    listens: bool = True
    weight: int = 2
    # Whether it has a full-screen view.
    view: bool = False


ALL = [
    Command("ipc", "ipc --bridge embedded --messages 40 --warmup 5 --out OUT --quiet", weight=4),
    Command("ipc-remote", "ipc --bridge BRIDGE --messages 60 --timeout 1s --out OUT --quiet", weight=4),
    Command("ipc-max-rate", "ipc --bridge embedded --find-max-rate --step 200ms --out OUT --quiet", span_s=4),
    Command("ipc-breakdown", "ipc --bridge embedded:dialect=instrumented --breakdown --messages 80 --out OUT --quiet"),
    Command("ipc-variants", "ipc --bridge BRIDGE --batch 5 --rounds 2 --out OUT --quiet", span_s=3),
    Command("ipc-replay", "ipc --bridge BRIDGE --replay SESSION --out OUT --quiet", span_s=1),
    Command("tap", "tap --listen 127.0.0.1:0 --to BRIDGE --out OUT", ends="complete", endless=True),
    Command("threads", "threads --model synth:tiny --sweep 1 --repetitions 2 --prompt-tokens 16 --gen-tokens 8 --out OUT --quiet", span_s=4),
    Command("gpu-profiles", "gpu-profiles --model synth:tiny --threads 1 --layers 0 --repetitions 1 --prompt-tokens 16 --gen-tokens 8 --out OUT --quiet", span_s=4),
    Command("gpu-profiles-project", "gpu-profiles --project --model synth:tiny --vram 6GiB --out OUT --quiet"),
    Command("pipeline", "pipeline --model synth:tiny --bridge BRIDGE --turns 2 --budget 8s --reply-tokens 8 --out OUT --quiet", span_s=6),
    Command("recommend", "recommend --from OLD --model synth:tiny --out OUT --quiet", span_s=1),
    Command("memory", "memory --model synth:tiny --messages 60 --reply-tokens 8 --threads 1 --out OUT --quiet", span_s=4),
    Command("memory-pid", "memory --pid SLEEPER --every 20ms --out OUT", ends="complete", endless=True),
    Command("memory-pid-for", "memory --pid SLEEPER --every 20ms --for 3s --out OUT"),
    Command("warmup", "warmup --model synth:tiny --runs 1 --length-runs 1 --turns 2 --reply-tokens 8 --threads 1 --out OUT --quiet", span_s=5),
    Command("watch", "watch --plain --interval 20ms --csv LOG --out OUT", ends="complete", endless=True, weight=4),
    Command("watch-for", "watch --plain --interval 50ms --for 3s --process SLEEPER --out OUT"),
    Command("watch-view", "watch --interval 50ms --out OUT", ends="complete", endless=True, weight=4, view=True),
    Command("compare", "compare OLD NEW --write junit=VERDICT", records=False, span_s=0.5),
    Command("compare-ab", "compare --ab ARGS_A ARGS_B --pairs 6 --out OUT", records=False, span_s=8),
    Command("report", "report OLD --format html", records=False, span_s=0.3, listens=False),
    Command("apply", "apply ADVICE --config CONFIG --yes", records=False, span_s=0.15, listens=False, weight=4),
    Command("undo", "apply --undo --config CONFIG --yes", records=False, span_s=0.15, listens=False),
    Command("model-synth", "model synth tiny -o MODEL", records=False, span_s=0.6, weight=3),
    Command("doctor", "doctor --model synth:tiny", records=False, span_s=1.0),
]
BY_NAME = {command.name: command for command in ALL}


def pick(rng, name, fault):
    """The command of that name, or a random one that supports `fault`."""
    if name:
        return BY_NAME[name]
    import faults

    fitting = [c for c in ALL if not fault or faults.BY_NAME[fault].fits(c)]
    return rng.choices(fitting, [command.weight for command in fitting])[0]


class World:
    """State shared by all rounds, which none may change: records, a session, a recommendation, the cache of models."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.fixtures = folder / "fixtures"
        self.fixtures.mkdir()
        old, new, advice = (self.fixtures / name for name in ("old", "new", "advice"))
        for out in (old, new):
            self.run(f"ipc --bridge embedded --messages 30 --load closed --quiet --out {out}")
        (self.fixtures / "config.json").write_text(CONFIG)
        self.run("model synth tiny -o", self.fixtures / "tiny.gguf")
        self.run(f"threads --model synth:tiny --sweep 1 --repetitions 1 --prompt-tokens 8 --gen-tokens 4 --quiet --out {self.fixtures / 'threads'}")
        self.run(f"recommend --model synth:tiny --from {old} --quiet --out {advice}")
        self.session = self.fixtures / "session.jsonl"
        self.session.write_text(self.session_text())
        self.applied = self.applied_config(advice)
        self.hashes = self.state()

    def run(self, line, *more):
        command = [self.program, *line.split(), *more]
        done = subprocess.run(command, env=self.env(), cwd=self.folder, capture_output=True, text=True, timeout=300)
        if done.returncode not in (0, 1):
            raise SystemExit(f"error: the rounds cannot be prepared: {line}\n{done.stderr}")

    def env(self, mark=None):
        env = {**os.environ, "WORKLY_PERF_CACHE": str(self.cache), "WORKLY_PERF_NVML": "none", "NO_COLOR": "1", "TERM": "xterm"}
        return {**env, "WORKLY_PERF_SOAK": mark} if mark else env

    def session_text(self):
        head = {"kind": "workly-perf session", "version": 1, "run_id": "soak", "started": "2026-01-02T03:04:05Z", "with_payload": False}
        lines = [head, {"at_ns": 1, "event": "connected", "connection": 1}]
        for at in range(30):
            lines.append({"at_ns": 50_000_000 * at + 2, "event": "message", "connection": 1, "from": "app", "bytes": 90, "framing": "lines", "command": "set_expression"})
        return "".join(json.dumps(line) + "\n" for line in lines)

    def applied_config(self, advice):
        """The configuration after `apply`."""
        config = self.folder / "applied.json"
        config.write_text(CONFIG)
        self.run(f"apply {advice} --yes --config", config)
        if config.read_text() == CONFIG:
            raise SystemExit("error: the recommendation changes nothing: apply cannot be disturbed")
        return config.read_text()

    def state(self):
        files = [*self.fixtures.rglob("*"), *self.cache.glob("*.gguf")]
        return {path: digest(path) for path in files if path.is_file()}

    def damages(self):
        """Changes that a round made to the shared state."""
        now = self.state()
        changed = [path for path, was in self.hashes.items() if now.get(path) != was]
        new = [path for path in now if path not in self.hashes]
        return [f"{path.relative_to(self.folder)} was changed" for path in changed] + [
            f"{path.relative_to(self.folder)} was added" for path in new
        ]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
