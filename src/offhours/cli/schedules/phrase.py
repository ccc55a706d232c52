"""Reads a phrase; what is ambiguous is asked on a terminal, and pointed at elsewhere."""

from __future__ import annotations

import sys
from unicodedata import category

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.session import Session
from offhours.cli.text import printable, width
from offhours.core.clock import SystemClock
from offhours.core.errors import PhraseError
from offhours.core.phrases import parse
from offhours.core.times import to_datetime
from offhours.core.triggers.zones import load_zone

LONGEST_SHOWN = 256


def understood(state: Session, text: str, zone: str, *, ask: bool = True) -> str:
    """The phrase, or the one that was chosen in its stead; it can be parsed."""
    while True:
        refusal = _refusal(text, zone)
        if refusal is None:
            return text
        if not (ask and refusal.suggestions and may_ask(state)):
            raise _error(text, refusal)
        text = _chosen(text, refusal)


def may_ask(state: Session) -> bool:
    """Whether a person is there to answer."""
    return not state.json and sys.stdin.isatty() and sys.stderr.isatty()


def _refusal(text: str, zone: str) -> PhraseError | None:
    load_zone(zone)
    try:
        parse(text, to_datetime(SystemClock().micros()), zone)
    except PhraseError as refusal:
        return refusal
    return None


def _chosen(text: str, refusal: PhraseError) -> str:
    for line in (refusal.reason, *pointed(text, refusal.character)):
        click.echo(printable(line), err=True)
    choices = refusal.suggestions
    for number, phrase in enumerate(choices, 1):
        click.echo(f"  {number}  {printable(phrase)}", err=True)
    number = click.prompt(
        f"Which one? 1-{len(choices)}, or 0 for none",
        type=click.IntRange(0, len(choices)),
        default=0,
        show_default=False,
        err=True,
    )
    if number == 0:
        raise _error(text, refusal)
    return choices[number - 1]


def _error(text: str, refusal: PhraseError) -> CommandError:
    lines = pointed(text, refusal.character)
    if refusal.suggestions:
        lines += ["try:", *(f"  {phrase}" for phrase in refusal.suggestions)]
    data = {
        "reason": refusal.reason,
        "position": refusal.position,
        "character": refusal.character,
        "suggestions": list(refusal.suggestions),
    }
    return CommandError(refusal.reason, Exit.USAGE, "phrase_error", lines, data)


def pointed(text: str, character: int | None) -> list[str]:
    """The phrase with a mark under the word that was not understood.

    >>> pointed("every dya at 9am", 6)
    ['  every dya at 9am', '        ^^^']
    """
    text = _stripped(text)
    if character is None or len(text) > LONGEST_SHOWN or not 0 <= character < len(text):
        return []
    end = character + 1
    while end < len(text) and text[character].isalnum() and text[end].isalnum():
        end += 1
    before, word = printable(text[:character]), printable(text[character:end])
    return [f"  {printable(text)}", f"  {' ' * width(before)}{'^' * width(word)}"]


def _stripped(text: str) -> str:
    """Without the outer spaces that the parser does not count either."""
    start, end = 0, len(text)
    while start < end and _is_space(text[start]):
        start += 1
    while end > start and _is_space(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_space(character: str) -> bool:
    return character in " \t" or category(character) == "Zs"
