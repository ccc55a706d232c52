"""What was tried before it was chosen: the size of a page, and how a batch is told."""

from __future__ import annotations

from typing import Any

from cases import (
    NONE,
    RATE,
    Bench,
    Case,
)


def _page(size: int, measure: str, n: int, **params: Any) -> Case:
    against = f"{measure}, page size 2048" if size != 2048 else ""
    params = {"page_size": size, **params}
    return Case(f"{measure}, page size {size}", "sqlite", measure, NONE, params, n, against)


PAGES = Bench(
    "pages",
    "Page size",
    RATE,
    (
        *(_page(size, "submit", 20_000, durability="normal") for size in (1024, 2048, 4096, 8192)),
        *(_page(size, "drain", 40_000, each=256) for size in (1024, 2048, 4096, 8192)),
    ),
    ours="2048",
    note="submit: one job and its event a commit. drain: claim and complete by 256. Bare apsw on "
    "the tables and indexes of an Offhours store, synchronous=NORMAL.",
)


def _batch(singly: bool, busy: bool, n: int) -> Case:
    way = "a statement a job" if singly else "a statement a batch"
    company = "beside a busy Python thread" if busy else "alone"
    against = f"a statement a batch, {company}" if singly else ""
    params = {"each": 20, "singly": singly, "busy": busy}
    return Case(f"{way}, {company}", "sqlite", "drain", NONE, params, n, against)


BATCHES = Bench(
    "batches",
    "One JSON parameter a batch, or a statement a job",
    {"ms_per_job": "ms a job"},
    (
        _batch(False, False, 20_000),
        _batch(True, False, 20_000),
        _batch(False, True, 1_000),
        _batch(True, True, 500),
    ),
    rounds=5,
    better="lower",
    ours="batch",
    note="Claim and complete by 20, two updates and two events a job, on bare apsw.",
)

CHOICES = (PAGES, BATCHES)
