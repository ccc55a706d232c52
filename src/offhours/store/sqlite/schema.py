"""Brings a file to the newest state of our schema, and refuses what is not ours."""

from __future__ import annotations

import apsw

from offhours.core.errors import ForeignDatabase, NewerSchema
from offhours.store.migrate import scripts, spoken_by

APPLICATION_ID = 0x4F666872  # "Ofhr", in the header of every file of ours


def check(connection: apsw.Connection, path: str) -> int:
    """The schema number of the file (0: empty); refuses what is not ours or too new."""
    application, version, tables = connection.execute(
        "select (select application_id from pragma_application_id),"
        " (select user_version from pragma_user_version), (select count(*) from sqlite_schema)"
    ).get
    if application != APPLICATION_ID and (tables or application or version):
        raise ForeignDatabase(
            path, "is a SQLite database of another program; it was not touched. Give another path"
        )
    newest = max(scripts())
    if version > newest:
        raise NewerSchema(
            path,
            f"has schema {version}, this Offhours knows up to {newest}; it was not touched. "
            "Upgrade Offhours",
        )
    return int(version)


def migrate(connection: apsw.Connection, path: str) -> None:
    """Bring the file to the newest schema. Safe with any number of processes at once."""
    if check(connection, path) == max(scripts()):
        return
    for number, script in scripts().items():
        connection.execute("begin immediate")
        try:
            if check(connection, path) < number:
                connection.execute(spoken_by(script, "sqlite")).fetchall()
                connection.execute(f"pragma application_id = {APPLICATION_ID}")
                connection.execute(f"pragma user_version = {number}")
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
