"""Secrets are hidden wherever they stand, and ordinary text is not."""

from __future__ import annotations

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
