"""Wraps `llama_cpp.Llama`: the recommended arguments in place of those that the application passes.

The class stays the same object, so that it makes no difference how the application has imported it. Where llama.cpp
refuses the arguments, the application's own are used, and from then on this module changes nothing.
"""

from __future__ import annotations

import functools
import gc
from typing import Any, Callable, Dict, Optional, Tuple

from . import in_force, log, measure, priority
from .arguments import Plan, Planner, note_construction
from .document import Settings

_MARK = "_workly_perf"


class Engine:
    """What is in force for one `Llama` class."""

    def __init__(self, module: Any, original: Callable[..., None], settings: Settings) -> None:
        self.module = module
        self.original = original
        self.planner = Planner(original, str(getattr(module, "__version__", "of unknown version")), settings)
        self.is_off = False

    def construct(self, instance: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        """Runs the constructor with the planned arguments, and once more with its own if that fails."""
        plan = self._plan(instance, args, kwargs)
        if plan is None or not plan.changes:
            self.original(instance, *args, **kwargs)
        else:
            before = dict(instance.__dict__)
            failure = self._try(instance, plan)
            if failure is not None:
                self._give_up(instance, before, failure)
                plan = None
                self.original(instance, *args, **kwargs)
        self._note(plan, instance, args, kwargs)

    def _plan(self, instance: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Plan]:
        if self.is_off:
            return None
        try:
            return self.planner.plan(instance, args, kwargs)
        except Exception as error:
            self._fail(error)
            return None

    def _try(self, instance: Any, plan: Plan) -> Optional[str]:
        """Constructs as planned. Returns what went wrong in words: the error itself would keep memory from being freed."""
        try:
            self.original(instance, *plan.args, **plan.kwargs)
        except Exception as error:
            return log.describe(error)
        return None

    def _give_up(self, instance: Any, before: Dict[str, Any], failure: str) -> None:
        """Turns the settings off, and frees what the failed construction holds."""
        self.is_off = True
        log.say(f"llama.cpp refused the recommended settings ({failure}): the application's own are used from now on")
        log.event("off", {"reason": failure})
        try:
            stack = instance.__dict__.get("_stack")
            if stack is not None:
                stack.close()
        except Exception as error:
            log.failed("the failed construction could not be undone", error)
        instance.__dict__.clear()
        instance.__dict__.update(before)
        gc.collect()

    def _note(self, plan: Optional[Plan], instance: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        """Says what has changed, after it has."""
        try:
            changes = plan.changes if plan is not None else []
            if plan is not None:
                note_construction(self.planner, plan, instance, args, kwargs)
                for text in [str(change) for change in changes] + plan.notes:
                    log.say(text)
            fields: Dict[str, Any] = {
                "changes": {one.name: {"before": plain(one.before), "after": one.after} for one in changes},
                "notes": plan.notes if plan is not None else [],
                "off": self.is_off,
                "in_force": in_force.read(self.module, instance),
            }
            log.event("constructed", fields)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.is_off = True
        log.failed("the settings are not in force from now on", error)


def plain(value: Any) -> Any:
    """A value that JSON has, or its type's name."""
    return value if value is None or isinstance(value, (bool, int, float)) else type(value).__name__


def attach(module: Any, settings: Settings) -> None:
    """Wraps the `Llama` of a module that has been imported. A second time does nothing."""
    cls = getattr(module, "Llama", None)
    if not isinstance(cls, type):
        log.say("this llama_cpp has no class Llama: it runs as it would by itself")
        return
    if getattr(cls.__init__, _MARK, False):
        return
    original = cls.__init__
    if settings.arguments or settings.measure:
        engine = Engine(module, original, settings)

        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            engine.construct(self, args, kwargs)

        setattr(__init__, _MARK, True)
        cls.__init__ = __init__
    # The priority must be in force before a call is measured, so its wrapper is the inner one.
    for part, wraps in (("the priority", priority.attach), ("the measurement", measure.attach)):
        try:
            wraps(cls, module, settings)
        except Exception as error:
            log.failed(f"{part} is not in force", error)
