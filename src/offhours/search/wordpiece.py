"""Text as the numbers that a BERT model was taught with: words, and the pieces of rare words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

LONGEST_WORD = 100
"""Letters; what is longer is no word to the model."""


class WordPiece:
    """Cuts text into the longest pieces that a vocabulary has, in lower case, without accents."""

    def __init__(self, vocabulary: dict[str, int], longest: int) -> None:
        self._numbers = vocabulary
        self._longest = longest
        self._first, self._last = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._unknown = vocabulary["[UNK]"]
        self._known: dict[str, list[int]] = {}

    @classmethod
    def read(cls, path: Path, longest: int) -> WordPiece:
        """From a file with one piece a line; no text has more than `longest` pieces."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls({piece: number for number, piece in enumerate(lines)}, longest)

    def numbers(self, text: str) -> list[int]:
        """The pieces of a text, between the marks of its beginning and its end."""
        found = [self._first]
        for word in words(text[: self._longest * LONGEST_WORD]):
            found += self._known.get(word) or self._remember(word)
            if len(found) >= self._longest:
                break
        return [*found[: self._longest - 1], self._last]

    def _remember(self, word: str) -> list[int]:
        if len(self._known) >= 10_000:
            self._known.clear()
        self._known[word] = self._pieces(word)
        return self._known[word]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._numbers.get(("##" if start else "") + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [self._unknown]
        return found


def words(text: str) -> Iterator[str]:
    """The words of a text; each sign, and each Chinese character, is one of its own.

    >>> list(words("Sauvegarde: déjà-vu"))
    ['sauvegarde', ':', 'deja', '-', 'vu']
    """
    spaced: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if kind in ("Mn", "Cf") or char == "\ufffd" or (kind == "Cc" and char not in "\t\n\r"):
            continue
        spaced.append(f" {char} " if _stands_alone(char, kind) else char)
    return iter("".join(spaced).split())


def _stands_alone(char: str, kind: str) -> bool:
    if char.isascii():
        return not char.isalnum() and not char.isspace()
    return kind[0] == "P" or any(low <= ord(char) <= high for low, high in _IDEOGRAPHS)


_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
