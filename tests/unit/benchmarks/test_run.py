"""The table, the chart and the plan of a benchmark; nothing is measured here."""

from __future__ import annotations

import importlib
import math
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks"
PAGE = FOLDER.parent / "docs" / "performance.md"
MODULES = (
    "cases", "charts", "choices", "figures", "machine", "on_servers", "peers", "report", "rounds",
    "run",
)  # fmt: skip


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts of the folder, which are no package, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        del sys.modules[name]


def bench(modules: dict[str, ModuleType], **more: object) -> object:
    case = modules["cases"].Case
    return modules["cases"].Bench(
        "sample",
        "A <sample>",
        {"rate": "jobs/s", "rss_mb": "RSS MB"},
        (
            case("ours", "offhours", "drain"),
            case("limit: bare", "sqlite", "drain", against="ours"),
            case("unable", "huey", "drain", against="ours", none="none: one at a time"),
            case("broken", "huey", "drain", against="ours"),
            case("not here", "celery", "drain", against="ours"),
        ),
        **more,
    )


RESULTS = {
    "ours": [{"rate": 100.0, "rss_mb": 30.0}, {"rate": 300.0, "rss_mb": 31.0}],
    "limit: bare": [{"rate": 50.0}, {"rate": 100.0}],
    "unable": [],
    "broken": [],
}


def test_a_table_says_what_was_not_measured_and_why(modules: dict[str, ModuleType]) -> None:
    lines = modules["report"].table(bench(modules), RESULTS).splitlines()
    cells = {row.split("|")[1].strip(): [c.strip() for c in row.split("|")[2:-1]]
             for row in lines if row.startswith("|")}  # fmt: skip
    assert cells["ours"] == ["200 (100-300)", "30.5 (30-31)", ""]
    assert cells["limit: bare"] == ["75 (50-100)", "-", "2.5 (2-3)"]
    assert cells["unable"] == ["none: one at a time", "-", ""]
    assert cells["broken"] == ["failed", "-", ""]
    assert "not here" not in cells


def test_ratios_of_several_figures_are_times_the_other(modules: dict[str, ModuleType]) -> None:
    text = modules["report"].table(bench(modules, times=("rate",), ours="alone"), RESULTS)
    assert "jobs/s × alone" in text
    assert "0.417 (0.333-0.5)" in text


def test_a_chart_is_valid_and_has_a_bar_for_each_figure(modules: dict[str, ModuleType]) -> None:
    root = ET.fromstring(modules["charts"].svg(bench(modules), RESULTS))
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == 3  # two rates, one RSS
    assert [bar.get("class") for bar in bars] == ["ours", "limit", "ours"]
    ours, limit = (float(bar.get("width", "")) for bar in bars[:2])
    assert ours == pytest.approx(limit * 200 / 75, rel=0.01)


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [([1.0, 2.0], False), ([0.1, 1.0, 100.0], True), ([0.0, math.inf], False)],
)
def test_bars_grow_with_their_values(
    modules: dict[str, ModuleType], values: list[float], logarithmic: bool
) -> None:
    lengths, how = modules["charts"]._lengths(values)
    assert ("logarithmic" in how) is logarithmic
    assert lengths == sorted(lengths)
    assert all(0 <= length <= 1.0001 for length in lengths)
    if logarithmic:
        assert lengths[0] > 0


def test_what_never_happened_is_said_so(modules: dict[str, ModuleType]) -> None:
    assert modules["report"].spread([math.inf]) == "never"


def test_each_case_is_known_and_has_its_place_in_the_page(
    modules: dict[str, ModuleType],
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for one in modules["run"].BENCHES:
        assert modules["report"].BEGIN.format(one.name) in page
        labels = [case.label for case in one.cases]
        assert len(labels) == len(set(labels)), one.name
        assert {case.against for case in one.cases} <= {"", *labels}, one.name
        for case in one.cases:
            assert (FOLDER / "sides" / f"{case.side}_side.py").exists()
            assert case.side in modules["peers"].VERSIONS


def test_a_group_is_all_of_its_benchmarks(modules: dict[str, ModuleType]) -> None:
    chosen = modules["run"]._chosen(["postgres", "celery_latency"])
    assert [one.name for one in chosen] == [
        "postgres_submit", "postgres_bulk", "postgres_drain", "postgres_latency", "celery_latency",
    ]  # fmt: skip
    assert modules["run"]._chosen([]) == list(modules["run"].BENCHES)


def test_what_contenders_keep_is_a_column(modules: dict[str, ModuleType]) -> None:
    [bench] = modules["run"]._chosen(["celery_drain"])
    results = {case.label: [{"per_second": 1.0}] for case in bench.cases}
    head, _, *rows = [
        row for row in modules["report"].table(bench, results).splitlines() if row.startswith("|")
    ]
    assert "keeps of a job that has run" in head
    assert [row.split("|")[-2].strip() for row in rows] == [case.keeps for case in bench.cases]


def test_a_side_of_ours_without_its_server_is_left_out_too(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(modules["peers"].SERVICES, "postgres", (("127.0.0.1", 1),))
    monkeypatch.setattr(modules["peers"], "version_of", lambda side: side)
    [bench] = modules["run"]._chosen(["postgres_bulk"])
    monkeypatch.setitem(modules["peers"].SERVICES, "offhours_postgres", ())
    sides, absent = modules["run"]._sides([bench], no_peers=True)
    assert sides == {"offhours_postgres"}
    assert [reason.split(":")[0] for reason in absent] == ["without postgres"]


def test_a_case_that_fails_leaves_the_others_their_turns(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = modules["rounds"]
    turns: list[str] = []

    def measure(case: object, plan: object) -> dict[str, float]:
        turns.append(case.label)  # type: ignore[attr-defined]
        if case.label == "broken":  # type: ignore[attr-defined]
            raise rounds.CalledProcessError(1, "it")
        return {"rate": 1.0}

    monkeypatch.setattr(rounds, "measure", measure)
    plan = rounds.Plan(Path(), rounds=2, sides=frozenset({"offhours", "sqlite", "huey"}))
    results = rounds.run(bench(modules), plan)
    assert turns == ["ours", "limit: bare", "broken", "ours", "limit: bare"]
    assert results["broken"] == results["unable"] == []
    assert len(results["ours"]) == 2


def test_a_peer_without_its_server_is_left_out_with_the_reason(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = modules["peers"]
    monkeypatch.setitem(peers.SERVICES, "celery", (("127.0.0.1", 1),))
    assert "nothing answers at 127.0.0.1:1" in peers.missing("celery")
