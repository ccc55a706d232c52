"""Nothing that was stored can steer a terminal, and columns stay aligned."""

from __future__ import annotations

import json

import pytest

from offhours.cli.text import cut, printable, printable_lines, table, to_json, width

NASTY = "\x1b]0;title\x07\x9b31m\r\n\x7f\u202egnp\u2066\ud800\u2028\u200b"


@pytest.mark.parametrize("char", sorted(set(NASTY) - set("]0;title31mgnp")))
def test_no_control_character_survives(char: str) -> None:
    assert char not in printable(f"a{char}b")
    assert printable(f"a{char}b").startswith("a\\")


def test_what_is_harmless_stays_as_it_is() -> None:
    assert printable("Grüße, 世界 → ok") == "Grüße, 世界 → ok"


def test_lines_stay_lines_and_nothing_else() -> None:
    assert printable_lines("one\ntwo\x1b[2J\r") == "one\ntwo\\x1b[2J\\r"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_harmless_and_restores_what_was_stored(indent: int | None) -> None:
    text = to_json({"error": NASTY, "ü": [1, None]}, indent=indent)
    assert json.loads(text) == {"error": NASTY, "ü": [1, None]}
    assert not set(NASTY) & set(text) - set("]0;title31mgnp\n")
    assert "ü" in text


def test_json_for_a_narrow_encoding_is_ascii() -> None:
    assert to_json("ü\x1b", ascii_only=True) == '"\\u00fc\\u001b"'


def test_width_counts_columns_not_characters() -> None:
    assert (width("abc"), width("世界"), width("e\u0301")) == (3, 4, 1)


def test_cut_says_that_something_is_missing() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 4) == "abc…"
    assert width(cut("世界世界", 5)) <= 5


def test_a_table_is_aligned_and_escaped() -> None:
    lines = table(("ID", "NAME", "NOTE"), [("1", "世界", "x"), ("10", "a\nb", "")])
    assert lines == ["ID  NAME  NOTE", "1   世界  x", "10  a\\nb"]


def test_the_last_column_is_cut_to_the_window() -> None:
    lines = table(("ID", "NOTE"), [("1", "n" * 50)], columns=20)
    assert lines[1] == "1   " + "n" * 15 + "…"
    assert table(("ID", "NOTE"), [("1", "n" * 50)])[1] == "1   " + "n" * 50
