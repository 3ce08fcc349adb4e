"""Priorities on Linux: of the process, or of the threads that compute."""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any

from tests.support import SHIM, ShimTest

HEAD = """
import json, os, sys, threading
import llama_cpp
llama = llama_cpp.Llama(sys.argv[1], n_threads=2, n_ctx=512, n_batch=64, verbose=False)
def nice(thread=0):
    return os.getpriority(os.PRIO_PROCESS, thread)
def inside():
    llama("hello", max_tokens=2)
    found["caller"] = nice(threading.get_native_id())
    found["policy"] = os.sched_getscheduler(threading.get_native_id())
    child = threading.Thread(target=lambda: found.update(started=nice(threading.get_native_id())))
    child.start()
    child.join()
found = {}
"""
ON_A_THREAD = """
worker = threading.Thread(target=inside)
worker.start()
worker.join()
found["main"] = nice(os.getpid())
print(json.dumps(found))
"""


@unittest.skipUnless(sys.platform.startswith("linux"), "threads have a priority of their own on Linux")
class Priorities(ShimTest):
    """Nice values read back from the system."""

    def run_with(self, priority: Any, body: str, flags: str = "") -> Any:
        self.ran = self.python(flags + HEAD + body, self.model, settings=self.settings(priority=priority))
        self.assertEqual(self.ran.code, 0, self.ran.stderr)
        return self.ran.printed()

    def setUp(self) -> None:
        super().setUp()
        self.base = os.getpriority(os.PRIO_PROCESS, 0)
        if self.base > 5:
            self.skipTest("these tests run at a low priority already")

    def test_only_threads_that_compute_are_lowered(self) -> None:
        found = self.run_with({"scope": "llama", "nice": 10}, ON_A_THREAD)
        self.assertEqual((found["caller"], found["started"], found["main"]), (10, 10, self.base))
        self.assertEqual(len(self.ran.said), 1)

    def test_fresh_threads_are_lowered_each(self) -> None:
        body = """
nices = []
for _ in range(4):
    worker = threading.Thread(target=lambda: (inside(), nices.append(found["caller"])))
    worker.start()
    worker.join()
print(json.dumps(nices))
"""
        self.assertEqual(self.run_with({"scope": "llama", "nice": 7}, body), [7] * 4)

    def test_the_main_thread_is_not_lowered_alone(self) -> None:
        found = self.run_with({"scope": "llama", "nice": 10}, "inside()\nprint(json.dumps(found))")
        self.assertEqual(found["caller"], self.base)
        self.assertIn("main thread", self.ran.said[0])

    def test_nothing_is_raised(self) -> None:
        found = self.run_with({"scope": "llama", "nice": 6}, ON_A_THREAD, "import os\nos.nice(%d)\n" % (12 - self.base))
        self.assertEqual((found["caller"], found["main"]), (12, 12))

    def test_the_whole_process_is_lowered(self) -> None:
        found = self.run_with({"scope": "process", "nice": 9}, ON_A_THREAD)
        self.assertEqual((found["caller"], found["started"], found["main"]), (9, 9, 9))

    def test_the_idle_class_is_for_threads_that_compute(self) -> None:
        found = self.run_with({"scope": "llama", "policy": "idle"}, ON_A_THREAD)
        self.assertEqual((found["policy"], found["main"]), (os.SCHED_IDLE, self.base))

    def test_install_lowers_by_nice(self) -> None:
        self.write("data/config.json", {"performance": {}})
        start = f"import sys\nsys.path.insert(0, {SHIM!r})\nimport workly_settings\nworkly_settings.install(nice=8)\n"
        ran = self.python(start + HEAD + ON_A_THREAD, self.model)
        self.assertEqual((ran.printed()["caller"], ran.printed()["main"]), (8, self.base), json.dumps(ran.said))


if __name__ == "__main__":
    unittest.main()
