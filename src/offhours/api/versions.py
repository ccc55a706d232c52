"""`If-Match`: a change says which version it is of, or is refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from offhours.api.problems import Problem

IfMatch = Annotated[str | None, Header(description="The ETag of what is changed.")]
ANY = "*"


def check_match(if_match: str | None, etag: str, what: str) -> None:
    """Refuse a change that names no version (428), or one that is not there any more (412)."""
    if if_match is None:
        raise Problem(
            428, "no_if_match", "a change must say which version it is of",
            "send the ETag that GET answered as If-Match, or * for any version",
        )  # fmt: skip
    told = {each.strip().removeprefix("W/") for each in if_match.split(",")}
    if ANY not in told and etag not in told:
        raise other_version(etag, what)


def other_version(etag: str, what: str) -> Problem:
    """Somebody has changed it since it was looked at."""
    return Problem(
        412, "other_version", f"{what} was changed meanwhile",
        "look at it again and repeat the change on what is there now", headers={"ETag": etag},
    )  # fmt: skip
