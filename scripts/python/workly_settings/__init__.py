"""Puts the settings that workly-perf recommends into force in a program that uses llama-cpp-python.

There are two ways in, with the same code behind them:

- `workly-perf launch` sets PYTHONPATH, and `sitecustomize` calls `start()`. The program is not changed.
- A developer writes `import workly_settings; workly_settings.install()` before `llama_cpp` is imported or soon after.
  A frozen application needs this way, since it does not read PYTHONPATH.

Nothing is read or changed until the program imports `llama_cpp` (or `socket`, for the bridge). The interface, which is the
environment variables and the JSON files, is described in `docs/LAUNCH.md`.

Standard library only, Python 3.8 or later. No error of this package reaches the program: there is one line on stderr, and
the program runs as it would without it.
"""

from __future__ import annotations

import os
import sys

VERSION = "1.0"
"""Version of the interface: of the settings file, the events and the measured calls."""

SETTINGS_VARIABLE = "WORKLY_PERF_SETTINGS"
"""Names the settings file that `launch` has written. `off` turns everything off, `install()` included."""

OFF = "off"

__all__ = ["SETTINGS_VARIABLE", "VERSION", "install", "start"]


def start() -> None:
    """Waits for `llama_cpp` and `socket`, with the settings file that the environment names. Called by `sitecustomize`."""
    path = os.environ.get(SETTINGS_VARIABLE, "")
    if not path or path == OFF:
        return
    from . import log

    log.loaded()
    _wait(path, None, watches_sockets=True)


def install(config: str | None = None, *, nice: int | None = None, nodelay: bool = False) -> None:
    """Puts the `performance` section of Workly's configuration into force; for the developer of an application.

    `config` is the path of `config.json`; without it, `data/config.json` in the working directory or beside the program.
    `nice` lowers the threads of llama.cpp to that nice value. `nodelay` sets TCP_NODELAY on connections to the bridge.
    Where `launch` started the program, the settings of `launch` stay in force and this call does nothing.
    """
    try:
        if os.environ.get(SETTINGS_VARIABLE):
            start()
            return
        _wait(None, {"config": config, "nice": nice, "nodelay": nodelay}, watches_sockets=bool(nodelay))
    except Exception as error:
        from . import log

        log.failed("the settings are not in force", error)


def _wait(path: str | None, options: dict[str, object] | None, *, watches_sockets: bool) -> None:
    """Watches the imports that matter. A second call does nothing."""
    from . import hook

    def settings() -> object:
        from . import document

        return document.current(path, options)

    def on_llama_cpp(module: object) -> None:
        from . import engine

        engine.attach(module, settings())

    def on_socket(module: object) -> None:
        from . import bridge

        bridge.attach(module, settings())

    actions = {"llama_cpp": on_llama_cpp}
    if watches_sockets:
        actions["socket"] = on_socket
    hook.watch(actions, sys.modules)
