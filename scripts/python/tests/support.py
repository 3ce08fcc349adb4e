"""Runs programs under the shim, each in a Python of its own, as `launch` starts them.

By default they meet the double of llama-cpp-python. With SHIM_TEST_PYTHON and SHIM_TEST_MODEL, which `scripts/test-launch`
sets, they meet the real one and a real model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from typing import Any, Dict, List, Optional

SHIM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOUBLES = os.path.join(SHIM, "tests", "doubles")
PYTHON = os.environ.get("SHIM_TEST_PYTHON") or sys.executable
MODEL = os.environ.get("SHIM_TEST_MODEL", "")
IS_REAL = bool(MODEL)

APPLICATION = """
import json, sys
import llama_cpp
arguments = json.loads(sys.argv[2])
llama = llama_cpp.Llama(model_path=sys.argv[1], verbose=False, **arguments)
names = ("n_threads", "n_threads_batch", "n_ctx", "n_batch", "n_ubatch")
print(json.dumps({name: getattr(llama_cpp, "llama_" + name)(llama.ctx) for name in names}))
"""
"""Builds a `Llama` as the application does, and prints what llama.cpp says it runs with."""

BALANCED = {"n_gpu_layers": 35, "n_ctx": 2048, "n_batch": 256, "n_threads": 6, "use_mlock": False}
"""What the application passes in its profile `balanced`."""


class Ran:
    """What a program has left."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.said = [line for line in stderr.splitlines() if line.startswith("workly-perf: ")]

    def printed(self) -> Any:
        """The JSON that it has printed last."""
        lines = self.stdout.strip().splitlines()
        if not lines:
            raise AssertionError(f"nothing was printed (exit code {self.code}): {self.stderr}")
        return json.loads(lines[-1])


class ShimTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory(prefix="workly shim ")
        self.addCleanup(held.cleanup)
        self.folder = held.name
        self.model = MODEL or self.write("model.gguf", "no model")
        self.events_path = os.path.join(self.folder, "events.jsonl")

    def write(self, name: str, content: Any) -> str:
        """Writes a file: text and bytes as they are, anything else as JSON."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def settings(self, performance: Any = None, **parts: Any) -> str:
        """A settings file as `launch` writes it."""
        root: Dict[str, Any] = {"schema": "1.0", **parts}
        if performance is not None:
            root["performance"] = performance
        return self.write("settings.json", root)

    def environment(self, settings: Optional[str], path: Optional[List[str]] = None, **more: str) -> Dict[str, str]:
        """The environment that `launch` gives its child."""
        kept = ("PATH", "HOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "PYENV_VERSION")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        folders = [SHIM] + (path or []) + ([] if IS_REAL else [DOUBLES])
        environment.update(PYTHONPATH=os.pathsep.join(folders), WORKLY_PERF_EVENTS=self.events_path)
        environment.update(PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
        if IS_REAL:
            # Threads that spin while they wait would take minutes on a machine that others fill too.
            environment["OMP_WAIT_POLICY"] = "passive"
        if settings is not None:
            environment["WORKLY_PERF_SETTINGS"] = settings
        environment.update(more)
        return environment

    def python(self, code: str, *arguments: str, settings: Optional[str] = None, **options: Any) -> Ran:
        """Runs a program. `flags` go to Python, `cwd` is its folder, `path` is added to PYTHONPATH, the rest is environment."""
        flags, cwd = options.pop("flags", []), options.pop("cwd", self.folder)
        executable = options.pop("executable", PYTHON)
        environment = self.environment(settings, **options)
        command = [executable, *flags, "-c", code, *arguments]
        done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, timeout=300, check=False)
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def application(self, settings: Optional[str], arguments: Optional[Dict[str, Any]] = None, **options: Any) -> Ran:
        """Runs the program that builds a `Llama` as the application does."""
        given = json.dumps(BALANCED if arguments is None else arguments)
        return self.python(APPLICATION, self.model, given, settings=settings, **options)

    def own(self, arguments: Optional[Dict[str, Any]] = None, **options: Any) -> Dict[str, int]:
        """What the application runs with when nothing is in force."""
        return self.application(None, arguments, **options).printed()

    def events(self, kind: Optional[str] = None) -> List[Dict[str, Any]]:
        """The events so far, all or those of a kind."""
        return [one for one in self.lines(self.events_path) if kind is None or one["event"] == kind]

    def lines(self, path: str) -> List[Dict[str, Any]]:
        """The objects of a file of JSON lines; none if there is no such file."""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]
