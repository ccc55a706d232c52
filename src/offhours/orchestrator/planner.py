"""Planners turn a request into phases; the default one does it by rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from offhours.core.flows import IfFailed
from offhours.core.times import Duration
from offhours.orchestrator.phases import Need, Phase, Plan
from offhours.orchestrator.request import Part, Reading, read


class Planner(Protocol):
    """Says which phases a request takes. Nothing is stored before it has said so."""

    def plan(self, request: str, /) -> Plan: ...


class DevelopmentPlanner:
    """The phases of software development, a strand for each part that the request names.

    Analysis and design come first; then each part is written and tested beside the others, but for
    those that it uses by its own words; what is tested is put together, reviewed and packaged. A
    phase that the request does not want ("no docs") is left out. The same text gives the same plan.

    timeout: how long an attempt of a phase may take
    retries: attempts of writing and testing after the first one fails. Tests that fail have what
        they tested mended by the handler that wrote it, before each of them

    >>> print(DevelopmentPlanner().plan("Write a parser, and a formatter using the parser").describe())
    analysis (analysis): what is asked for: parser
    design (design) after analysis: how the parts of parser fit together
    code parser (code) after design: parser
    code formatter using the parser (code) after design, code parser: formatter using the parser
    tests parser (tests) after code parser: parser
    tests formatter using the parser (tests) after code formatter using the parser: formatter using the parser
    integration (tests) after tests parser, tests formatter using the parser: the parts together
    review (review) after integration: parser
    docs (docs) after integration
    packaging (packaging) after review, docs
    """  # noqa: E501

    def __init__(self, *, timeout: Duration | None = "1h", retries: int = 2) -> None:
        self._timeout = timeout
        self._retries = retries

    def plan(self, request: str) -> Plan:
        """The phases; `InputError` when there are no words in the request."""
        return Plan(request, list(self._phases(read(request))))

    def _phases(self, reading: Reading) -> Iterator[Phase]:
        subject = reading.subject
        yield self._phase("analysis", [], f"what is asked for: {subject}")
        yield self._phase("design", ["analysis"], f"how the parts of {subject} fit together")
        for part in reading.parts:
            yield self._code(part)
        done = [f"code {part.name}" for part in reading.parts]
        if "tests" not in reading.without:
            for part in reading.parts:
                yield self._tests(f"tests {part.name}", _written(part, reading), part.text, part)
            done = [f"tests {part.name}" for part in reading.parts]
            if len(done) > 1:
                wished = "; ".join(("the parts together", *reading.wishes.get("tests", ())))
                yield self._tests("integration", done, wished)
                done = ["integration"]
        yield from self._last(reading, done)

    def _last(self, reading: Reading, done: list[str]) -> Iterator[Phase]:
        ready: list[str | Need] = list(done)
        wishes = {phase: "; ".join(said) for phase, said in reading.wishes.items()}
        if "review" not in reading.without:
            yield self._phase("review", done, wishes.get("review", reading.subject))
            ready = ["review"]
        if "docs" not in reading.without:
            yield self._phase("docs", done, wishes.get("docs", ""))
            ready.append(Need("docs", IfFailed.IGNORE))  # a program without a manual still runs
        if "packaging" not in reading.without:
            yield self._phase("packaging", ready, wishes.get("packaging", ""))

    def _code(self, part: Part) -> Phase:
        return Phase(
            f"code {part.name}", "code",
            needs=["design", *(f"code {name}" for name in part.needs)],
            brief=part.text, part=part.name, timeout=self._timeout, retries=self._retries,
        )  # fmt: skip

    def _tests(
        self, name: str, needs: Sequence[str], brief: str, part: Part | None = None
    ) -> Phase:
        return Phase(
            name, "tests", needs=needs, brief=brief, part=part.name if part else "",
            timeout=self._timeout, retries=self._retries, repair="code",
        )  # fmt: skip

    def _phase(self, name: str, needs: Sequence[str | Need], brief: str) -> Phase:
        return Phase(name, name, needs=needs, brief=brief, timeout=self._timeout)


def _written(part: Part, reading: Reading) -> list[str]:
    """The phases behind which a part can be tested; what holds the others together, with them."""
    subject = reading.parts[0]
    others = reading.parts[1:] if part is subject else ()
    held = [other.name for other in others if subject.name not in reading.behind(other.name)]
    return [f"code {name}" for name in (part.name, *held)]
