"""The rows of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Answer:
    """The rows of a statement, as `apsw` gives them. Asking for them sends what is still queued."""

    def __init__(self, send: Callable[[], None] = lambda: None) -> None:
        self._send = send
        self.rows: list[tuple[Any, ...]] | None = None

    @property
    def get(self) -> Any:
        row = self.fetchone()
        return row[0] if row is not None and len(row) == 1 else row

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchall()
        self.rows = rows[1:]
        return rows[0] if rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        if self.rows is None:
            self._send()
        rows, self.rows = self.rows or [], []
        return rows
