"""Measures each call of a `Llama` where the application makes it: times, tokens and parameters, never a text.

The outermost call counts: `create_chat_completion` calls `create_completion`, which runs `generate`. A stream is measured
while it is consumed; the time that its consumer takes between two tokens is part of `generation_ns`, not of `decode_ns`.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
import time
from typing import Any, Callable, Dict, Generator, Iterator, Optional

from . import in_force, log
from .document import Settings

_ENTRIES = ("create_chat_completion", "create_completion", "__call__", "create_embedding", "embed")
_MOST_CALLS = 100_000
_DOES_NOT_FIT = re.compile(r"Requested tokens \((\d+)\) exceed context window")
_REASONS = ("stop", "length", "tool_calls", "function_call")

_clock = time.perf_counter_ns


class Call:
    """What is known of one call. Times are those of the performance counter, in nanoseconds."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.started_unix_ns = time.time_ns()
        self.started_monotonic_ns = time.monotonic_ns()
        self.started_ns = _clock()
        self.is_stream = False
        self.generations = 0
        self.prompt_tokens: Optional[int] = None
        self.evaluated_tokens = 0
        self.is_reading = False
        self.first_ns: Optional[int] = None
        self.last_ns = 0
        self.tokens = 0
        self.prompt_ns = 0
        self.decode_ns = 0
        self.state = "complete"
        self.error: Optional[str] = None
        self.does_not_fit = False
        self.finish_reason: Optional[str] = None

    def begin_generation(self, tokens: Any) -> None:
        """A prompt is about to be read."""
        self.generations += 1
        self.is_reading = True
        try:
            self.prompt_tokens = (self.prompt_tokens or 0) + len(tokens)
        except TypeError:
            # An iterator, which must not be used up here.
            self.prompt_tokens = None

    def note_token(self, begun_ns: int, ended_ns: int) -> None:
        """llama.cpp has computed a token."""
        if self.is_reading:
            self.is_reading = False
            self.prompt_ns += ended_ns - begun_ns
        else:
            self.decode_ns += ended_ns - begun_ns
        if self.first_ns is None:
            self.first_ns = ended_ns
        self.last_ns = ended_ns
        self.tokens += 1

    def note_error(self, error: BaseException) -> None:
        """A call that fails. Of the message only the number of tokens is kept."""
        self.state = "failed"
        self.error = type(error).__name__
        found = _DOES_NOT_FIT.search(str(error)) if isinstance(error, ValueError) else None
        if found is not None:
            self.does_not_fit = True
            self.prompt_tokens = int(found.group(1))

    def note_result(self, result: Any) -> None:
        """Why a reply or a part of one has ended, if it says so."""
        try:
            reason = result["choices"][0]["finish_reason"]
        except (KeyError, IndexError, TypeError):
            return
        if reason in _REASONS:
            self.finish_reason = reason

    def record(self) -> Dict[str, Any]:
        """The call as it is stored."""
        now = _clock()
        has_tokens = self.first_ns is not None
        generation_ns = self.last_ns - self.first_ns if self.first_ns is not None and self.tokens > 1 else None
        reused = None if self.prompt_tokens is None or not has_tokens else self.prompt_tokens - self.evaluated_tokens
        return {
            "event": "call",
            "schema": "1.0",
            "pid": os.getpid(),
            "thread": threading.get_native_id(),
            "started_unix_ns": self.started_unix_ns,
            "started_monotonic_ns": self.started_monotonic_ns,
            "kind": self.kind.strip("_"),
            "stream": self.is_stream,
            "state": self.state,
            "error": self.error,
            "does_not_fit": self.does_not_fit,
            "finish_reason": self.finish_reason,
            "generations": self.generations,
            "prompt_tokens": self.prompt_tokens,
            "reused_tokens": reused,
            "evaluated_tokens": self.evaluated_tokens if has_tokens else None,
            "first_token_ns": self.first_ns - self.started_ns if self.first_ns is not None else None,
            "prompt_ns": self.prompt_ns if has_tokens else None,
            "tokens": self.tokens,
            "generation_ns": generation_ns,
            "decode_ns": self.decode_ns if generation_ns is not None else None,
            "tokens_per_s": (self.tokens - 1) * 1e9 / generation_ns if generation_ns else None,
            "total_ns": now - self.started_ns,
        }


class Meter:
    """Measures the calls of one `Llama` class."""

    def __init__(self, module: Any, path: str) -> None:
        self.module = module
        self.path = path
        self.is_off = False
        self.calls = 0
        # `call`: the outermost call of this thread. `active`: the call whose token is being computed.
        self.local = threading.local()

    def finish(self, llama: Any, call: Call) -> None:
        """Stores a call. After an error of ours there are no more."""
        if self.is_off:
            return
        try:
            record = call.record()
            record["in_force"] = in_force.read(self.module, llama)
            self.calls += 1
            if not log.append(self.path, json.dumps(record) + "\n"):
                self._stop(f"{self.path} cannot be written")
            elif self.calls >= _MOST_CALLS:
                self._stop(f"{self.calls} calls are stored")
        except Exception as error:
            self._stop(log.describe(error))

    def _stop(self, reason: str) -> None:
        self.is_off = True
        log.say(f"calls are no longer measured: {reason}")
        log.event("measure_off", {"reason": reason})

    def entry(self, original: Callable[..., Any], kind: str) -> Callable[..., Any]:
        """Measures a method from outside, unless it is called by another one that is measured."""

        @functools.wraps(original)
        def measured(llama: Any, *args: Any, **kwargs: Any) -> Any:
            if self.is_off or getattr(self.local, "call", None) is not None:
                return original(llama, *args, **kwargs)
            call = Call(kind)
            self.local.call = call
            try:
                result = original(llama, *args, **kwargs)
            except BaseException as error:
                call.note_error(error)
                self.finish(llama, call)
                raise
            finally:
                self.local.call = None
            if hasattr(result, "__next__"):
                call.is_stream = True
                return self._stream(llama, call, result)
            call.note_result(result)
            self.finish(llama, call)
            return result

        return measured

    def _stream(self, llama: Any, call: Call, inner: Iterator[Any]) -> Generator[Any, None, Any]:
        """Passes a stream on. It may be consumed on another thread than the one that has asked for it."""
        call.state = "closed"
        try:
            while True:
                before = getattr(self.local, "call", None)
                self.local.call = call
                try:
                    chunk = next(inner)
                except StopIteration as stop:
                    call.state = "complete"
                    return stop.value
                except BaseException as error:
                    call.note_error(error)
                    raise
                finally:
                    self.local.call = before
                call.note_result(chunk)
                yield chunk
        finally:
            _close(inner)
            self.finish(llama, call)

    def generate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Measures the tokens of `generate`, which makes them one by one for every kind of completion."""

        @functools.wraps(original)
        def measured(llama: Any, *args: Any, **kwargs: Any) -> Any:
            inner = original(llama, *args, **kwargs)
            if self.is_off or not hasattr(inner, "send"):
                return inner
            call = getattr(self.local, "call", None)
            return self._tokens(llama, call, inner, args[0] if args else kwargs.get("tokens"))

        return measured

    def _tokens(self, llama: Any, outer: Optional[Call], inner: Any, prompt: Any) -> Generator[Any, Any, Any]:
        call = Call("generate") if outer is None else outer
        call.begin_generation(prompt)
        sent = None
        state = "closed"
        try:
            while True:
                begun_ns = _clock()
                before = getattr(self.local, "active", None)
                self.local.active = call
                try:
                    token = inner.send(sent)
                except StopIteration as stop:
                    state = "complete"
                    return stop.value
                except BaseException as error:
                    state = "failed"
                    call.note_error(error)
                    raise
                finally:
                    self.local.active = before
                call.note_token(begun_ns, _clock())
                sent = yield token
        finally:
            _close(inner)
            if outer is None:
                call.state = state
                self.finish(llama, call)

    def evaluate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Counts the tokens of a prompt that are really computed; the others are reused from the call before."""

        @functools.wraps(original)
        def measured(llama: Any, tokens: Any, *args: Any, **kwargs: Any) -> Any:
            active = getattr(self.local, "active", None)
            if active is not None and active.is_reading:
                active.evaluated_tokens += len(tokens)
            return original(llama, tokens, *args, **kwargs)

        return measured


def _close(inner: Any) -> None:
    close = getattr(inner, "close", None)
    if close is not None:
        close()


def attach(cls: type, module: Any, settings: Settings) -> None:
    """Wraps what is measured, if a file to store it in was given."""
    if not settings.measure:
        return
    meter = Meter(module, settings.measure)
    for name in _ENTRIES:
        method = cls.__dict__.get(name)
        if method is not None:
            setattr(cls, name, meter.entry(method, name))
    for name, wrap in (("generate", meter.generate), ("eval", meter.evaluate)):
        method = cls.__dict__.get(name)
        if method is not None:
            setattr(cls, name, wrap(method))
