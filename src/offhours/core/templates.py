"""Templates: jobs written down beforehand, with parameters that are checked and put in.

A placeholder is `{name}` and nothing else: no attribute, no index, no format. A text that is one
placeholder becomes the parameter's value; in a longer text the value is written out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from offhours.core.errors import InputError, OptionError, ParameterError, did_you_mean
from offhours.core.times import Micros

LONGEST_NAME = 100
MOST_PARAMETERS = 100
_MOST_CHOICES = 1_000
_LONGEST_TEXT = 100_000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
_MARK = re.compile(r"\{\{|\}\}|\{([a-zA-Z_][a-zA-Z0-9_]{0,63})\}|[{}]")
_MISSING = object()


class Kind(StrEnum):
    """What a parameter takes: text, a whole number, a number, true or false, a day, one of some."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    CHOICE = "choice"


class StoredTemplate(NamedTuple):
    """A version of a template as a row; `body` is JSON."""

    name: str
    version: int
    task: str
    description: str | None
    body: str
    created_at: Micros
    created_by: str
    retired_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a template wants to be told. Without a `default` it must be given."""

    kind: Kind
    default: Any = _MISSING
    choices: tuple[str, ...] = ()
    description: str = ""

    @property
    def required(self) -> bool:
        return self.default is _MISSING

    @classmethod
    def parse(cls, given: object) -> Parameter:
        """A parameter from its type, its choices, or a mapping of `type`, `default`, `choices` and
        `description`.

        >>> Parameter.parse("int").required, Parameter.parse(["a", "b"]).kind.value
        (True, 'choice')
        """
        if isinstance(given, Parameter):
            return given
        if isinstance(given, str):
            given = {"type": given}
        elif isinstance(given, list | tuple):
            given = {"type": "choice", "choices": given}
        if not isinstance(given, Mapping):
            raise OptionError(f"expected a type, a list of choices or a mapping, got {given!r}")
        known = ("type", "default", "choices", "description")
        for key in given:
            if key not in known:
                raise OptionError(f"{key}: unknown{did_you_mean(str(key), known)}")
        kind = given.get("type", "choice" if "choices" in given else "str")
        if kind not in list(Kind):
            raise OptionError(f"type: expected {', '.join(Kind)}, got {kind!r}")
        made = cls(Kind(kind), choices=_choices(kind, given.get("choices")),
                   description=_checked_text(given.get("description", "")))  # fmt: skip
        if "default" not in given:
            return made
        return cls(made.kind, made.check(given["default"]), made.choices, made.description)

    def check(self, value: object) -> Any:
        """The value, if the parameter can take it; a day also as ISO text."""
        match self.kind, value:
            case Kind.STR, str() if len(value) <= _LONGEST_TEXT and "\0" not in value:
                return value
            case Kind.CHOICE, str() if value in self.choices:
                return value
            case Kind.BOOL, bool():
                return value
            case Kind.INT, int() if not isinstance(value, bool) and -(2**63) <= value < 2**63:
                return value
            case Kind.FLOAT, int() | float() if not isinstance(value, bool):
                number = float(value)
                if math.isfinite(number):
                    return number
            case Kind.DATE, date() if not isinstance(value, datetime):
                return value
            case Kind.DATE, str():
                return _day(value)
        near = did_you_mean(value, self.choices) if isinstance(value, str) else ""
        raise OptionError(f"expected {self.wants}, got {value!r:.80}{near}")

    def read(self, text: str) -> Any:
        """The value that somebody has typed.

        >>> Parameter(Kind.INT).read("3"), Parameter(Kind.BOOL).read("yes")
        (3, True)
        """
        word = text.strip().lower()
        try:
            if self.kind is Kind.INT:
                return self.check(int(word))
            if self.kind is Kind.FLOAT:
                return self.check(float(word))
        except (ValueError, OverflowError):
            raise OptionError(f"expected {self.wants}, got {text!r:.80}") from None
        if self.kind is Kind.BOOL and word in _WORDS:
            return _WORDS[word]
        return self.check(text)

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        if self.kind is not Kind.CHOICE:
            return _WANTS[self.kind]
        some = " or ".join(self.choices[:5])
        return f"{some} or others ({len(self.choices)})" if len(self.choices) > 5 else some

    def to_dict(self) -> dict[str, Any]:
        """As JSON answers carry it; `default` is there unless it must be given."""
        told: dict[str, Any] = {"type": self.kind.value}
        if self.choices:
            told["choices"] = list(self.choices)
        if self.description:
            told["description"] = self.description
        if not self.required:
            day = isinstance(self.default, date)
            told["default"] = self.default.isoformat() if day else self.default
        return told


_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WANTS = {
    Kind.STR: f"text of at most {_LONGEST_TEXT:,} characters",
    Kind.INT: "a whole number",
    Kind.FLOAT: "a number",
    Kind.BOOL: "true or false",
    Kind.DATE: "a day such as 2026-06-01",
}


def _choices(kind: str, given: Any) -> tuple[str, ...]:
    if (kind == Kind.CHOICE) != bool(given):
        raise OptionError("choices: a choice has a list of them, and nothing else has")
    if not given:
        return ()
    good = isinstance(given, list | tuple) and all(isinstance(c, str) and c for c in given)
    if not good or len(given) > _MOST_CHOICES or len(set(given)) < len(given):
        raise OptionError(f"choices: expected a list of different texts, got {given!r:.80}")
    return tuple(given)


def _checked_text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1_000 or "\0" in value:
        raise OptionError("description: expected text of at most 1,000 characters")
    return value


def _day(text: str) -> date:
    try:
        if len(text.strip()) == len("2026-06-01"):
            return date.fromisoformat(text.strip())
    except ValueError:
        pass
    raise OptionError(f"expected {_WANTS[Kind.DATE]}, got {text[:64]!r}")


def parse_parameters(given: Mapping[str, Any], faults: dict[str, str]) -> dict[str, Parameter]:
    """The parameters by name; what is wrong with one is put to the faults."""
    found: dict[str, Parameter] = {}
    if len(given) > MOST_PARAMETERS:
        faults["parameters"] = f"at most {MOST_PARAMETERS}, got {len(given)}"
        return found
    for name, each in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults[f"parameters/{name!s:.64}"] = "a name has letters, digits and _, at most 64"
            continue
        try:
            found[name] = Parameter.parse(each)
        except InputError as error:
            faults[f"parameters/{name}"] = str(error)
    return found


def values_of(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any], *, typed: bool = True
) -> dict[str, Any]:
    """The value of each parameter; `ParameterError` tells all faults at once.

    typed: false for what somebody has typed on a command line

    >>> wanted = {"day": Parameter(Kind.DATE), "size": Parameter(Kind.INT, 3)}
    >>> values_of(wanted, {"day": "2026-06-01"})
    {'day': datetime.date(2026, 6, 1), 'size': 3}
    >>> values_of(wanted, {"size": "x", "sice": 1})
    Traceback (most recent call last):
      ...
    offhours.core.errors.ParameterError: sice: unknown; did you mean "size"?; day: is missing: \
expected a day such as 2026-06-01; size: expected a whole number, got 'x'
    """
    names = list(parameters)
    faults = {
        name: f"unknown{did_you_mean(str(name), names) or _known(names)}"
        for name in given
        if name not in parameters
    }
    found: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name not in given:
            if parameter.required:
                faults[name] = f"is missing: expected {parameter.wants}"
            found[name] = parameter.default
            continue
        try:
            check = parameter.check if typed else parameter.read
            found[name] = check(given[name])
        except InputError as error:
            faults[name] = str(error)
    if faults:
        raise ParameterError(faults)
    return found


def _known(names: Sequence[str]) -> str:
    return f"; it takes {', '.join(names)}" if names else "; it takes none"


def placeholders(value: Any) -> set[str]:
    """The names of all placeholders in a value; a brace that is none of one is refused.

    >>> sorted(placeholders({"to": ["{who}", "on {day}, {{really}}"]}))
    ['day', 'who']
    """
    found: set[str] = set()
    for text in _texts(value):
        for mark in _MARK.finditer(text):
            if mark[1]:
                found.add(mark[1])
            elif mark[0] in "{}":
                raise OptionError(
                    f"the {mark[0]} in {text[:64]!r} is no placeholder like {{name}}; "
                    f"write {mark[0] * 2} for the character itself"
                )
    return found


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def substitute(value: Any, values: Mapping[str, Any]) -> Any:
    """The value with its placeholders filled. What was put in is not looked at again.

    >>> substitute(["{n}", "{n} of {what}", "{{n}}"], {"n": 3, "what": "{n}"})
    [3, '3 of {n}', '{n}']
    """
    if isinstance(value, str):
        whole = _MARK.fullmatch(value)
        if whole and whole[1]:
            return values[whole[1]]
        return _MARK.sub(lambda mark: _written(values[mark[1]]) if mark[1] else mark[0][0], value)
    if isinstance(value, Mapping):
        return {key: substitute(each, values) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(substitute(each, values) for each in value)
    return value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def split_name(name: str) -> tuple[str, int | None]:
    """A template's name and the version that is meant, if one is.

    >>> split_name("report"), split_name("report@2")
    (('report', None), ('report', 2))
    """
    plain, at, version = name.rpartition("@")
    if not at:
        return name, None
    good = version.isascii() and version.isdigit() and len(version) < 10 and int(version) > 0
    return plain, int(version) if good else 0
