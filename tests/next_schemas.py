"""Two versions of the schema that are still to come, so that the way to them can be tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from offhours.store import migrate

NOW = max(migrate.scripts())
NEXT = {
    NOW + 1: """
alter table jobs add column colour text not null default 'grey';
create index jobs_grey on jobs (colour) where colour = 'grey';
""",
    NOW + 2: """
-- sqlite only
alter table jobs add column shade integer not null default 1;

-- postgres only
alter table jobs add column shade integer not null default 2;

-- both
drop index jobs_grey;
""",
}


@contextmanager
def known() -> Iterator[None]:
    """In the block, Offhours is of the version that brings them."""
    scripts = {**migrate.scripts(), **NEXT}
    with (
        patch("offhours.store.sqlite.schema.scripts", lambda: scripts),
        patch("offhours.store.postgres.schema.scripts", lambda: scripts),
    ):
        yield
