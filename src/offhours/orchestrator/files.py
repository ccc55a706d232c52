"""Files among the results: a phase that makes some returns `{"files": {"name.py": "text"}}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from offhours.orchestrator.handlers import PhaseContext, PhaseFailed

Files = dict[str, str]


def files_of(results: Iterable[Any]) -> Files:
    """The files of all results, a later one in place of an earlier one of its name.

    Raises `PhaseFailed` for a name that leads out of its folder, or what is no text.

    >>> files_of([{"files": {"a.py": "1"}}, None, {"files": {"a.py": "2"}}])
    {'a.py': '2'}
    """
    found: Files = {}
    for result in results:
        given = result.get("files") if isinstance(result, Mapping) else None
        for name, text in given.items() if isinstance(given, Mapping) else ():
            found[_checked(name)] = _text(name, text)
    return found


def files_before(context: PhaseContext) -> Files:
    """The files that there are when a phase begins: those of the phases before, as repaired."""
    return files_of([*context.results.values(), *context.repairs])


def is_test(name: str) -> bool:
    """Whether a file holds tests, by its name."""
    return PurePosixPath(name).name.startswith("test") and name.endswith(".py")


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> Files:
    """The files that are new or other than before."""
    return {name: text for name, text in after.items() if before.get(name) != text}


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names as text, not too many of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _checked(name: object) -> str:
    path = PurePosixPath(name) if isinstance(name, str) and name else None
    if path is None or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise PhaseFailed(f"files: {name!r} is no name of a file in a folder of its own")
    return str(path)


def _text(name: object, text: object) -> str:
    if not isinstance(text, str):
        raise PhaseFailed(f"files: {name!r} is {type(text).__name__}, not text")
    return text
