"""Functions are found where the registry's own function is, and nowhere else."""

from __future__ import annotations

import os.path
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from offhours.core.errors import TaskError
from offhours.core.wire import Place
from offhours.engine import registry
from offhours.engine.place import function_at, place_of


class Shelf:
    @staticmethod
    def static() -> int:
        return 1

    def method(self) -> int:
        return 2


def test_functions_of_modules_are_found() -> None:
    for function in (os.path.join, Shelf.static, test_functions_of_modules_are_found):
        assert function_at(place_of(function)) is function


def test_a_module_that_is_not_on_the_path_is_found_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "odd_name_for_a_module.py"
    file.write_text("def work(): return 7")
    place = Place("odd_name_for_a_module", "work", None, str(file))
    try:
        assert function_at(place)() == 7
    finally:
        del sys.modules["odd_name_for_a_module"]
    assert not registry.importing


def test_a_task_is_found_as_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_module")
    module.work = SimpleNamespace(function=len)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_module", module)
    assert function_at(Place("a_module", "work")) is len


@pytest.mark.parametrize("function", [lambda: None, Shelf().method, [].append, object()])
def test_what_has_no_name_is_refused(function: object) -> None:
    with pytest.raises(TaskError, match="another process"):
        place_of(function)  # type: ignore[arg-type]


def test_what_was_typed_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))

    def typed() -> None: ...

    typed.__module__, typed.__qualname__ = "__main__", "typed"
    with pytest.raises(TaskError, match="put it in a file"):
        place_of(typed)


def test_what_is_not_there_is_said_so() -> None:
    with pytest.raises(TaskError, match="gone is not in"):
        function_at(Place("os.path", "gone"))
    assert not registry.importing


@pytest.fixture
def mains(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main modules of a child in which something has imported `multiprocessing`."""
    own = ModuleType("__main__")
    for name in (registry.MAIN, registry.CHILDS_MAIN):
        monkeypatch.setitem(sys.modules, name, own)


@pytest.mark.usefixtures("mains")
def test_a_script_is_run_once_though_multiprocessing_has_taken_its_name(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def work(): return __name__\ndef rest(): ...\nassert __name__ != '__main__'")
    work, rest = (
        function_at(Place("__main__", name, None, str(script))) for name in ("work", "rest")
    )
    assert work() == "__mp_main__"
    assert work.__globals__ is rest.__globals__
    assert sys.modules["__main__"].work is work  # and by that name it is unpickled


@pytest.mark.usefixtures("mains")
def test_a_program_started_as_a_module_is_run_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_program.py").write_text("def work(): return __name__, __spec__.name")
    monkeypatch.syspath_prepend(tmp_path)
    work = function_at(Place("__main__", "work", "a_program", None))
    assert work() == ("__mp_main__", "a_program")


@pytest.mark.parametrize(("text", "why"), [("1 / 0", ZeroDivisionError), (None, TaskError)])
def test_a_file_that_cannot_be_imported_leaves_no_half_module(
    tmp_path: Path, text: str | None, why: type[Exception]
) -> None:
    file = tmp_path / ("half.py" if text else "half.txt")
    file.write_text(text or "")
    for _ in range(2):
        with pytest.raises(why):
            function_at(Place("half_a_module", "work", None, str(file)))
        assert "half_a_module" not in sys.modules
