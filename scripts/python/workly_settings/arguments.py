"""Decides which arguments of one `Llama(...)` change, and what is said about those that do not."""

from __future__ import annotations

import inspect
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import model_file
from .document import Settings

_FULL_PRECISION = (0, 1, 30)
"""f32, f16 and bf16: a cache of any other type is quantised."""

_F16 = 1


class Change(NamedTuple):
    """One argument that gets another value."""

    name: str
    before: Any
    after: Any
    evidence: str

    def __str__(self) -> str:
        before = "(not set)" if self.before is None else self.before
        return f"{self.name} {before} → {self.after} ({self.evidence})"


class Plan(NamedTuple):
    """What happens to one construction."""

    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    changes: List[Change]
    notes: List[str]
    is_ours: bool
    """Whether the settings are meant for this construction."""


class Planner:
    """Plans the constructions of one `Llama` class."""

    def __init__(self, original: Any, version: str, settings: Settings) -> None:
        self.signature = inspect.signature(original)
        self.version = version
        self.settings = settings
        self.first_layers: Optional[int] = None

    def plan(self, instance: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Plan]:
        """The plan for a call with these arguments; `None` where the call is left as it is."""
        wanted = self.settings.arguments
        if not wanted:
            return None
        try:
            bound = self.signature.bind(instance, *args, **kwargs)
        except TypeError:
            # A call that Python refuses anyway. The error is the application's to see.
            return None
        call = _Call(self, bound)
        reason = call.not_ours()
        if reason is not None:
            return Plan(args, kwargs, [], [reason] if reason else [], is_ours=False)
        for name, value in wanted.items():
            call.consider(name, value)
        bound.arguments.update({change.name: change.after for change in call.changes})
        return Plan(bound.args[1:], bound.kwargs, call.changes, call.notes, is_ours=True)


class _Call:
    """The arguments of one call, while each is considered."""

    def __init__(self, planner: Planner, bound: inspect.BoundArguments) -> None:
        self.planner = planner
        self.settings = planner.settings
        self.given = dict(bound.arguments)
        self.changes: List[Change] = []
        self.notes: List[str] = []
        skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        parameters = planner.signature.parameters.values()
        self.defaults = {one.name: one.default for one in parameters if one.kind not in skipped}

    def own(self, name: str) -> Any:
        """What the application has for an argument: what it passes, else the default."""
        default = self.defaults.get(name)
        return self.given.get(name, None if default is inspect.Parameter.empty else default)

    def in_force(self, name: str) -> Any:
        """What the argument will be, by the changes so far."""
        return next((change.after for change in self.changes if change.name == name), self.own(name))

    def not_ours(self) -> Optional[str]:
        """Why the settings are not for this call, or `None`. An empty text: nothing needs to be said."""
        path = self.own("model_path")
        if self.own("vocab_only") or self.own("embedding"):
            return ""
        if not isinstance(path, (str, bytes, os.PathLike)) or not os.path.exists(path):
            return ""
        expected = self.settings.model_file
        found = os.path.basename(os.fsdecode(path))
        if expected is not None and os.path.normcase(found) != os.path.normcase(expected):
            return f"{found} is left as the application has it: the settings are for {expected}"
        return None

    def consider(self, name: str, value: Any) -> None:
        """Changes one argument, or says why not."""
        if name not in self.defaults:
            self.notes.append(f"{name} is no argument of this llama-cpp-python ({self.planner.version}): left out")
            return
        own = self.own(name)
        if _same(name, own, value):
            return
        check = _RULES.get(name)
        reason = check(self, own, value) if check is not None else None
        if reason is None:
            self.changes.append(Change(name, own, value, self.settings.evidence.get(name, "of unknown origin")))
        else:
            self.notes.append(f"{name} stays {own}: {reason}")

    def layers(self, own: Any, value: int) -> Optional[str]:
        """An application that asks for fewer layers than at first is making room, and must get it."""
        asked = _count(own)
        if asked is None:
            return None
        first = self.planner.first_layers
        return None if first is None or asked >= first else "the application has lowered it by itself"

    def context(self, own: Any, value: int) -> Optional[str]:
        """A prompt that does not fit raises an error; a context that memory does not hold ends the process."""
        if not isinstance(own, int) or own <= 0:
            return "the application takes the context of the model"
        floor = min(own, self.settings.limits.get("n_ctx_min", own))
        if value < floor:
            return f"its prompts may need {floor} tokens, more than {value}"
        if value <= own:
            return None
        limit = self.settings.limits.get("n_ctx_max")
        if limit is not None:
            return None if value <= limit else f"{value} is above {limit}, which model and memory allow"
        if _count(self.in_force("n_gpu_layers")) != 0:
            return f"what memory the card has for {value} is not known"
        return model_file.reason_against(os.fsdecode(self.own("model_path")), value, self.in_force("use_mmap"))

    def physical_batch(self, own: Any, value: int) -> Optional[str]:
        """llama-cpp-python clamps it without a word."""
        batch = self.in_force("n_batch")
        return None if not isinstance(batch, int) or value <= batch else f"{value} is above n_batch, which is {batch}"

    def value_cache(self, own: Any, value: int) -> Optional[str]:
        """llama.cpp refuses a quantised V cache without flash attention."""
        needs = value not in _FULL_PRECISION and not self.in_force("flash_attn")
        return "a quantised V cache needs flash attention" if needs else None


_RULES = {
    "n_gpu_layers": _Call.layers,
    "n_ctx": _Call.context,
    "n_ubatch": _Call.physical_batch,
    "type_v": _Call.value_cache,
}


def note_construction(planner: Planner, plan: Plan, instance: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
    """Remembers how many layers the application asked for at first."""
    if plan.is_ours and planner.first_layers is None:
        bound = planner.signature.bind(instance, *args, **kwargs)
        planner.first_layers = _count(_Call(planner, bound).own("n_gpu_layers"))


def _count(layers: Any) -> Optional[int]:
    """A number of layers that can be compared: −1 means all."""
    if not isinstance(layers, int):
        return None
    return 1 << 31 if layers < 0 else layers


def _same(name: str, own: Any, value: Any) -> bool:
    if name in ("type_k", "type_v") and own is None:
        return value == _F16
    if isinstance(value, bool):
        return own is not None and bool(own) == value
    return own == value
