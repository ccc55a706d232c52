"""Requests are read by rules: parts, terms, wishes; nothing that was said is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.orchestrator.texts import WORDS

from offhours.core.errors import InputError
from offhours.orchestrator import read

READINGS = [
    ("Develop a web API with authentication", ["web API", "authentication"]),
    ("a chat server", ["chat server"]),
    ("fix the login bug", ["fix the login bug"]),
    ("program that counts words", ["program", "counts words"]),
    ("Design and build a website", ["website"]),
    ("Please could you write me a parser?", ["parser"]),
    (
        "Build a command line tool that counts words, lists the longest words and exports the "
        "result as CSV",
        ["command line tool", "counts words", "lists the longest words",
         "exports the result as CSV"],
    ),
    ("Build a tool that counts words and lines", ["tool", "counts words and lines"]),
    ("Create a shop: a catalogue, a cart and a checkout",
     ["shop", "catalogue", "cart", "checkout"]),
    ("Write a parser, a formatter and a CLI", ["parser", "formatter", "CLI"]),
    ("Build an editor with search and replace, and spell checking",
     ["editor", "search and replace", "spell checking"]),
    ("Build a calendar. Users can book a room, and cancel a booking. It should send mails.",
     ["calendar", "book a room", "cancel a booking", "send mails"]),
    ("Write an importer, e.g. for CSV files. Also add an export to Excel.",
     ["importer, e.g. for CSV files", "export to Excel"]),
    ("Build a blog with comments and comments", ["blog", "comments"]),
    ("Make it so", ["Make it so"]),
    ("Add authentication to the web API", ["authentication to the web API"]),
    ("Write an export to Excel files", ["export to Excel files"]),
    ("Write a script to rename photos by date", ["script", "rename photos by date"]),
    ("Build an app like Twitter where users can post, follow and like",
     ["app like Twitter", "post", "follow", "like"]),
    ("Build a website for my bakery with online ordering and a blog",
     ["website for my bakery", "online ordering", "blog"]),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "parts"), READINGS, ids=[text[:40] for text, _ in READINGS])
def test_the_parts_that_are_named(request_: str, parts: list[str]) -> None:
    reading = read(request_)
    assert [part.name for part in reading.parts] == parts
    assert reading.subject == parts[0]


def test_items_of_a_list_are_parts() -> None:
    reading = read(
        "I need a shop:\n\n- a product catalogue\n* shopping cart\n2. build a checkout\n"
    )
    names = [part.name for part in reading.parts]
    assert names == ["shop", "product catalogue", "shopping cart", "checkout"]


def test_parts_that_use_each_other_by_their_words() -> None:
    reading = read(
        "Write a shop:\n- a catalogue\n- a cart using the catalogue\n"
        "- a checkout based on the cart\n- a search from the catalogue and the cart"
    )
    needs = {part.text.split()[1]: part.needs for part in reading.parts[1:]}
    assert needs == {
        "catalogue": (),
        "cart": ("catalogue",),
        "checkout": ("cart using the catalogue",),
        "search": ("catalogue", "cart using the catalogue"),
    }
    assert reading.behind("checkout based on the cart") == {
        "checkout based on the cart", "cart using the catalogue", "catalogue",
    }  # fmt: skip


def test_parts_that_use_each_other_in_a_circle_are_no_circle() -> None:
    reading = read("Write a system:\n- a hen using the egg\n- an egg using the hen")
    assert [part.needs for part in reading.parts] == [(), ("egg using the hen",), ()]


def test_what_it_is_made_with_is_no_part() -> None:
    reading = read(
        "Build a REST API that stores users in Python with Flask and SQLite. Use Docker."
    )
    assert reading.technologies == ("Python", "Flask", "SQLite", "Docker")
    assert [part.name for part in reading.parts] == ["REST API", "stores users"]
    assert [p.name for p in read("Build a shop with a SQLite database").parts] == [
        "shop", "SQLite database",
    ]  # fmt: skip


def test_what_is_said_of_phases_is_a_wish_and_no_part() -> None:
    reading = read(
        "Build an app with unit tests, a login and a user guide. Deploy it to the cloud."
    )
    assert [part.name for part in reading.parts] == ["app", "login"]
    assert reading.wishes == {
        "tests": ("unit tests",), "docs": ("user guide",), "packaging": ("Deploy it to the cloud",),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "without"),
    [
        ("Build an app without tests", {"tests"}),
        ("Build an app, but no documentation or packaging", {"docs", "packaging"}),
        ("Build an app. Skip the code review; don't write any docs.", {"review", "docs"}),
        ("Build an app with no fuss", set()),
    ],
)
def test_phases_that_are_not_wanted(request_: str, without: set[str]) -> None:
    reading = read(request_)
    assert reading.without == without
    assert reading.subject == "app"


def test_the_subject_comes_first_wherever_it_stands() -> None:
    reading = read("It should validate rows. Build an importer.")
    assert [part.name for part in reading.parts] == ["importer", "validate rows"]


def test_what_is_not_understood_is_kept() -> None:
    reading = read("Build an app. It must be fast. Make it blue. Ann decides.")
    assert [part.name for part in reading.parts] == ["app"]
    assert reading.constraints == ("be fast", "Make it blue", "Ann decides")


def test_long_and_equal_names_are_told_apart() -> None:
    long = "a list of everything that the user has ever written into any of the many files"
    reading = read(f"Build an app:\n- {long} of Ann\n- {long} of Bob")
    names = [part.name for part in reading.parts]
    assert len(set(names)) == 3 and all(len(name) <= 62 for name in names)


@pytest.mark.parametrize("request_", ["", "  \n", "?!", None, 7])
def test_a_request_without_words_is_refused(request_: object) -> None:
    with pytest.raises(InputError, match="request: expected what is to be done"):
        read(request_)  # type: ignore[arg-type]


@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=30).map(" ".join)))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_the_same_way_twice_or_refused(text: str) -> None:
    if not re.search(r"\w", text):
        with pytest.raises(InputError):
            read(text)
        return
    reading = read(text)
    assert reading == read(text)
    names = [part.name for part in reading.parts]
    assert names and len(set(names)) == len(names)
    assert all(name and name.isprintable() and name.strip() == name for name in names)
    for part in reading.parts:
        assert set(part.needs) <= set(names) - {part.name}
        assert part.name not in set().union(*(reading.behind(need) for need in part.needs))
