"""What the store's operations need of a database: SQLite and PostgreSQL both are one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from offhours.core.errors import InputError
from offhours.core.ports import WakeUps
from offhours.store.dialects import Dialect

T = TypeVar("T")


class Connection(Protocol):
    """A connection inside a transaction, as `apsw` has it.

    The answer of `execute` can be fetched; its `get` is the only value, or row, or None.
    """

    def execute(self, statements: str, bindings: Any = None, /) -> Any: ...
    def changes(self) -> int: ...
    def total_changes(self) -> int: ...
    def last_insert_rowid(self) -> int: ...
    def close(self) -> None: ...

    @property
    def in_transaction(self) -> bool: ...


Unit = Callable[[Connection], T]


def not_text(error: UnicodeEncodeError) -> InputError:
    """For what no database can keep or look for."""
    part = ascii(error.object[error.start : error.end][:20])
    return InputError(f"{part} is half a character, which is not text; nothing was stored")


class Database(Protocol):
    """Where the rows are. Writes are one after the other, so events come in commit order."""

    dialect: Dialect
    alone: bool  # while we write nobody else does, not even in a transaction that we joined
    name: str
    path: str

    @property
    def connections(self) -> int:
        """How many are held."""
        ...

    def write(self, unit: Unit[T]) -> T:
        """Run a unit of work in a transaction of its own or a shared one, and commit it."""
        ...

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, on committed data."""
        ...

    def changed(self) -> int:
        """A number that is another one after a commit of anybody else."""
        ...

    def log_size(self) -> int:
        """Bytes in a write-ahead log that we have to look after."""
        ...

    def sibling(self) -> Database:
        """The same rows over connections of its own."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction for the user's own rows beside ours; yields its connection."""
        ...

    def joined(self, connection: Any) -> AbstractContextManager[Connection]:
        """The user's connection as ours, to write in the transaction that it has open."""
        ...

    def wake_ups(self) -> WakeUps | None:
        """How processes wake each other, if the database itself can."""
        ...

    def close(self) -> None: ...
