"""Reads what is to be in force: from the settings file of `launch`, or from Workly's own configuration.

A file that cannot be used leaves everything as the application has it. A part that cannot be used leaves that part. Either
way, one line says so.
"""

from __future__ import annotations

import json
import os
import stat
import sys

from . import checks, log

# Annotations only: importing typing at every start of Python would be paid by each of them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_BYTES = 4 << 20
_MAJOR = "1"


class Unusable(Exception):
    """The file as a whole says nothing that could be followed."""


class Settings:
    """What is to be in force in this process."""

    def __init__(self) -> None:
        self.arguments: dict[str, Any] = {}
        """Checked values of the `performance` section, by the name that llama-cpp-python has for them."""
        self.evidence: dict[str, str] = {}
        """Why each of them: text for the log, by the same names."""
        self.limits: dict[str, int] = {}
        """`n_ctx_min` and `n_ctx_max`, where `launch` knows them."""
        self.model_file: str | None = None
        """The settings hold for the model of this file name only."""
        self.priority: dict[str, Any] = {}
        """`scope` (`process`, `llama`), `nice`, `policy` (`nice`, `idle`); empty where nothing is lowered."""
        self.bridge: dict[str, Any] = {}
        """`port`, `nodelay`, `tap_port`; empty where connections are left alone."""
        self.measure: str | None = None
        """The file that each call is appended to."""


_current: Settings | None = None


def current(path: str | None, options: dict[str, Any] | None) -> Settings:
    """The settings of this process, read at the first call."""
    global _current
    if _current is None:
        _current = _read_or_nothing(path, options or {})
    return _current


def _read_or_nothing(path: str | None, options: dict[str, Any]) -> Settings:
    try:
        if path is not None:
            return read_settings(path)
        return read_config(options)
    except Unusable as error:
        log.say(f"the settings are not in force: {error}")
        log.event("unusable", {"reason": str(error)})
    except Exception as error:
        log.failed("the settings are not in force", error)
    return Settings()


def read_settings(path: str) -> Settings:
    """The settings file that `launch` writes."""
    root = _load(path)
    schema = root.get("schema")
    if not isinstance(schema, str) or schema.split(".")[0] != _MAJOR:
        raise Unusable(f"{path} has schema {checks.quoted(schema)}, and this version reads {_MAJOR}.x")
    settings, faults = Settings(), []
    _take_performance(settings, root, faults)
    _take_limits(settings, root, faults)
    checks.take_priority(settings, _part(root, "priority", dict, faults), faults)
    checks.take_bridge(settings, _part(root, "bridge", dict, faults), faults)
    settings.model_file = _part(root, "model_file", str, faults)
    settings.measure = _part(root, "measure", str, faults)
    _tell(faults)
    return settings


def read_config(options: dict[str, Any]) -> Settings:
    """The `performance` section of Workly's configuration, as `apply` writes it, and what `install()` was given."""
    settings, faults = Settings(), []
    path = options.get("config") or _find_config()
    if path is None:
        faults.append("there is no data/config.json")
    else:
        root = _load(os.fspath(path))
        if "performance" in root:
            _take_performance(settings, root, faults)
        else:
            faults.append(f"{path} has no performance section")
    if options.get("nice") is not None:
        checks.take_priority(settings, {"scope": "llama", "nice": options["nice"]}, faults)
    if options.get("nodelay"):
        checks.take_bridge(settings, {}, faults)
    _tell(faults)
    return settings


def _find_config() -> str | None:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = [os.getcwd()] + ([os.path.dirname(os.path.abspath(main))] if main else [])
    if getattr(sys, "frozen", False):
        folders.append(os.path.dirname(os.path.abspath(sys.executable)))
    paths = (os.path.join(folder, "data", "config.json") for folder in folders)
    return next((path for path in paths if os.path.exists(path)), None)


def _load(path: str) -> dict[str, Any]:
    """The JSON object of a file. Only a plain file of a sane size is opened: a pipe would keep the program waiting."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise Unusable(f"{path} is not a plain file")
        if found.st_size > _MOST_BYTES:
            raise Unusable(f"{path} has {found.st_size} bytes, which is no settings file")
        with open(path, "rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
        root = json.loads(text)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path} is not valid JSON: {log.describe(error)}") from None
    if not isinstance(root, dict):
        raise Unusable(f"{path} holds {checks.quoted(root)}, not an object")
    return root


def _part(root: dict[str, Any], key: str, kind: type, faults: list[str]) -> Any:
    """A part of the file, or `None` where it is absent, null or of another type."""
    value = root.get(key)
    if value is None or isinstance(value, kind):
        return value
    faults.append(f"{key} is {checks.quoted(value)}")
    return None


def _take_performance(settings: Settings, root: dict[str, Any], faults: list[str]) -> None:
    section = _part(root, "performance", dict, faults) or {}
    disabled = _part(root, "disabled", list, faults) or []
    evidence = _part(root, "evidence", dict, faults) or {}
    for name, (key, value) in checks.arguments(section, disabled, faults).items():
        settings.arguments[name] = value
        text = evidence.get(key)
        settings.evidence[name] = text if isinstance(text, str) and text else _provenance(section, key)


def _provenance(section: dict[str, Any], key: str) -> str:
    """`measured, run 2026…`: what `apply` has noted beside the values."""
    found = section.get("provenance")
    provenance = found if isinstance(found, dict) else {}
    basis = provenance.get("basis")
    word = basis.get(key) if isinstance(basis, dict) else None
    run = provenance.get("run")
    parts = [part for part in (word, f"run {run}" if isinstance(run, str) else None) if isinstance(part, str)]
    return ", ".join(parts) or "of unknown origin"


def _take_limits(settings: Settings, root: dict[str, Any], faults: list[str]) -> None:
    limits = _part(root, "limits", dict, faults) or {}
    for key in ("n_ctx_min", "n_ctx_max"):
        value = limits.get(key)
        if value is None:
            continue
        if checks.is_whole(value) and 1 <= value <= checks.MOST_CONTEXT:
            settings.limits[key] = int(value)
        else:
            faults.append(f"limits.{key} is {checks.quoted(value)}")


def _tell(faults: list[str]) -> None:
    if faults:
        log.say("left as the application has it: " + "; ".join(faults))
        log.event("faults", {"faults": faults})
