"""What a server refused, or that none answered, as errors with an exit code and a remedy."""

from __future__ import annotations

import json
import socket
import ssl
from functools import cache
from typing import Any

from offhours.cli.codes import CommandError, Exit
from offhours.core import errors

# What the API says of itself, beside the errors that the work has.
_OWN = {
    401: (Exit.NO_PERMISSION, "take the token that `offhours up` printed, or make one where the "
          "database is: offhours token create NAME"),
    403: (Exit.NO_PERMISSION, "make one that allows it where the database is: "
          "offhours token create NAME --scope SCOPE"),
    409: (Exit.CONFLICT, ""),
    412: (Exit.CONFLICT, ""),
    413: (Exit.USAGE, ""),
    421: (Exit.CANNOT_REACH, ""),
    422: (Exit.USAGE, ""),
    429: (Exit.REFUSED, "ask again in a moment"),
    503: (Exit.CANNOT_REACH, "ask again in a moment"),
}  # fmt: skip


def check(status: int, kind: str, body: bytes, where: str) -> None:
    """Raise what an answer refuses, if it does."""
    if status < 300:
        return
    told = _problem(kind, body)
    if told is None:
        raise not_ours(where)
    if told["code"] in ("not_found", "method_not_allowed") and told["detail"] == told["title"]:
        raise CommandError(
            f"{where} does not know this question: its Offhours is older than this one; "
            "update it, or ask its database with --db",
            Exit.CANNOT_REACH,
            "old_server",
        )
    known = _known().get(told["code"])
    if known is not None:
        raise _rebuilt(known, told["detail"])
    code, remedy = _OWN.get(status, (Exit.FAILED, told.get("hint", "")))
    message = f"{told['detail']}; {remedy}" if remedy else told["detail"]
    raise CommandError(message, code, told["code"])


def _problem(kind: str, body: bytes) -> dict[str, Any] | None:
    """A problem as a server of ours tells it."""
    if kind != "application/problem+json":
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(told, dict) and all(
        isinstance(told.get(name), str) for name in ("code", "title", "detail")
    )
    return told if ours else None


def unreachable(where: str, error: BaseException) -> CommandError:
    """Nobody answered, or not as one who means it."""
    match error:
        case ssl.SSLCertVerificationError():
            because = f"its certificate does not hold ({error.verify_message})"
        case ssl.SSLError():
            because = "it speaks no TLS there; say http:// if that is meant"
        case socket.gaierror() | UnicodeError():
            because = "no machine has that name"
        case TimeoutError():
            because = "no answer came in time"
        case ConnectionRefusedError():
            because = "nobody listens there"
        case _:
            because = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CommandError(
        f"cannot reach {where}: {because}; start the server with: offhours up FILE.py, "
        "or give the address that it printed",
        Exit.CANNOT_REACH,
        "no_server",
    )


def not_ours(where: str) -> CommandError:
    """Somebody answers there who is not one of ours."""
    return CommandError(
        f"what answers at {where} is no Offhours server; give the address that `offhours up` "
        "printed, with the path under which it is mounted",
        Exit.CANNOT_REACH,
        "not_offhours",
    )


@cache
def _known() -> dict[str, type[errors.OffhoursError]]:
    """Each error of ours by its word."""
    found: dict[str, type[errors.OffhoursError]] = {}
    waiting: list[type[errors.OffhoursError]] = [errors.OffhoursError]
    while waiting:
        kind = waiting.pop()
        found[errors.code_of(kind.__new__(kind))] = kind
        waiting += kind.__subclasses__()
    return found


def _rebuilt(kind: type[errors.OffhoursError], detail: str) -> errors.OffhoursError:
    """The same error as on a database, with the server's words; its other members stay there."""
    error = kind.__new__(kind)
    error.args = (detail,)
    if isinstance(error, errors.ConfigError):
        error.faults = (detail,)
    return error
