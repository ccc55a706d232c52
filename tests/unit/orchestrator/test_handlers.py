"""Handlers by name, and those that are there from the beginning."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from offhours.core.errors import HandlerNotFound, OptionError, TaskError
from offhours.core.sandbox import RunStatus, SandboxLevel, SandboxResult
from offhours.orchestrator import (
    Analysis,
    Design,
    Docs,
    Handlers,
    Packaging,
    Phase,
    PhaseContext,
    PhaseFailed,
    Review,
    SandboxTests,
    files_of,
)


def context(handler: str, results: Mapping[str, Any] = {}, **more: Any) -> PhaseContext:
    return PhaseContext("Build an app with a login", Phase(handler, handler), results, **more)


GOOD = {"login.py": '"""Lets people in."""\n', "test_login.py": "import login\n"}
THOUGHT = Analysis().run(context("analysis"))
DESIGNED = Design().run(context("design", {"analysis": THOUGHT}))


class TestHandlers:
    def test_a_name_that_is_taken_wants_replace(self) -> None:
        handlers = Handlers()
        handlers.add("a", lambda context: 1)
        with pytest.raises(OptionError, match=r"'a' is registered; pass replace=True"):
            handlers.add("a", lambda context: 2)
        handlers.add("a", lambda context: 2, replace=True)
        assert handlers.get("a").run(context("a")) == 2
        assert "a" in handlers and handlers.names() == ["a"]

    def test_what_is_no_handler_is_refused(self) -> None:
        with pytest.raises(TaskError, match="expected a function or an object with run"):
            Handlers().add("a", 3)  # type: ignore[arg-type]
        with pytest.raises(OptionError, match="expected a name"):
            Handlers().add("", lambda context: 1)
        with pytest.raises(HandlerNotFound, match='no handler "os:system" is registered'):
            Handlers().get("os:system")


class TestThinking:
    def test_the_analysis_says_what_is_asked_and_what_is_open(self) -> None:
        told = Analysis().run(
            PhaseContext("Build a fast app with a login using the app", Phase("a", "analysis"))
        )
        assert told["subject"] == "fast app"
        assert told["parts"][1] == {
            "name": "login using the app", "text": "login using the app", "needs": ["fast app"],
        }  # fmt: skip
        assert told["questions"] == [
            "in which language, with which technology?", '"fast": what exactly would be enough?',
        ]  # fmt: skip

    def test_the_design_gives_each_part_a_module(self) -> None:
        assert DESIGNED == {
            "modules": [
                {"part": "app", "module": "app", "needs": []},
                {"part": "login", "module": "login", "needs": []},
            ],
            "subject_module": "app",
        }

    def test_a_design_without_an_analysis_fails(self) -> None:
        with pytest.raises(PhaseFailed, match="needs a phase analysis"):
            Design().run(context("design"))


class TestFiles:
    def test_later_ones_take_the_place_of_earlier_ones(self) -> None:
        assert files_of([{"files": {"a": "1", "b": "1"}}, 7, {"files": {"a": "2"}}]) == {
            "a": "2", "b": "1",
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b", "", "a//b", "./a"])
    def test_names_that_lead_elsewhere_are_refused(self, name: str) -> None:
        with pytest.raises(PhaseFailed, match="no name of a file"):
            files_of([{"files": {name: "x"}}])

    def test_what_is_no_text_is_refused(self) -> None:
        with pytest.raises(PhaseFailed, match="'a' is bytes, not text"):
            files_of([{"files": {"a": b"x"}}])


class Box:
    """A sandbox that answers as it is told to."""

    def __init__(self, data: Any = None, status: RunStatus = RunStatus.PASSED) -> None:
        self.answer = SandboxResult(
            run_id="1", automation_id="", status=status, level=SandboxLevel.FULL,
            language="python", started_at=0, data=data, error="" if data else "it was too slow",
        )  # fmt: skip
        self.files: dict[str, bytes] = {}
        self.modules: list[str] = []

    def run(self, script: str, language: str = "python", **told: Any) -> SandboxResult:
        self.files, self.modules = told["files"], told["params"]["modules"]
        return self.answer


def passed(number: int) -> dict[str, Any]:
    return {"ran": number, "skipped": 0, "bad": []}


class TestSandboxTests:
    def test_a_part_has_its_own_tests_run_beside_all_files(self) -> None:
        box = Box(passed(3))
        results = {"code login": {"files": GOOD}, "code app": {"files": {"test_app.py": "1"}}}
        asked = replace(context("tests", results), phase=Phase("t", "tests", part="login"))
        told = SandboxTests(box).run(asked)
        assert told == {"modules": ["test_login"], "ran": 3, "skipped": 0}
        assert box.files.keys() == {"login.py", "test_login.py", "test_app.py"}
        SandboxTests(lambda: box).run(context("tests", results))
        assert box.modules == ["test_app", "test_login"]

    def test_what_was_repaired_is_tested_and_told(self) -> None:
        box = Box(passed(1))
        mended = {"files": {"login.py": "better"}}
        told = SandboxTests(box).run(context("tests", {"code": {"files": GOOD}}, repairs=[mended]))
        assert told["files"] == {"login.py": "better"}
        assert box.files["login.py"] == b"better"

    @pytest.mark.parametrize(
        ("box", "said"),
        [
            (
                Box({"ran": 3, "skipped": 0, "bad": [("t.T.a", "Assert")]}),
                "1 of 3 tests failed: t.",
            ),
            (Box(passed(0)), "no test ran in test_login"),
            (Box({"ran": 2, "skipped": 2, "bad": []}), "no test ran"),
            (Box(None, RunStatus.TIMEOUT), "did not run to their end: it was too slow"),
        ],
    )
    def test_what_makes_it_fail(self, box: Box, said: str) -> None:
        with pytest.raises(PhaseFailed, match=said):
            SandboxTests(box).run(context("tests", {"code": {"files": GOOD}}))

    def test_no_tests_are_a_failure(self) -> None:
        with pytest.raises(PhaseFailed, match="there are no tests of what was written"):
            SandboxTests(Box(passed(1))).run(context("tests", {"code": {"files": {"a.py": ""}}}))


class TestReview:
    def results(self, **files: str) -> dict[str, Any]:
        named = {f"{name}.py": text for name, text in files.items()}
        return {"code app": {"files": {"app.py": "A = 1\n"}}, "code login": {"files": named},
                "design": DESIGNED}  # fmt: skip

    def test_what_is_whole_passes_with_remarks(self) -> None:
        told = Review().run(context("review", self.results(login="def enter():\n    return 1\n")))
        assert told == {
            "reviewed": ["app.py", "login.py"], "lines": 3,
            "remarks": ["login.py: enter does not say what it does"],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("def (:\n", "login.py is no Python"),
            ("def f():\n    'later'\n    raise NotImplementedError('x')\n", "f is not implemented"),
            ("async def f():\n    ...\n", "f is not implemented"),
            ("class A:\n    def g(self):\n        pass\n", "g is not implemented"),
        ],
    )
    def test_what_is_not_whole_fails(self, code: str, said: str) -> None:
        with pytest.raises(PhaseFailed, match=said):
            Review().run(context("review", self.results(login=code)))

    def test_a_part_that_nobody_wrote_is_missed(self) -> None:
        with pytest.raises(PhaseFailed, match="no file was written for login"):
            Review().run(context("review", self.results()))
        with pytest.raises(PhaseFailed, match="nothing was written"):
            Review().run(context("review"))


class TestDelivering:
    def test_the_manual_says_what_the_files_say(self) -> None:
        files = {**GOOD, "__main__.py": "import login", "broken.py": "def ("}
        results = {"analysis": THOUGHT, "code": {"files": files}, "tests app": passed(4)}
        text = Docs().run(context("docs", results))["files"]["README.md"]
        assert text.startswith("# app\n")
        assert "> Build an app with a login" in text
        assert "- `login.py`: Lets people in.\n" in text and "- `broken.py`\n" in text
        assert "- tests app: 4" in text and "## Running it" in text

    def test_the_same_files_are_the_same_package(self) -> None:
        results = {"analysis": THOUGHT, "code": {"files": {**GOOD, "__main__.py": "print(1)"}}}
        told = Packaging().run(context("packaging", results))
        again = Packaging().run(context("packaging", dict(reversed(results.items()))))
        assert told == again and told["name"] == "app.zip" and told["runnable"]
        with zipfile.ZipFile(io.BytesIO(told["archive"])) as archive:
            assert archive.testzip() is None
            assert set(archive.namelist()) == told["packed"].keys() == {*GOOD, "__main__.py"}

    def test_what_it_did_not_do_is_told(self) -> None:
        asked = replace(
            context("packaging", {"code": {"files": GOOD}}, failed={"docs": "no paper"}),
            phase=Phase("packaging", "packaging", brief="deploy it"),
        )
        told = Packaging().run(asked)
        assert told["left"] == ["not done here: deploy it", "missing: docs, because no paper"]
        with pytest.raises(PhaseFailed, match="no phase before it has made a file"):
            Packaging().run(context("packaging"))
