"""What a server says of itself."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from offhours.core.addresses import public_name, server_and_schema
from offhours.store.postgres.faults import translate
from offhours.store.postgres.wakeups import probe


class About(NamedTuple):
    """What `doctor` wants to know of a server."""

    version: str
    synchronous_commit: str
    notifies: bool


def about(url: str) -> About:
    """Ask a server about itself, and whether its notifications reach us."""
    server, schema = server_and_schema(url)
    try:
        with psycopg.connect(server, autocommit=True, prepare_threshold=None) as connection:
            asked = "select split_part(version(), ' ', 2), current_setting('synchronous_commit')"
            [row] = connection.execute(asked).fetchall()
        return About(str(row[0]), str(row[1]), probe(server, schema))
    except psycopg.Error as error:
        raise translate(error, public_name(url)) from error
