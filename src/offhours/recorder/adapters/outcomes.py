"""What the adapters share: how refusals and failures get past two kinds of manners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from offhours.recorder.interceptors import is_refusal


class ToolFailed(Exception):
    """A tool's answer was that it failed; interceptors see it as the error that it is.

    result: the answer, which the library gets unchanged
    """

    def __init__(self, result: Any) -> None:
        texts = [getattr(block, "text", "") for block in getattr(result, "content", ())]
        super().__init__("; ".join(filter(None, texts))[:500])
        self.result = result


@contextmanager
def refusals_as(kind: type[Exception], tool: str) -> Iterator[None]:
    """Turn a refusal of a call into the library's own error; all other errors pass unchanged.

    >>> from offhours.recorder import Interceptor, InterceptorChain
    >>> class No(Interceptor):
    ...     def before(self, call):
    ...         raise PermissionError("not today")
    >>> with refusals_as(RuntimeError, "send"):
    ...     InterceptorChain([No()]).call("send", print)
    Traceback (most recent call last):
    RuntimeError: not today
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, kind) or not is_refusal(error, tool):
            raise
        raise kind(str(error)) from error
