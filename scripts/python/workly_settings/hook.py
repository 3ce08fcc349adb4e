"""Calls back when a module has been imported, without changing how it is found or loaded.

The module's own loader runs it; its `exec_module` is wrapped on that one loader object and unwrapped afterwards, so that
`__spec__` and `__loader__` are what they would be without us.
"""

from __future__ import annotations

import sys

from . import log

# Annotations only: importing typing at every start of Python would be paid by each of them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Action = Callable[[ModuleType], None]


class ImportHook:
    """A finder on `sys.meta_path` that finds nothing itself."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Asks the other finders for a watched module, and has its loader call back."""
        action = self.actions.get(name)
        if action is None:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _call_after_loading(spec, action)
                return spec
        return None


def _call_after_loading(spec: ModuleSpec, action: Action) -> None:
    loader = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        log.say(f"{spec.name} is loaded in a way that cannot be watched: it runs as it would by itself")
        return

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        execute(module)
        _run(action, module)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        log.say(f"{spec.name} is loaded in a way that cannot be watched: it runs as it would by itself")


def _run(action: Action, module: ModuleType) -> None:
    try:
        action(module)
    except Exception as error:
        # The same fault of the shim shows at each module that is watched, and is one line.
        log.failed(f"{module.__name__} runs as it would by itself", error, said="settings are not in force, or not all of them")


_hook = ImportHook()


def watch(actions: dict[str, Action], modules: dict[str, ModuleType]) -> None:
    """Calls an action for each module that is imported from now on, or at once for those that are there already."""
    fresh = {name: action for name, action in actions.items() if name not in _hook.actions}
    _hook.actions.update(fresh)
    if not any(finder is _hook for finder in sys.meta_path):
        sys.meta_path.insert(0, _hook)
    for name, action in fresh.items():
        module = modules.get(name)
        if module is not None:
            _run(action, module)
