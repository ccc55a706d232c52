"""The Redis database that the benchmarks may empty: none but this."""

from __future__ import annotations

import os

from redis import Redis

URL = os.environ.get("OFFHOURS_BENCH_REDIS", "redis://127.0.0.1:6379/13")


def empty() -> None:
    with Redis.from_url(URL) as client:
        client.flushdb()


def client() -> Redis:
    return Redis.from_url(URL)
