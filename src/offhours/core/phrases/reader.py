"""A cursor over the tokens, with the small pieces every rule is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from offhours.core.errors import PhraseError
from offhours.core.phrases.lexicon import KNOWN_WORDS, NUMBERS, ORDINALS, TENS, UNCLEAR_WORDS
from offhours.core.phrases.tokens import Token

_MOST_DIGITS = 10
_ENDINGS = {"st": (1,), "nd": (2,), "rd": (3,), "th": (0, 4, 5, 6, 7, 8, 9)}


@dataclass(slots=True)
class Reader:
    """Where we are in the text, and how far any rule got: there the first strange word stands."""

    text: str
    tokens: list[Token]
    at: int = 0
    deepest: int = field(default=0, init=False)

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        """The text of a token to come, or nothing."""
        place = self.at + ahead
        return self.tokens[place].text if 0 <= place < len(self.tokens) else ""

    def glued(self, ahead: int = 0) -> bool:
        """Whether that token follows its neighbour without a space."""
        place = self.at + ahead
        return place < len(self.tokens) and self.tokens[place].glued

    def move(self, count: int = 1) -> None:
        self.at += count
        self.deepest = max(self.deepest, self.at)

    def take(self, *phrases: str) -> str:
        """Consume the first of the phrases that comes next, and return it."""
        for phrase in phrases:
            words = phrase.split(" ")
            if all(self.peek(i) == word for i, word in enumerate(words)):
                self.move(len(words))
                return phrase
        return ""

    def take_all(self, phrases: Iterable[str]) -> str:
        """Like `take`, the longest phrase first."""
        return self.take(*sorted(phrases, key=lambda phrase: -phrase.count(" ")))

    def digits(self) -> str:
        """A number written in digits, without an ending such as `th`."""
        text = self.peek()
        if not text.isdigit() or (self.glued(1) and self.peek(1) in _ENDINGS):
            return ""
        if len(text) > _MOST_DIGITS:
            raise self.wrong(f"the number {text[:20]} is too large")
        self.move()
        return text

    def number(self) -> int | None:
        """A whole number, in digits or in words up to ninety-nine."""
        digits = self.digits()
        if digits:
            return int(digits)
        word = self.peek()
        if word in NUMBERS:
            self.move()
            return NUMBERS[word]
        if word not in TENS:
            return None
        hyphen = int(self.peek(1) == "-")
        ones = NUMBERS.get(self.peek(1 + hyphen), 0)
        if 1 <= ones <= 9:
            self.move(2 + hyphen)
            return TENS[word] + ones
        self.move()
        return TENS[word]

    def ordinal(self) -> int | None:
        """`1st` or `first`, up to `thirty-first`. A number with a wrong ending is refused."""
        text, ending = self.peek(), self.peek(1)
        if text.isdigit() and self.glued(1) and ending in _ENDINGS and len(text) <= 3:
            teen = len(text) > 1 and text[-2] == "1"
            if (ending != "th") if teen else (int(text[-1]) not in _ENDINGS[ending]):
                raise self.wrong(f'"{text}{ending}" is not how the number ends')
            self.move(2)
            return int(text)
        if text in ORDINALS:
            self.move()
            return ORDINALS[text]
        hyphen = int(ending == "-")
        ones = ORDINALS.get(self.peek(1 + hyphen), 0)
        if text in TENS and 1 <= ones <= 9:
            self.move(2 + hyphen)
            return TENS[text] + ones
        return None

    def separator(self) -> str:
        """What stands between the items of a list: `and`, `or`, `,` or `&`, also `, and`."""
        comma = self.take(",")
        return self.take("and", "or", "&", "plus") or comma

    def wrong(
        self, reason: str, at: int | None = None, suggestions: Iterable[str] = ()
    ) -> PhraseError:
        """The refusal for the token at hand, or for the one at index `at`."""
        place = self.at if at is None else at
        if place >= len(self.tokens):
            return PhraseError(reason, None, None, tuple(suggestions))
        token = self.tokens[place]
        return PhraseError(reason, token.word, token.start, tuple(suggestions))

    def replaced(self, start: int, stop: int, words: str) -> str:
        """The text with the tokens from `start` up to `stop` written as `words`."""
        first, last = self.tokens[start].start, self.tokens[stop - 1].end
        return f"{self.text[:first]}{words}{self.text[last:]}"

    def not_understood(self) -> PhraseError:
        """The refusal of the first word that no rule could use."""
        if self.deepest >= len(self.tokens):
            last = len(self.tokens) - 1
            return self.wrong(f'something is missing after "{self.tokens[last].raw}"', last)
        place = max(self.deepest, self.at)
        if self.tokens[place].text == "or" and place < len(self.tokens) - 1:
            place += self.tokens[place + 1].text == "so"
        word = self.tokens[place].text
        if word in UNCLEAR_WORDS:
            return self._unclear(place)
        near = get_close_matches(word, KNOWN_WORDS, n=5, cutoff=0.65) if len(word) < 20 else []
        guesses = [self.replaced(place, place + 1, guess) for guess in near]
        reason = f'"{self._whole_word(place)}" is not understood here'
        return self.wrong(reason, place, guesses)

    def _whole_word(self, place: int) -> str:
        wanted = self.tokens[place].word
        word = "".join(token.raw for token in self.tokens if token.word == wanted)
        return word if len(word) <= 40 else f"{word[:40]}..."

    def _unclear(self, place: int) -> PhraseError:
        first, stop = place, place + 1
        words = [token.text for token in self.tokens]
        if words[place] == "so" and place and words[place - 1] == "or":
            first -= 1
        if words[first - 1 : first] == ["a"]:
            first -= 1
        if words[stop : stop + 1] == ["of"]:
            stop += 1
        exact = [self.replaced(first, stop, number).strip() for number in ("", "2", "3", "5", "at")]
        reason = f'"{self.tokens[place].raw}" leaves open what exactly is meant'
        return self.wrong(reason, place, [" ".join(phrase.split()) for phrase in exact])
