"""Finds the rule behind one parameter of one step: a constant, a day, a copy, a counter, a text."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from offhours.optimize.rules import (
    Constant,
    Counter,
    Date,
    Input,
    Part,
    Place,
    Rule,
    Situation,
    Source,
    Template,
    Unknown,
    parts_of,
)

_AGREE = 0.8  # the share of runs in which a rule has to hold
_FEW = 5
_DATE_FORMS = (
    "%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y_%m_%d",
    "%y%m%d", "%Y-%m", "%Y%m", "%Y_%m", "%Y/%m", "%m.%Y", "%G-W%V", "%A", "%a", "%B", "%b",
    "%Y", "%m", "%d", "%V", "%H",
)  # fmt: skip
_SURE_FORMS = _DATE_FORMS[:9]  # long enough that one day is no accident
_DAYS = (0, -1, 1)
_NUMBER = re.compile(r"\d{1,15}")
_HOLE = "\0"


class Example(NamedTuple):
    """One run: when it began, and the parameters of each step."""

    at: datetime
    values: tuple[Mapping[str, Any], ...]


class Parameter:
    """One parameter of one step in all runs that have it."""

    def __init__(self, examples: Sequence[Example], place: Place, earlier: Sequence[Place]) -> None:
        step, key = place
        self.place = place
        self.runs = [example for example in examples if key in example.values[step]]
        self.values = [example.values[step][key] for example in self.runs]
        self.earlier = list(earlier)
        self.needed = max(2, _AGREE * len(self.values))
        self.name = f"{key}_{step + 1}" if re.fullmatch(r"[^\W\d]\w*", key) else f"value_{step + 1}"

    def rule(self) -> Rule:
        value, times = Tally(map(as_key, self.values)).most_common(1)[0]
        common = next(each for each in self.values if as_key(each) == value)
        if times >= max(2, _AGREE * len(self.values)):
            return self._dated(common) or self._copied_though_same(times) or Constant(common)
        return self._copied() or self._counted() or self._templated() or self._free()

    def _dated(self, common: Any) -> Rule | None:
        """All runs on one day, or nearly: what is their day is no constant."""
        if not isinstance(common, str) or len({run.at.date() for run in self.runs}) > 3:
            return None
        for days in _DAYS:
            for form in _SURE_FORMS:
                atom = Date(form, days)
                _, found = self._atom_texts(atom)
                pairs = list(zip(map(str, self.values), found, strict=True))
                if sum(part in text for text, part in pairs) < self.needed:
                    continue
                shapes = Tally(text.replace(part, f"{_HOLE}0{_HOLE}") for text, part in pairs)
                shape, times = shapes.most_common(1)[0]
                if times >= self.needed:
                    return _simple(_template(shape, [atom]))
        return None

    def _copied_though_same(self, times: int) -> Rule | None:
        """Nearly always the same, yet each exception follows an earlier parameter."""
        return None if times == len(self.values) else self._copied(len(self.values))

    def _copied(self, needed: float | None = None) -> Rule | None:
        best: tuple[int, Source] | None = None
        for place in self.earlier:
            step, key = place
            same = sum(
                as_key(run.values[step].get(key, _HOLE)) == as_key(value)
                for run, value in zip(self.runs, self.values, strict=True)
            )
            if same >= (needed or self.needed) and (best is None or same > best[0]):
                best = same, Source(place)
        return best and best[1]

    def _counted(self) -> Rule | None:
        if not all(type(value) is int for value in self.values):
            return None
        step = _stride(self.values)
        return Counter(self.name, step, self.values[-1]) if step else None

    # -- text ------------------------------------------------------------------------------------

    def _templated(self) -> Rule | None:
        """Text in which known parts are replaced by holes until all runs have the same text."""
        if sum(isinstance(value, str) for value in self.values) < self.needed:
            return None
        texts = [value if isinstance(value, str) else "" for value in self.values]
        sources = self._sources()
        sure: list[Source | Date] = [Date(form, days) for days in _DAYS for form in _SURE_FORMS]
        rule = self._with_holes(texts, [*sources, *sure])
        if rule is None:  # a short part of a date may be there by accident
            every = [Date(form, days) for days in _DAYS for form in _DATE_FORMS]
            rule = self._with_holes(texts, [*sources, *every])
        return rule

    def _with_holes(self, texts: Sequence[str], candidates: Sequence[Source | Date]) -> Rule | None:
        atoms = [self._atom_texts(atom) for atom in candidates if self._is_worth_it(atom, texts)]
        holes: list[Part] = []
        spread = self._spread(texts)
        while len(holes) < 4:
            best = None
            for atom, found in atoms:
                with_hole = [
                    text.replace(part, f"{_HOLE}{len(holes)}{_HOLE}") if part else text
                    for text, part in zip(texts, found, strict=True)
                ]
                gain = spread - self._spread(with_hole)
                if gain > 0 and (best is None or gain > best[0] + 0.02):
                    best = gain, atom, with_hole
            if best is None:
                break
            gain, atom, texts = best
            holes.append(atom)
            spread -= gain
        return self._assembled(texts, holes)

    def _spread(self, texts: Sequence[str]) -> float:
        """How far texts are from being one: the share that differs from the most frequent, and
        a little for each that there is."""
        tally = Tally(_NUMBER.sub("#", text) for text in texts)
        exact = Tally(texts)
        most = tally.most_common(1)[0][1] + exact.most_common(1)[0][1]
        return 2 - most / len(texts) + 0.1 * len(exact) / len(texts)

    def _is_worth_it(self, atom: Source | Date, texts: Sequence[str]) -> bool:
        """Whether it is in the text of most of the first few runs."""
        misses = 0
        for run, text in zip(self.runs[:_FEW], texts, strict=False):
            part = _text_of(atom, run)
            misses += not part or part not in text
            if misses > _FEW // 2:
                return False
        return True

    def _sources(self) -> list[Source | Date]:
        """All parts of earlier parameters that most runs have."""
        sources: list[Source | Date] = []
        for place in self.earlier:
            step, key = place
            names = Tally(name for run in self.runs for name in parts_of(run.values[step].get(key)))
            sources += [Source(place, n) for n, k in names.items() if k >= self.needed]
        return sources

    def _atom_texts(self, atom: Source | Date) -> tuple[Source | Date, list[str]]:
        return atom, [_text_of(atom, run) for run in self.runs]

    def _assembled(self, texts: Sequence[str], holes: Sequence[Part]) -> Rule | None:
        text, times = Tally(texts).most_common(1)[0]
        if times >= self.needed:
            if not holes:
                return None
            return _simple(_template(text, holes))
        return self._with_counter(texts, holes)

    def _with_counter(self, texts: Sequence[str], holes: Sequence[Part]) -> Rule | None:
        """All runs have the same text but for one number, which counts."""
        split = re.compile(rf"({_HOLE}\d+{_HOLE})|(\d{{1,15}})")
        shape, times = Tally(split.sub(lambda m: m[1] or "#", text) for text in texts).most_common(
            1
        )[0]
        if times < self.needed or shape.count("#") != 1:
            return None
        before, after = shape.split("#")
        numbers = [
            text[len(before) : len(text) - len(after)]
            for text in texts
            if text.startswith(before) and text.endswith(after)
        ]
        digits = [number for number in numbers if number.isdecimal()]
        step = _stride([int(number) for number in digits])
        if not step:
            return None
        widths = {len(number) for number in digits}
        padded = len(widths) == 1 and any(number[0] == "0" for number in digits)
        counter = Counter(self.name, step, int(digits[-1]), widths.pop() if padded else 1)
        hole = f"{_HOLE}{len(holes)}{_HOLE}"
        return _simple(_template(before + hole + after, [*holes, counter]))

    def _free(self) -> Input:
        kinds = {type(value).__name__ for value in self.values} - {"NoneType"}
        kind = kinds.pop() if len(kinds) == 1 else "any"
        return Input(self.name, kind, tuple(_distinct(self.values)[-3:]))


def _text_of(atom: Source | Date, run: Example) -> str:
    try:
        return str(atom.answer(Situation(run.at, {}, run.values)))
    except Unknown:
        return ""


def _template(text: str, holes: Sequence[Part]) -> Template:
    parts = [holes[int(piece)] if n % 2 else piece for n, piece in enumerate(text.split(_HOLE))]
    return Template(tuple(part for part in parts if part != ""))


def _simple(rule: Template) -> Rule:
    if len(rule.parts) == 1 and not isinstance(rule.parts[0], str):
        part = rule.parts[0]
        return rule if isinstance(part, Counter) else part
    return rule


def _stride(numbers: Sequence[int]) -> int:
    """By how much numbers grow from run to run, or 0. Runs that nobody saw leave larger steps."""
    if len(numbers) < 3:
        return 0
    steps = [b - a for a, b in pairwise(numbers)]
    sign = 1 if sum(step > 0 for step in steps) >= sum(step < 0 for step in steps) else -1
    forward = [step * sign for step in steps if step * sign > 0]
    if len(forward) < _AGREE * len(steps):
        return 0
    step, times = Tally(forward).most_common(1)[0]
    regular = sum(each % step == 0 for each in forward)
    near = sorted(forward)[len(forward) // 2] <= 3 * step
    return step * sign if near and times >= 2 and regular >= _AGREE * len(steps) else 0


def as_key(value: Any) -> Hashable:
    """A value as one that can be compared by type, too."""
    return (type(value).__name__, value if isinstance(value, Hashable) else repr(value))


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list({as_key(value): value for value in values}.values())
