"""Offhours on PostgreSQL, as its users use it."""

from __future__ import annotations

from pathlib import Path

import common
import measures
import offhours_side
import postgres_database

from offhours import Offhours


class OnPostgres(offhours_side.OffhoursQueue):
    def fresh(self) -> None:
        self.close()
        postgres_database.create()

    def store(self) -> str:
        return postgres_database.URL

    def close(self) -> None:
        super().close()
        postgres_database.drop()


def drain(folder: Path, n: int, threads: int) -> common.Figures:
    """From the start of the worker until every outcome is recorded."""
    postgres_database.create()
    try:
        store = postgres_database.URL
        common.in_own_process("store_noops", disk=str(folder), path=store, n=n)
        return offhours_side.drained(Offhours(store, threads=threads), n)
    finally:
        postgres_database.drop()


OWN: dict[str, common.Measure] = {"drain": drain, "store_noops": offhours_side.store_noops}

if __name__ == "__main__":
    measures.main(OnPostgres, OWN)
