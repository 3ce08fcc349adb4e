"""Brings workly_settings into a Python program that `workly-perf launch` starts.

Python's `site` imports the first `sitecustomize` on its path. This one takes its folder off the path again, waits for
`llama_cpp` to be imported, and hands over to the `sitecustomize` that would have been imported without it.

Any Python may meet this file, since the child processes of an application inherit its environment. So its syntax is that
of every Python from 2.7 on; what it imports needs 3.8.
"""

import os
import sys


def _leave_path(folder):
    """Takes our folder off `sys.path`, which then is what it would be without us."""
    sys.path[:] = [entry for entry in sys.path if not isinstance(entry, str) or os.path.normcase(entry) != folder]


def _start(folder):
    """Installs the hooks. Whatever goes wrong, the program starts."""
    if sys.version_info < (3, 8) or not os.environ.get("WORKLY_PERF_SETTINGS"):
        return
    try:
        sys.path.insert(0, folder)
        try:
            import workly_settings
        finally:
            _leave_path(folder)
        workly_settings.start()
    except Exception as error:
        try:
            kind = type(error).__name__
            sys.stderr.write("workly-perf: the settings are not in force: %s in the shim\n" % kind)
        except Exception:
            pass


def _chain():
    """Imports the next `sitecustomize`, as `site` would have. Its own errors are reported by `site`, as ever."""
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        # Python 2 does not say which module is missing, only in words.
        if getattr(error, "name", None) != "sitecustomize" and str(error) != "No module named sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


def _run():
    here = os.path.normcase(os.path.dirname(os.path.abspath(__file__)))
    _leave_path(here)
    _start(here)
    _chain()


_run()
