"""Which database an address means."""

from __future__ import annotations

from offhours.core.addresses import is_server
from offhours.core.errors import OptionError, StoreUnusable
from offhours.core.times import Micros
from offhours.store.connection import Database
from offhours.store.sql import SqlStore


def open_store(address: str, *, durability: str, journal: str, lock_timeout: Micros) -> SqlStore:
    """The store at a path, at `:memory:` or at `postgresql://host/database?schema=offhours`."""
    database: Database
    if is_server(address):
        try:
            from offhours.store.postgres.database import PostgresDatabase
        except ImportError as missing:
            if missing.name != "psycopg":
                raise
            raise StoreUnusable(
                "postgresql", 'needs psycopg: pip install "offhours[postgres]"'
            ) from missing
        database = PostgresDatabase(address, durability=durability, lock_timeout=lock_timeout)
    elif "://" in address:
        scheme = address.partition("://")[0]
        raise OptionError(
            f'store: expected a path or postgresql://..., got an address of "{scheme}"'
        )
    else:
        from offhours.store.sqlite.database import SqliteDatabase

        database = SqliteDatabase(
            address, durability=durability, journal=journal, lock_timeout=lock_timeout
        )
    return SqlStore(database)
