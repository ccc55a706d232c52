"""Secrets are hidden wherever they stand, and ordinary text is not."""

from __future__ import annotations

import time

import pytest

from offhours.core.errors import OptionError
from offhours.recorder.redaction import HIDDEN, Redactor

SECRET = "s3cr3t-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"PASSWORD: {SECRET}",
        f'{{"password": "{SECRET}"}}',
        f'{{"token":"{SECRET} with more"}}',
        f"{{'api_key': '{SECRET}'}}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"sent bearer {SECRET} along",
        f"x-api-key={SECRET}&page=2",
        f"?access_token={SECRET}",
        f"client_secret={SECRET}; path=/",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"postgresql://ann:{SECRET}@host/db",
        f"Set-Cookie: {SECRET}",
        f"key={SECRET}",
        f'{{"password": "{SECRET} is cut off',
        f"url=password={SECRET}",
        f'"token": "a\\"{SECRET}"',
        f"my-password.old : '{SECRET}\\\n{SECRET}'",
    ],
)
def test_by_name_and_form(text: str) -> None:
    hidden = Redactor().text(text)
    assert SECRET not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "text",
    [
        "Success: processed 100 items",
        "the keyboard is fine, the monkey too",
        "tokenize the text",
        "https://host/path?page=2",
        "list of 100",
        "no password was given",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "piece",
    ["a-", "a.b ", "token", "token=", "://", "a://", "key=", '"', "password='\\\\", "bearer ",
     "key" + " " * 50, "x" * 30 + "=", "://a@", "\\"],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    """Twice the text may take twice as long; where it took four times, this would take minutes."""
    redactor = Redactor()
    started = time.process_time()
    redactor.text(piece * (200_000 // len(piece)))
    redactor.data({piece * (200_000 // len(piece)): 1})
    assert time.process_time() - started < 5


def test_by_value_the_longer_first() -> None:
    redactor = Redactor()
    redactor.register("abcd")
    redactor.register("abcdefgh")
    assert redactor.text("abcdefgh and abcd") == f"{HIDDEN} and {HIDDEN}"
    with pytest.raises(OptionError, match="under 4 characters"):
        redactor.register("abc")


def test_in_data_at_any_depth() -> None:
    found = Redactor().data({"a": [{"db_password": {"x": SECRET}, "n": 1}], "b": object()})
    assert SECRET not in str(found)
    assert found["a"][0]["n"] == 1
