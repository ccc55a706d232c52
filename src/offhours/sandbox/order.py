"""What is asked of the sandbox, looked at before anything starts. Parameters stay data."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from offhours.core.errors import InputError, did_you_mean
from offhours.core.sandbox import SandboxLevel
from offhours.sandbox.artefacts import OURS
from offhours.sandbox.levels import Limits
from offhours.sandbox.stage0 import BOX

LANGUAGES = ("python", "bash")
LONGEST_SCRIPT = 1024 * 1024
MOST_PARAMETERS = 256 * 1024
_LONGEST_VARIABLE = 32 * 1024
_DEEPEST = 50

_FILE = {"python": "script.py", "bash": "script.sh"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# Variables by which a loader, a shell or an interpreter is made to run something else.
_REFUSED = re.compile(
    r"LD_.*|PYTHON.*|BASH.*|ENV|GCONV_PATH|GLIBC_.*|MALLOC_.*|IFS|PS4|PROMPT_COMMAND|SHELLOPTS"
    r"|PERL.*|RUBY.*|NODE_.*|JAVA_.*|LOCPATH|NLSPATH|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN"
    r"|PATH|HOME|TMPDIR|USER|LOGNAME|LANG|OFFHOURS_.*"
)


class Rejected(InputError):
    """The sandbox does not take this; nothing was started."""


@dataclass(frozen=True, slots=True)
class Order:
    """A run that can be started: everything is checked, and nothing of it is code but `script`."""

    script: str
    language: str
    level: SandboxLevel
    limits: Limits
    params: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_language(self.language)
        _check_script(self.script)
        params = _encode(self.params)
        if len(params) > MOST_PARAMETERS:
            raise Rejected(f"the parameters have {len(params)} bytes, at most {MOST_PARAMETERS}")
        for name, value in self.env.items():
            _check_variable(name, value)
        self._check_files(len(params))
        self.environment()

    @property
    def path(self) -> str:
        """Where the script lies inside."""
        return f"{BOX}/{OURS}/{_FILE[self.language]}"

    @property
    def script_hash(self) -> str:
        """Which script this is."""
        return hash_of(self.script, self.language)

    def own_files(self) -> dict[str, bytes]:
        """What we put beside the caller's files."""
        return {
            f"{OURS}/{_FILE[self.language]}": self.script.encode(),
            f"{OURS}/params.json": _encode(self.params),
        }

    def environment(self) -> list[bytes]:
        """The script's whole environment."""
        entries = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": BOX,
            "TMPDIR": BOX,
            "USER": "sandbox",
            "LOGNAME": "sandbox",
            "LANG": "C.UTF-8",
            "OFFHOURS_PARAMS": f"{BOX}/{OURS}/params.json",
            "OFFHOURS_RESULT": f"{BOX}/{OURS}/result.json",
            **self.env,
        }
        for name, value in self.params.items():
            variable = f"OFFHOURS_PARAM_{name.upper()}"
            text = _as_text(value)
            if _VARIABLE.fullmatch(name) is None or text is None:
                continue  # it is in params.json
            if variable in entries:
                raise Rejected(f"two parameters would be {variable}; give them different names")
            entries[variable] = text
        return [f"{name}={value}".encode() for name, value in entries.items()]

    def _check_files(self, beside: int) -> None:
        room = self.limits.disk - beside - len(self.script.encode()) - 64 * 1024
        for name, content in self.files.items():
            check_file_name(name)
            if not isinstance(content, bytes):
                raise Rejected(f"file {name!r}: its content is {type(content).__name__}, not bytes")
            room -= -(-len(content) // 4096) * 4096
        if room < 0 or len(self.files) > self.limits.files // 2:
            raise Rejected("the files do not fit into the private folder; raise Limits.disk")


def check_language(language: str) -> None:
    """Raises `Rejected` with the reason."""
    if language in LANGUAGES:
        return
    if isinstance(language, str) and language.lower() == "applescript":
        raise Rejected("AppleScript runs on macOS only; write the automation in python or bash")
    hint = did_you_mean(language, LANGUAGES) if isinstance(language, str) else ""
    raise Rejected(f"language {language!r} is not one of {' '.join(LANGUAGES)}{hint}")


def level_of(level: SandboxLevel | str) -> SandboxLevel:
    """Raises `Rejected` for what is not a level."""
    try:
        return SandboxLevel(level)
    except ValueError:
        known = [one.value for one in SandboxLevel]
        hint = did_you_mean(level, known) if isinstance(level, str) else ""
        raise Rejected(f"level {level!r} is not one of {' '.join(known)}{hint}") from None


def hash_of(script: str, language: str) -> str:
    """The name of a script's content.

    >>> hash_of("print(1)", "python")[:8]
    '8f07b0dc'
    """
    return hashlib.sha256(f"{language}\0{script}".encode("utf-8", "surrogatepass")).hexdigest()


def check_file_name(name: str) -> None:
    """A relative path of plain names, or `Rejected`."""
    parts = name.split("/") if isinstance(name, str) else []
    plain = all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in parts)
    if not (parts and plain and name.isprintable() and len(parts) <= 8 and parts[0] != OURS):
        raise Rejected(f"file name {name!r} is not a relative path of plain names")


def _check_script(script: str) -> None:
    if not isinstance(script, str) or not script.strip():
        raise Rejected(
            "the script is empty" if isinstance(script, str) else "the script is no text"
        )
    try:
        size = len(script.encode())
    except UnicodeEncodeError:
        raise Rejected("the script is not text that UTF-8 can hold") from None
    if "\0" in script:
        raise Rejected("the script contains a NUL character")
    if size > LONGEST_SCRIPT:
        raise Rejected(f"the script has {size} bytes, at most {LONGEST_SCRIPT}")


def _check_variable(name: str, value: str) -> None:
    if not isinstance(name, str) or _VARIABLE.fullmatch(name) is None:
        raise Rejected(f"variable {name!r}: not a name that a shell takes")
    if _REFUSED.fullmatch(name):
        raise Rejected(f"variable {name}: it would change how programs are run, or is ours")
    if not isinstance(value, str) or "\0" in value or len(value) > _LONGEST_VARIABLE:
        raise Rejected(f"variable {name}: its value is no text without NUL, or too long")


def _encode(params: Mapping[str, Any]) -> bytes:
    if not isinstance(params, Mapping):
        raise Rejected(f"the parameters are {type(params).__name__}, not a mapping")
    for place in _faults(dict(params), "", 0):
        raise Rejected(f"parameter {place}")
    try:
        return json.dumps(dict(params), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Rejected(f"the parameters cannot be JSON: {error}") from None


def _faults(value: Any, place: str, depth: int) -> Iterator[str]:
    """What JSON would change without a word, or cannot hold."""
    if depth > _DEEPEST:
        yield f"{place} is nested deeper than {_DEEPEST}"
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                yield f"{place}: the name {name!r} is {type(name).__name__}, not a text"
            else:
                yield from _faults(inner, f"{place}.{name}" if place else name, depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _faults(inner, f"{place}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{place} is {value}, which JSON has no word for"
    elif not (value is None or isinstance(value, str | int | float)):
        yield f"{place} is {type(value).__name__}, which JSON has no word for"


def _as_text(value: Any) -> str | None:
    """A parameter as a variable's value; None for what is only in params.json."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        whole = "\0" not in text and len(text) <= _LONGEST_VARIABLE
        return text if whole and _encodable(text) else None
    return None


def _encodable(text: str) -> bool:
    try:
        os.fsencode(text).decode()
    except UnicodeError:
        return False
    return True
