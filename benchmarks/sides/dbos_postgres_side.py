"""DBOS on PostgreSQL, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterable

import dbos_side
import measures
import postgres_database
import sqlalchemy
from dbos import DBOSClient


class OnPostgres(dbos_side.Dbos):
    def database(self) -> str:
        return postgres_database.URL

    def open(self, listen: bool) -> None:
        super().open(listen)
        driver = postgres_database.URL.replace("postgresql:", "postgresql+psycopg:")
        self.engine = sqlalchemy.create_engine(driver)
        self.client = DBOSClient(system_database_engine=self.engine, application_name="bench")

    def fresh(self) -> None:
        self.close()
        postgres_database.create()

    def submit_many(self, what: str, numbers: Iterable[float]) -> None:
        """No bulk call, but many may share a transaction."""
        if not self.opened:
            self.open(listen=False)
        with self.engine.begin() as connection:
            for number in numbers:
                self.client.enqueue_in_transaction(
                    connection, {"queue_name": "jobs", "workflow_name": "perform"}, what, number
                )

    def stored(self) -> int:
        return postgres_database.count("dbos.workflow_status")

    def close(self) -> None:
        if self.opened:
            self.client.destroy()
            self.engine.dispose()
        super().close()
        postgres_database.drop()


if __name__ == "__main__":
    measures.main(OnPostgres)
