"""The last phases: a manual out of what is there, and a package with everything in it."""

from __future__ import annotations

import ast
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from offhours.orchestrator.files import Files, files_before
from offhours.orchestrator.handlers import PhaseContext, PhaseFailed
from offhours.orchestrator.thinking import module_names

MAIN = "__main__.py"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment of the format: the same files, the same bytes


class Docs:
    """Writes README.md: what was asked for, the files with their own first words, the tests.

    What the files do not say of themselves is not invented. The result has `files`.
    """

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        return {"files": {"README.md": "\n".join(_readme(context)) + "\n"}}


def _readme(context: PhaseContext) -> Iterator[str]:
    files = files_before(context)
    analysis = context.results.get("analysis")
    subject = analysis.get("subject") if isinstance(analysis, Mapping) else None
    yield f"# {subject or 'README'}\n"
    yield "Asked for:\n"
    yield from (f"> {line}" for line in context.request.strip().splitlines())
    yield "\n## Files\n"
    for name, text in sorted(files.items()):
        yield f"- `{name}`{_first_words(name, text)}"
    ran = {
        name: result["ran"]
        for name, result in context.results.items()
        if isinstance(result, Mapping) and "ran" in result
    }
    if ran:
        yield "\n## Tests that passed\n"
        yield from (f"- {name}: {number}" for name, number in ran.items())
    if MAIN in files:
        yield "\n## Running it\n"
        yield "`python PACKAGE.zip`, or `python .` in the unpacked folder."


def _first_words(name: str, text: str) -> str:
    if not name.endswith(".py"):
        return ""
    try:
        said = ast.get_docstring(ast.parse(text, name))
    except (SyntaxError, ValueError):
        return ""
    return f": {said.splitlines()[0]}" if said else ""


class Packaging:
    """Puts all files into one zip archive; the same files give the same bytes.

    With a `__main__.py` it can be run: `python NAME.zip`. The result has `name`, `archive` (bytes),
    `sha256`, `packed` (each file's sha256), `runnable`, and `left`: what the request says about
    packaging that this does not do, and what is missing because a phase before it failed.
    """

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        files = files_before(context)
        if not files:
            raise PhaseFailed("packaging: no phase before it has made a file")
        archive = _zip(files)
        left = [f"not done here: {context.phase.brief}"] if context.phase.brief else []
        left += [f"missing: {name}, because {why}" for name, why in context.failed.items()]
        return {
            "name": f"{_name(context)}.zip",
            "archive": archive,
            "sha256": hashlib.sha256(archive).hexdigest(),
            "packed": {name: _digest(text) for name, text in sorted(files.items())},
            "runnable": MAIN in files,
            "left": left,
        }


def _name(context: PhaseContext) -> str:
    analysis = context.results.get("analysis")
    subject = analysis.get("subject", "") if isinstance(analysis, Mapping) else ""
    return next(iter(module_names([subject or "package"]).values()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _zip(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()
