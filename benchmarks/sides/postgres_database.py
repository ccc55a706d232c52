"""The PostgreSQL database that the benchmarks make and drop: none but this."""

from __future__ import annotations

import os

import psycopg

URL = os.environ.get(
    "OFFHOURS_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/offhours_bench"
)
SERVER, _, NAME = URL.rpartition("/")


def create() -> None:
    """Make it anew."""
    drop()
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"create database {NAME}")


def drop() -> None:
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute("set client_min_messages = warning")
        server.execute(f"drop database if exists {NAME} with (force)")


def count(table: str) -> int:
    with psycopg.connect(URL) as database:
        [number] = database.execute(f"select count(*) from {table}").fetchone()
    return int(number)
