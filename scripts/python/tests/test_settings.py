"""Sections and files that cannot be used: the application runs as it would by itself, and one line says so."""

from __future__ import annotations

import json
import os
import unittest

from tests.support import APPLICATION, BALANCED, SHIM, ShimTest

TOO_LARGE = 10**6

BROKEN_SECTIONS = {
    "a list": [],
    "a number": 7,
    "text": "n_threads=1",
    "true": True,
    "threads as text": {"n_threads": "1"},
    "threads in words": {"n_threads": "one"},
    "threads true": {"n_threads": True},
    "no threads": {"n_threads": 0},
    "negative threads": {"n_threads": -1},
    "half a thread": {"n_threads": 1.5},
    "more threads than CPUs": {"n_threads": TOO_LARGE},
    "threads in a list": {"n_threads": [1]},
    "threads in an object": {"n_threads": {"value": 1}},
    "prompt threads as text": {"n_threads_batch": "all"},
    "no context": {"n_ctx": 0},
    "a context of one token": {"n_ctx": 1},
    "a negative context": {"n_ctx": -2048},
    "a context that no memory holds": {"n_ctx": 10**12},
    "a context as text": {"n_ctx": "4096"},
    "no batch": {"n_batch": 0},
    "a batch beyond reason": {"n_batch": TOO_LARGE},
    "a micro-batch as text": {"n_ubatch": "128"},
    "layers in words": {"n_gpu_layers": "all"},
    "negative layers": {"n_gpu_layers": -2},
    "layers beyond reason": {"n_gpu_layers": TOO_LARGE},
    "flash attention as any text": {"flash_attn": "yes"},
    "flash attention auto": {"flash_attn": "auto"},
    "flash attention as a number": {"flash_attn": 1},
    "a cache of an unknown type": {"kv_type": "q9_9"},
    "a cache type as a number": {"kv_type": 8},
    "mlock as text": {"use_mlock": "true"},
    "mmap as a number": {"use_mmap": 0},
    "a key with a typing error": {"n_thread": 1},
    "threads beyond any number": {"n_threads": 10**400},
}

BROKEN_FILES = {
    "empty": b"",
    "cut off": b'{"schema": "1.0", "performance": {"n_thre',
    "no JSON": b"n_threads: 1",
    "a list": b"[1, 2]",
    "null": b"null",
    "not UTF-8": b'{"schema": "1.0", "performance": {"n_threads\xff": 1}}',
    "deeply nested": b'{"schema": "1.0", "performance": ' + b"[" * 200_000,
    "without a schema": b'{"performance": {"n_threads": 1}}',
    "of a newer schema": b'{"schema": "2.0", "performance": {"n_threads": 1}}',
    "of a schema that is a number": b'{"schema": 1.0, "performance": {"n_threads": 1}}',
    "with a number of 5000 digits": b'{"schema": "1.0", "performance": {"n_threads": ' + b"9" * 5000 + b"}}",
    "with an infinite number": b'{"schema": "1.0", "performance": {"n_threads": Infinity}}',
    "with NaN": b'{"schema": "1.0", "performance": {"n_threads": NaN}}',
    "too long": b'{"schema": "1.0"' + b" " * (5 << 20) + b"}",
}

BROKEN_PARTS = {
    "priority": [[], "low", {"scope": "all"}, {"scope": "llama", "nice": -5}, {"scope": "process", "policy": "fifo"}],
    "bridge": [[], 5555, {"port": 0}, {"tap_port": "5556"}, {"nodelay": 1}],
    "limits": [[], 4096, {"n_ctx_min": "all"}, {"n_ctx_max": -1}],
    "measure": [[], 1, True],
    "model_file": [[], 1],
    "disabled": [{}, "n_threads"],
    "evidence": [[], "measured"],
}


class BrokenSettings(ShimTest):
    """Nothing of these is in force, and nothing of the application is lost."""

    def test_as_many_kinds_are_tried_as_the_documentation_says(self) -> None:
        parts = sum(len(values) for values in BROKEN_PARTS.values())
        # docs/LAUNCH.md, under Checks.
        self.assertEqual((len(BROKEN_SECTIONS), len(BROKEN_FILES), parts), (34, 14, 23))

    def test_each_broken_section_leaves_the_application_as_it_is(self) -> None:
        own = self.own()
        for name, section in BROKEN_SECTIONS.items():
            with self.subTest(name):
                ran = self.application(self.settings(section))
                self.assertEqual((ran.code, ran.printed()), (0, own), ran.stderr)
                self.assertEqual(len(ran.said), 1, ran.stderr)

    def test_each_broken_file_leaves_the_application_as_it_is(self) -> None:
        own = self.own()
        for name, content in BROKEN_FILES.items():
            with self.subTest(name):
                ran = self.application(self.write("settings.json", content))
                self.assertEqual((ran.code, ran.printed()), (0, own), ran.stderr)
                self.assertEqual(len(ran.said), 1, ran.stderr)

    def test_a_path_that_is_no_file_leaves_the_application_as_it_is(self) -> None:
        own = self.own()
        paths = [os.path.join(self.folder, "absent.json"), self.folder]
        if hasattr(os, "mkfifo"):
            os.mkfifo(os.path.join(self.folder, "pipe"))
            paths += [os.path.join(self.folder, "pipe"), "/dev/zero"]
        for path in paths:
            with self.subTest(path):
                ran = self.application(path)
                self.assertEqual((ran.code, ran.printed()), (0, own), ran.stderr)
                self.assertEqual(len(ran.said), 1, ran.stderr)

    def test_a_broken_part_leaves_the_other_parts_in_force(self) -> None:
        own = self.own()
        for part, values in BROKEN_PARTS.items():
            for value in values:
                with self.subTest(part=part, value=value):
                    ran = self.application(self.settings({"n_threads": 1}, **{part: value}))
                    self.assertEqual(ran.printed(), {**own, "n_threads": 1}, ran.stderr)
                    self.assertIn(part, ran.said[0])

    def test_a_broken_value_leaves_the_other_values_in_force(self) -> None:
        ran = self.application(self.settings({"n_threads": "one", "n_batch": 128}))
        self.assertEqual(ran.printed()["n_batch"], 128)
        self.assertIn('n_threads is "one", not a whole number', ran.said[0])

    def test_whole_numbers_with_a_decimal_point_count(self) -> None:
        ran = self.application(self.write("settings.json", '{"schema": "1.7", "performance": {"n_threads": 1.0}}'))
        self.assertEqual(ran.printed()["n_threads"], 1)

    def test_values_that_name_nothing_change_nothing(self) -> None:
        ran = self.application(self.settings({"n_threads": None, "gpu_profile": "balanced", "warm_start": True}))
        self.assertEqual((ran.printed(), ran.said), (self.own(), []))

    def test_a_value_from_the_file_does_not_reach_the_terminal_as_several_lines(self) -> None:
        ran = self.application(self.settings({"n_threads": "1\nworkly-perf: all is well\u001b[2J"}))
        self.assertEqual(len(ran.said), 1)
        self.assertNotIn("\u001b", ran.stderr)


class Config(ShimTest):
    """`install()` reads what `apply` has written into Workly's configuration."""

    PROGRAM = "import sys; sys.path.insert(0, sys.argv[3]); import workly_settings; workly_settings.install()\n"

    def installed(self, config: object, program: str = PROGRAM) -> object:
        self.write("data/config.json", config)
        return self.python(program + APPLICATION, self.model, json.dumps(BALANCED), SHIM)

    def test_the_section_of_apply_is_in_force(self) -> None:
        provenance = {"run": "20261125T030000Z-recommend-1b50", "basis": {"n_threads": "measured"}}
        ran = self.installed({"ai": {}, "performance": {"n_threads": 1, "flash_attn": "off", "provenance": provenance}})
        self.assertEqual(ran.printed()["n_threads"], 1)
        self.assertEqual(ran.said, ["workly-perf: n_threads 6 → 1 (measured, run 20261125T030000Z-recommend-1b50)"])

    def test_a_configuration_without_the_section_changes_nothing(self) -> None:
        ran = self.installed({"ai": {}})
        self.assertEqual((ran.printed(), len(ran.said)), (self.own(), 1))

    def test_a_missing_configuration_changes_nothing(self) -> None:
        program = self.PROGRAM.replace("install()", "install(config='nowhere/config.json')")
        ran = self.installed({}, program)
        self.assertEqual((ran.printed(), len(ran.said)), (self.own(), 1))

    def test_a_frozen_application_reads_the_configuration_beside_its_program(self) -> None:
        self.write("frozen app/data/config.json", {"performance": {"n_threads": 1}})
        elsewhere = os.path.dirname(self.write("elsewhere/file", ""))
        program = "import sys; sys.frozen, sys.executable = True, sys.argv[4]\n" + self.PROGRAM + APPLICATION
        executable = os.path.join(self.folder, "frozen app", "Workly.exe")
        ran = self.python(program, self.model, json.dumps(BALANCED), SHIM, executable, cwd=elsewhere)
        self.assertEqual((ran.printed()["n_threads"], len(ran.said)), (1, 1), ran.stderr)

    def test_install_after_the_import_is_in_force_too(self) -> None:
        ran = self.installed({"performance": {"n_threads": 1}}, "import llama_cpp\n" + self.PROGRAM)
        self.assertEqual(ran.printed()["n_threads"], 1)

    def test_install_twice_changes_once(self) -> None:
        ran = self.installed({"performance": {"n_threads": 1}}, self.PROGRAM + "workly_settings.install()\n")
        self.assertEqual((ran.printed()["n_threads"], len(ran.said)), (1, 1))

    def test_arguments_of_install_that_make_no_sense_change_nothing(self) -> None:
        program = self.PROGRAM.replace("install()", "install(config=object(), nice='low')")
        ran = self.installed({"performance": {"n_threads": 1}}, program)
        self.assertEqual((ran.printed(), len(ran.said)), (self.own(), 1))

    def test_settings_of_launch_win_over_the_configuration(self) -> None:
        self.write("data/config.json", {"performance": {"n_batch": 64}})
        settings = self.settings({"n_threads": 1})
        ran = self.python(self.PROGRAM + APPLICATION, self.model, json.dumps(BALANCED), SHIM, settings=settings)
        self.assertEqual((ran.printed()["n_threads"], ran.printed()["n_batch"]), (1, 256))


if __name__ == "__main__":
    unittest.main()
