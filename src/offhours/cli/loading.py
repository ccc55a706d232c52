"""Imports a user's file and finds the app in it."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.text import printable_lines
from offhours.core.errors import OffhoursError, did_you_mean

if TYPE_CHECKING:
    from offhours.app import Offhours


def load_app(file: str, name: str | None = None) -> tuple[str, Offhours]:
    """The one app in a file, or the one called `name`; its name comes with it."""
    from offhours.app import Offhours

    module = load_file(file)
    apps = {key: value for key, value in vars(module).items() if isinstance(value, Offhours)}
    if name is not None:
        if name not in apps:
            known = ", ".join(apps) or "none"
            near = did_you_mean(name, list(apps))
            raise click.UsageError(f'{file} has no app "{name}"{near}; its apps: {known}')
        return name, apps[name]
    if not apps:
        raise click.UsageError(
            f'{file} has no Offhours object at its top level; add one: app = Offhours("jobs.db")'
        )
    if len({id(app) for app in apps.values()}) > 1:
        raise click.UsageError(f"{file} has several apps; choose with --app: {', '.join(apps)}")
    return next(iter(apps.items()))


def load_file(file: str) -> ModuleType:
    """Import a file under the name that its tasks have: as in `python FILE.py`, or its package's.

    Inside a package (folders with `__init__.py`) the name is dotted, so that relative imports
    work and tasks are called as they are when the package is imported.
    """
    path = Path(file).absolute()
    if not path.is_file():
        raise click.UsageError(f"no file {file}, expected a Python file{_near_file(path)}")
    if path.suffix != ".py":
        raise click.UsageError(f"{file} is no Python file; expected a name that ends in .py")
    root, name = _place(path)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return _import(name, path, file)


def _place(path: Path) -> tuple[Path, str]:
    """The folder to import from, and the module's name in it."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _import(name: str, path: Path, file: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except OffhoursError:
        raise
    except SystemExit:
        raise CommandError(
            f"{file} ended the program while it was imported; put that under "
            'if __name__ == "__main__":',
            Exit.FAILED,
            "import_failed",
        ) from None
    except Exception as error:
        _show_trace(error)
        last = traceback.format_exception_only(error)[-1].strip()
        raise CommandError(f"cannot import {file}: {last}", Exit.FAILED, "import_failed") from None
    found = getattr(module, "__file__", None)
    if found is None or not path.samefile(found):
        raise click.UsageError(
            f"cannot import {file}: its name {name} belongs to {found or 'a built-in module'}; "
            "rename the file"
        )
    return module


def _show_trace(error: Exception) -> None:
    """The user's own frames: where their file went wrong, not how we came to it."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is not None or isinstance(error, SyntaxError):
        lines = traceback.format_exception(error.with_traceback(trace))
        click.echo(printable_lines("".join(lines)), err=True, nl=False)


def _is_ours(filename: str) -> bool:
    return filename in (__file__, importlib.__file__) or filename.startswith("<frozen importlib")


def _near_file(path: Path) -> str:
    names = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
    return did_you_mean(path.name, names)
