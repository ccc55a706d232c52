"""From text to tokens, in one pass over at most 256 plain characters.

A token is a run of letters, a run of digits or one mark. Nothing is dropped: spaces are kept as
the `glued` flag, so that the grammar can tell `5 m` from `5m` and read `2026-12-24` as one date.
"""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import category, normalize

from offhours.core.errors import PhraseError

LONGEST = 256
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d")
_MARKS = frozenset(",:;-/.&+@*#?()")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `word` counts the words between spaces, `start` the characters."""

    text: str
    raw: str
    word: int
    start: int
    glued: bool

    @property
    def end(self) -> int:
        return self.start + len(self.raw)

    @property
    def is_number(self) -> bool:
        return self.text.isdigit()


def plain(text: object) -> str:
    """The text as ASCII without outer spaces; typographic dashes and spaces become plain ones.

    >>> plain(" mon\u2013fri\u00a09am ")
    'mon-fri 9am'
    """
    if not isinstance(text, str):
        raise PhraseError(f"expected text, got {type(text).__name__}")
    if len(text) > LONGEST:
        raise PhraseError(f"longer than {LONGEST} characters")
    folded = "".join(_plain_character(c) for c in text).strip(" ")
    for place, character in enumerate(folded):
        if not " " <= character <= "~":
            word = len(folded[:place].split())
            raise PhraseError(f"the character {character!a} has no meaning here", word, place)
    if not folded:
        raise PhraseError("there is nothing to read", suggestions=("every hour", "every day"))
    return folded


def _plain_character(character: str) -> str:
    if character.isascii():
        return " " if character == "\t" else character
    if character in _DASHES:
        return "-"
    if character in "\u2018\u2019":
        return "'"
    if category(character) == "Zs":
        return normalize("NFKC", character)
    return character


def tokenise(text: str) -> list[Token]:
    """The tokens of a plain text, in order.

    >>> [t.text for t in tokenise("Every 5m, 9:30")]
    ['every', '5', 'm', ',', '9', ':', '30']
    """
    found: list[Token] = []
    at = word = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        starts_word = at == 0 or text[at - 1] == " "
        word += starts_word and at > 0
        end = _end_of_run(text, at)
        if end == at:
            raise PhraseError(f"the character {text[at]!r} has no meaning here", word, at)
        raw = text[at:end]
        found.append(Token(raw.lower(), raw, word, at, not starts_word))
        at = end
    return found


def _end_of_run(text: str, at: int) -> int:
    first, end = text[at], at + 1
    if first.isdigit():
        while end < len(text) and text[end].isdigit():
            end += 1
    elif first.isalpha():
        while end < len(text) and (text[end].isalpha() or text[end] in "_'"):
            end += 1
    elif first not in _MARKS:
        return at
    return end
