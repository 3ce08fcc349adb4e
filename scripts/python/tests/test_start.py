"""How the shim comes into a program, and that it leaves no trace where it does nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import unittest

from tests.support import APPLICATION, BALANCED, DOUBLES, IS_REAL, PYTHON, SHIM, ShimTest

NEXT = "import sys\nsys.stderr.write('the other sitecustomize ran\\n')\nvalue = 7\n"


class Start(ShimTest):
    """PYTHONPATH, other customisations, and ways of starting Python."""

    def test_a_sitecustomize_further_on_the_path_runs_and_is_the_one_that_programs_see(self) -> None:
        other = os.path.dirname(self.write("other/sitecustomize.py", NEXT))
        program = "import sitecustomize\n" + APPLICATION + "print(sitecustomize.value)"
        ran = self.python(program, self.model, json.dumps(BALANCED), settings=self.settings({"n_threads": 1}), path=[other])
        self.assertEqual(ran.printed(), 7)
        self.assertEqual(ran.stderr.count("the other sitecustomize ran"), 1)
        self.assertEqual(len(ran.said), 1)

    def test_a_sitecustomize_that_fails_is_reported_as_ever(self) -> None:
        for text in ("raise RuntimeError('mine')", "import absent_module", "syntax error"):
            other = os.path.dirname(self.write("other/sitecustomize.py", text))
            plain = self.python("print(1)", path=[other], PYTHONPATH=other)
            ran = self.python("print(1)", settings=self.settings({"n_threads": 1}), path=[other])
            self.assertEqual((ran.code, ran.printed(), ran.stderr), (plain.code, 1, plain.stderr))
            self.assertIn("sitecustomize", ran.stderr)

    def test_a_usercustomize_still_runs(self) -> None:
        where = "import site\nprint('\"' + site.getusersitepackages() + '\"')"
        base = os.path.join(self.folder, "base")
        folder = self.python(where, PYTHONUSERBASE=base).printed()
        self.write(os.path.join(folder, "usercustomize.py"), "import sys\nsys.stderr.write('usercustomize ran\\n')\n")
        plain = self.python("print(1)", PYTHONUSERBASE=base)
        ran = self.application(self.settings({"n_threads": 1}), PYTHONUSERBASE=base)
        self.assertEqual(ran.printed()["n_threads"], 1)
        self.assertEqual(ran.stderr.count("usercustomize ran"), plain.stderr.count("usercustomize ran"))
        if sys.prefix == sys.base_prefix and not IS_REAL:
            self.assertEqual(plain.stderr.count("usercustomize ran"), 1)

    def test_the_path_of_the_program_is_as_without_the_shim(self) -> None:
        program = "import json, sys\nprint(json.dumps(sys.path))"
        plain = self.python(program, PYTHONPATH=DOUBLES)
        ran = self.python(program, settings=self.settings({"n_threads": 1}), PYTHONPATH=os.pathsep.join((SHIM, DOUBLES)))
        self.assertEqual(ran.printed(), plain.printed())

    def test_nothing_heavy_is_imported_at_start(self) -> None:
        program = "import json, sys\nprint(json.dumps(sorted(sys.modules)))"
        plain = set(self.python(program).printed())
        added = set(self.python(program, settings=self.settings({"n_threads": 1})).printed()) - plain
        self.assertEqual(added - {"__future__"}, {"workly_settings", "workly_settings.log", "workly_settings.hook"})

    def test_flags_that_ignore_the_environment_leave_the_application_as_it_is(self) -> None:
        program = f"import sys\nsys.path.insert(0, {DOUBLES!r})\n" + APPLICATION
        own = self.own()
        for flags in (["-I"], ["-E"], ["-S"]):
            if IS_REAL and flags == ["-S"]:
                # The environment's packages are not found either.
                continue
            with self.subTest(flags):
                ran = self.python(program, self.model, json.dumps(BALANCED), settings=self.settings({"n_threads": 1}), flags=flags)
                self.assertEqual((ran.printed(), ran.said, self.events()), (own, [], []))

    def test_a_safe_path_does_not_keep_the_shim_out(self) -> None:
        ran = self.application(self.settings({"n_threads": 1}), PYTHONSAFEPATH="1")
        self.assertEqual(ran.printed()["n_threads"], 1)
        if sys.version_info >= (3, 11):
            ran = self.application(self.settings({"n_threads": 1}), flags=["-P"])
            self.assertEqual(ran.printed()["n_threads"], 1)

    def test_without_the_variable_nothing_is_installed(self) -> None:
        program = "import json, sys\nprint(json.dumps([str(one) for one in sys.meta_path]))"
        for value in (None, "", "off"):
            ran = self.python(program, settings=value)
            self.assertNotIn("workly", ran.stdout + ran.stderr)

    def test_loaded_is_noted_at_once_and_nothing_is_said(self) -> None:
        ran = self.python("import os\nprint(os.getpid())", settings=self.settings({"n_threads": 1}))
        (event,) = self.events()
        self.assertEqual((event["event"], event["pid"], ran.said), ("loaded", ran.printed(), []))

    def test_child_processes_get_the_settings_too(self) -> None:
        program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {APPLICATION!r}, *sys.argv[1:]], check=True)"
        ran = self.python(program, self.model, json.dumps(BALANCED), settings=self.settings({"n_threads": 1}))
        self.assertEqual(ran.printed()["n_threads"], 1)

    def test_multiprocessing_gets_the_settings_too(self) -> None:
        program = """
import json, multiprocessing, sys
def work(path):
    import llama_cpp
    llama = llama_cpp.Llama(path, n_threads=6, verbose=False)
    return llama_cpp.llama_n_threads(llama.ctx)
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(json.dumps(pool.map(work, [sys.argv[1]])))
"""
        script = self.write("main program.py", program)
        environment = self.environment(self.settings({"n_threads": 1}))
        command = [PYTHON, script, self.model]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
        self.assertEqual(done.stdout.split(), [b"[1]"], done.stderr)


class Places(ShimTest):
    """Where the shim lies and what it may write."""

    def copied(self, name: str) -> str:
        place = os.path.join(self.folder, name)
        shutil.copytree(SHIM, place, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        return place

    def from_place(self, place: str, **more: str) -> dict:
        path = os.pathsep.join([place] + ([] if IS_REAL else [DOUBLES]))
        return self.application(self.settings({"n_threads": 1}), PYTHONPATH=path, **more).printed()

    def test_folders_with_spaces_and_other_letters_work(self) -> None:
        self.assertEqual(self.from_place(self.copied("mes réglages 设置"))["n_threads"], 1)

    def test_a_folder_without_write_access_works(self) -> None:
        place = self.copied("read only")
        for root, _, _ in os.walk(place):
            os.chmod(root, stat.S_IRUSR | stat.S_IXUSR)
            self.addCleanup(os.chmod, root, stat.S_IRWXU)
        self.assertEqual(self.from_place(place, PYTHONDONTWRITEBYTECODE="")["n_threads"], 1)

    def test_events_that_cannot_be_written_are_no_error(self) -> None:
        for path in (self.folder, os.path.join(self.folder, "absent", "events.jsonl"), "/dev/full"):
            ran = self.application(self.settings({"n_threads": 1}), WORKLY_PERF_EVENTS=path)
            self.assertEqual((ran.code, ran.printed()["n_threads"]), (0, 1), ran.stderr)

    def test_a_shim_that_is_half_there_says_one_line(self) -> None:
        own = self.own()
        for name in ("hook.py", "log.py", "__init__.py", "engine.py", "document.py"):
            place = self.copied("half " + name)
            with open(os.path.join(place, "workly_settings", name), "w", encoding="utf-8") as file:
                file.write("raise RuntimeError('half written')\n")
            path = os.pathsep.join([place] + ([] if IS_REAL else [DOUBLES]))
            # Both modules that are watched, as in the application.
            program = "import socket\n" + APPLICATION
            settings = self.settings({"n_threads": 1})
            ran = self.python(program, self.model, json.dumps(BALANCED), settings=settings, PYTHONPATH=path)
            self.assertEqual((ran.code, ran.printed(), len(ran.said)), (0, own, 1), ran.stderr)

    def test_a_python_that_is_too_old_runs_as_without_the_shim(self) -> None:
        if IS_REAL:
            self.skipTest("one Python is enough")
        tried = 0
        for name in ("2.7", "3.6", "3.7"):
            candidates = [shutil.which("python" + name)] + _under_pyenv(name)
            for executable in filter(None, candidates):
                plain = subprocess.run([executable, "-c", "print(1)"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
                if plain.returncode == 0:
                    tried += 1
                    ran = self.python("print(1)", settings=self.settings({"n_threads": 1}), executable=executable)
                    self.assertEqual((ran.printed(), ran.stderr), (1, ""))
        if not tried:
            self.skipTest("no Python before 3.8 is here")


def _under_pyenv(version: str) -> list:
    root = os.path.join(os.path.expanduser("~"), ".pyenv", "versions")
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return [os.path.join(root, name, "bin", "python") for name in names if name.startswith(version)]


if __name__ == "__main__":
    unittest.main()
