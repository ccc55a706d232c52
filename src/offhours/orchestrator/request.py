"""What a request in plain words asks for, read by rules: its parts, its terms, what it leaves open.

No language model is asked, so the same text always gives the same reading. What is not understood
is kept as a constraint: nothing that was said is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from offhours.core.errors import InputError
from offhours.orchestrator.words import (
    ARTICLE,
    BEFORE_FEATURES,
    BEFORE_THAT,
    BOUND,
    MAKE,
    MUST,
    PHASES,
    POLITE,
    SENTENCES,
    TECHNOLOGIES,
    USES,
    WITHOUT,
)

LONGEST_NAME = 60
_ITEM = re.compile(r"^\s*(?:[-*•+]|\d{1,3}[.)])\s+(?P<item>\S.*)$")
_TOGETHER = "\ue000"  # stands for an "and" that joins what is one thing
_PIECES = re.compile(
    r"\s*[,;]\s*(?:(?:and|or|plus|then|also)\s+)*|"
    r"\s+(?:and|plus|as well as)\s+(?:(?:then|also)\s+)*",
    re.IGNORECASE,
)
_MORE_THINGS = re.compile(r"(?:\s*,\s*|\s*,?\s+(?:and|plus)\s+)(?=(?:an?|the)\s)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that the request names and that can be made on its own.

    needs: the names of those parts that it uses by its own words
    """

    name: str
    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read out of a request.

    subject: what is to be made, in a few words
    parts: the pieces of it, the subject first
    constraints: sentences that say how, not what
    technologies: what it is to be made with
    wishes: what was said about phases such as docs or packaging, by phase
    without: phases that are not wanted
    """

    subject: str
    parts: tuple[Part, ...]
    constraints: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()
    wishes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    def behind(self, name: str) -> set[str]:
        """All parts that a part uses, near and far, and itself."""
        return _behind(name, {part.name: set(part.needs) for part in self.parts})


def read(request: str) -> Reading:
    """Read a request. `InputError` when there are no words in it.

    >>> reading = read("Develop a web API with authentication")
    >>> reading.subject, [part.name for part in reading.parts]
    ('web API', ['web API', 'authentication'])
    >>> found = read("Build a tool that counts words and finds the longest, in Python. No docs.")
    >>> [part.name for part in found.parts]
    ['tool', 'counts words', 'finds the longest']
    >>> found.technologies, sorted(found.without)
    (('Python',), ['docs'])
    """
    if not isinstance(request, str) or not re.search(r"\w", request):
        raise InputError(f"request: expected what is to be done, in words, got {request!r}")
    return _Reader().read(request)


class _Reader:
    def __init__(self) -> None:
        self.subject = ""
        self.texts: list[str] = []
        self.constraints: list[str] = []
        self.technologies: list[str] = []
        self.wishes: dict[str, list[str]] = {}
        self.without: set[str] = set()

    def read(self, request: str) -> Reading:
        prose: list[str] = []
        items: list[str] = []
        for line in request.splitlines():
            found = _ITEM.match(line)
            if found:
                items.append(found["item"])
            else:
                prose.append(line)
        for sentence in SENTENCES.split("\n".join(prose)):
            self._sentence(_tidy(sentence))
        for item in items:
            self._item(_tidy(item))
        self._settle(request)
        return Reading(
            self.subject,
            _linked(_named(self.texts)),
            tuple(self.constraints),
            tuple(dict.fromkeys(self.technologies)),
            {phase: tuple(said) for phase, said in self.wishes.items()},
            frozenset(self.without),
        )

    def _settle(self, request: str) -> None:
        """Whatever was written, there is a subject, and it is the first of the parts."""
        named = [text for text in (self.subject, *self.texts) if re.search(r"\w", short(text))]
        self.texts = named or [" ".join(re.findall(r"\w+", request))]
        self.subject = short(self.texts[0])

    # -- sentences --------------------------------------------------------------------------

    def _sentence(self, text: str) -> None:
        text = self._terms(text)
        if not text:
            return
        asked = POLITE.sub("", text)
        made = MAKE.match(asked)
        must = MUST.match(asked)
        if made:
            self._wanted(asked[made.end() :])
        elif must:
            self._features(must["what"])
        elif not self.subject and not self.texts:
            self._wanted(asked)
        else:
            self._phase_or_constraint(text)

    def _phase_or_constraint(self, text: str) -> None:
        if not self._wish(text):
            self.constraints.append(text)

    def _item(self, text: str) -> None:
        text = self._terms(text)
        if text and not self._wish(text):
            self.texts.append(MAKE.sub("", POLITE.sub("", text)) or text)

    def _terms(self, text: str) -> str:
        """Take out what is not wanted, and what it is to be made with."""
        for found in WITHOUT.finditer(text):
            self.without.update(_phases_in(found["what"]))
        text = _tidy(WITHOUT.sub(" ", text))
        for found in TECHNOLOGIES.finditer(text):
            self.technologies += [each.strip() for each in re.split(r",|\band\b", found["names"])]
        return _tidy(TECHNOLOGIES.sub(" ", text))

    # -- what is wanted ---------------------------------------------------------------------

    def _wanted(self, text: str) -> None:
        """The object of "build …": things, and what belongs to the last of them."""
        if self._wish(_bare(text)):
            return
        cut = BEFORE_FEATURES.search(text)
        head, rest = (text[: cut.start()], text[cut.end() :]) if cut else (text, "")
        things = [thing for thing in map(_bare, _MORE_THINGS.split(head)) if thing]
        kept = [thing for thing in things if not self._wish(thing)]
        if kept and not self.subject:
            self.subject = kept[0]
        self.texts += kept
        if rest:
            self._features(rest, clause=cut is not None and bool(BEFORE_THAT.search(cut[0])))

    def _features(self, text: str, clause: bool = True) -> None:
        """A list of things or doings. In a clause, one word alone goes on with what is before it:
        "counts words and lines", but "post, follow and like"."""
        if re.match(r"be\b(?! able)", text):
            self.constraints.append(text)
            return
        text = re.sub(r"^be able to\s+", "", text)
        joined = BOUND.sub(lambda m: m[0].replace(" and ", f" {_TOGETHER} "), text)
        pieces: list[str] = []
        for piece in filter(None, map(_bare, _PIECES.split(joined))):
            longer = clause and bool(pieces) and " " in pieces[-1]
            if longer and " " not in piece and not self._is_phase(piece):
                pieces[-1] += f" and {piece}"
            else:
                pieces.append(piece)
        for piece in pieces:
            whole = piece.replace(_TOGETHER, "and")
            if not self._wish(whole):
                self.texts.append(whole)

    # -- phases -----------------------------------------------------------------------------

    def _is_phase(self, text: str) -> bool:
        return any(pattern.match(text) for pattern in PHASES.values())

    def _wish(self, text: str) -> bool:
        """Keep what is said about a phase that is there anyway; whether it was that."""
        for phase, pattern in PHASES.items():
            if pattern.match(text):
                self.wishes.setdefault(phase, []).append(text)
                return True
        return False


def _phases_in(text: str) -> Iterable[str]:
    words = re.split(r"\s*,\s*|\s+(?:and|or)\s+", text)
    return (phase for phase, pattern in PHASES.items() if any(map(pattern.match, words)))


# -- parts ----------------------------------------------------------------------------------


def short(text: str) -> str:
    """A text as a name: its first words.

    >>> short("an export of everything that the user has ever written to a spreadsheet file")
    'export of everything that the user has ever written to a'
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    name = ARTICLE.sub("", " ".join(plain.split()))
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME + 1].rpartition(" ")[0] or name[:LONGEST_NAME]
    return name


def _named(texts: Sequence[str]) -> list[Part]:
    """Each text once, under a name of its own."""
    parts: dict[str, Part] = {}
    for text in dict.fromkeys(texts):
        name, number = short(text), 1
        if any(part.text.casefold() == text.casefold() for part in parts.values()):
            continue
        while (key := name.casefold()) in parts:
            number += 1
            name = f"{short(text)} {number}"
        parts[key] = Part(name, text)
    return list(parts.values())


def _linked(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts that use one another by their own words, as far as that makes no circle."""
    needs: dict[str, set[str]] = {part.name: set() for part in parts}
    nouns = {part.name: _noun(part.name) for part in parts}
    for part in parts:
        used = USES.search(part.text)
        if not used:
            continue
        said = set(re.findall(r"[\w'-]+", part.text[used.end() :].casefold()))
        for other in parts:
            named = other is not part and nouns[other.name] in said
            if named and part.name not in _behind(other.name, needs):
                needs[part.name].add(other.name)
    order = [part.name for part in parts]
    return tuple(replace(p, needs=tuple(sorted(needs[p.name], key=order.index))) for p in parts)


def _behind(name: str, needs: dict[str, set[str]]) -> set[str]:
    """All that a part needs, near and far, and itself."""
    found, left = {name}, [name]
    while left:
        fresh = needs[left.pop()] - found
        found |= fresh
        left += fresh
    return found


def _noun(name: str) -> str:
    """What a part is, in one word: the last one before "of", "to", "for" and their like."""
    head = re.split(r"\s+(?:of|to|for|from|in|on|with|that|which|using|based)\b", name)[0]
    return head.split()[-1].casefold()


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,;:.])", r"\1", text)
    return text.strip(" ,;:.!?").removesuffix(" and").strip(" ,;:")


def _bare(text: str) -> str:
    return ARTICLE.sub("", _tidy(text))
