"""Where a task's function is, and how another process finds it there."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import runpy
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from offhours.core.errors import TaskError
from offhours.core.wire import Place
from offhours.engine import registry
from offhours.engine.registry import CHILDS_MAIN, MAIN


def place_of(function: Callable[..., Any]) -> Place:
    """Where a child process finds `function`; `TaskError` when it would not."""
    module = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", None)
    if not module or not qualname or "<" in qualname or inspect.ismethod(function):
        raise TaskError(
            f"{function!r} cannot run in another process, which finds a function by its name: "
            'make it a function of a module, or choose executor="thread"'
        )
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    name = None
    if module in (MAIN, CHILDS_MAIN):
        spec = getattr(found, "__spec__", None)
        name = None if spec is None else spec.name
        if name is None and not (file and os.path.exists(file)):
            raise TaskError(
                f"{qualname} was typed in, and another process cannot find it: "
                'put it in a file, or choose executor="thread"'
            )
    return Place(module, qualname, name, None if file is None else os.path.abspath(file))


def function_at(place: Place) -> Callable[..., Any]:
    """Import the module if need be, and look up the function in it."""
    registry.importing = True
    try:
        script = place.module in (MAIN, CHILDS_MAIN)
        found: Any = _main(place.name, place.file) if script else _module(place)
    finally:
        registry.importing = False
    for part in place.qualname.split("."):
        found = getattr(found, part, None)
    if not inspect.isroutine(found):
        found = getattr(found, "function", found)  # a decorated function is found as its handle
    if not callable(found):
        raise TaskError(
            f"{place.qualname} is not in {place.file or place.module} when another process imports "
            "it: define it at the top level, outside of any condition"
        )
    return found  # type: ignore[no-any-return]


def _module(place: Place) -> ModuleType:
    if place.module in sys.modules:
        return sys.modules[place.module]
    try:
        spec = importlib.util.find_spec(place.module)
    except ImportError:
        spec = None
    if place.file is None or (spec is not None and spec.origin == place.file):
        return importlib.import_module(place.module)
    # The worker has it from a file that is not on the path, or that another one hides.
    spec = importlib.util.spec_from_file_location(place.module, place.file)
    if spec is None or spec.loader is None:
        raise TaskError(f"{place.file} cannot be imported as {place.module}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[place.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[place.module]
        raise
    return module


@cache
def _main(name: str | None, file: str | None) -> ModuleType:
    """The worker's script, under another name, so that what it guards does not run.

    That name may be taken: whatever imports `multiprocessing` gives it to this process's own main.
    """
    module = ModuleType(CHILDS_MAIN)
    if name is not None:
        content = runpy.run_module(name, run_name=CHILDS_MAIN, alter_sys=True)
    else:
        assert file is not None
        content = runpy.run_path(file, run_name=CHILDS_MAIN)
    module.__dict__.update(content)
    sys.modules[MAIN] = sys.modules[CHILDS_MAIN] = module
    return module
