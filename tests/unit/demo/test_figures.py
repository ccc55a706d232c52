"""A report is ok when it has figures and each was reached."""

from __future__ import annotations

import json

from offhours.demo.figures import Figure, Part, Report, all_of, at_least, at_most, none_of


def report(*figures: Figure) -> Report:
    return Report("test", 1.25, [Part("What ran", figures, ["a note"])])


def test_each_kind_of_limit() -> None:
    assert all_of("x", 3, 3).ok and not all_of("x", 2, 3).ok and not all_of("x", 4, 3).ok
    assert none_of("x", 0).ok and not none_of("x", 1).ok
    assert at_least("x", 1, 1).ok and not at_least("x", 0, 1).ok
    assert at_most("x", 1.0, 1.0, "ms").ok and not at_most("x", 1.1, 1.0, "ms").ok


def test_all_of_nothing_is_not_reached() -> None:
    assert not all_of("jobs done", 0, 0).ok


def test_one_failed_figure_fails_the_report_and_is_named() -> None:
    found = report(none_of("lost", 0), none_of("run twice at once", 1))
    assert not found.ok
    assert list(found.lines())[-1] == "\nfailed: not reached: run twice at once, in 1.2 s"
    assert report(none_of("lost", 0)).ok


def test_a_report_without_figures_proves_nothing() -> None:
    assert not Report("test", 1.0).ok


def test_each_line_has_its_limit_and_its_word() -> None:
    lines = list(report(all_of("jobs done", 1000, 1000), at_most("p99", 7.5, 5, "ms")).lines())
    assert lines[1].split() == ["jobs", "done", "1,000", "all", "1,000", "ok"]
    assert lines[2].split()[-1] == "failed"
    assert "  a note" in lines


def test_the_json_is_one_object_with_the_same_words() -> None:
    told = json.loads(report(none_of("lost", 2)).to_json())
    assert told["ok"] is False and told["seconds"] == 1.25
    [part] = told["parts"]
    assert part["figures"] == [{"name": "lost", "value": 2, "text": "2", "limit": "0", "ok": False}]
