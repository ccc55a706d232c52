"""Brings a schema of the server to the newest state."""

from __future__ import annotations

from uuid import uuid4

from offhours.core.errors import NewerSchema
from offhours.store.migrate import scripts
from offhours.store.postgres.language import script_of
from offhours.store.postgres.session import Session


def migrate(session: Session, name: str, schema: str) -> None:
    """Bring the schema to the newest state. Safe with any number of processes at once."""
    newest = max(scripts())
    if _version(session, name, schema) == newest:
        return
    session.take_turn()
    try:
        done = _version(session, name, schema)
        exists = f"select 1 from pg_catalog.pg_namespace where nspname = '{schema}'"
        if not session.run(exists):  # `if not exists` would want the right to create one
            session.run(f'create schema "{schema}"')
        for number, script in scripts().items():
            if number > done:
                session.run(script_of(script, schema))
        session.run(
            f"insert into \"{schema}\".meta (key, value) values ('schema', {newest}) "
            "on conflict (key) do update set value = excluded.value; "
            f"insert into \"{schema}\".meta (key, value) values ('store', {uuid4().int >> 66}) "
            "on conflict (key) do nothing"
        )
        session.run("commit")
    except BaseException:
        session.execute("rollback")
        raise


def _version(session: Session, name: str, schema: str) -> int:
    # Not by `to_regclass`: that answers from a cache which the wait for our turn has made stale.
    found = f"select 1 from pg_catalog.pg_tables where schemaname = '{schema}'"
    if not session.run(f"{found} and tablename = 'meta'"):
        return 0
    rows = session.run(f"select value from \"{schema}\".meta where key = 'schema'")
    version = int(rows[0][0]) if rows else 0
    newest = max(scripts())
    if version > newest:
        raise NewerSchema(
            name,
            f'has schema {version} in "{schema}", this Offhours knows up to {newest}; it was not '
            "touched. Upgrade Offhours",
        )
    return version
