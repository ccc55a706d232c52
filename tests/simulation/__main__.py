"""`python -m tests.simulation --seeds 10000`: many seeds; `--seed 7`: one, with its whole story."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext

from tests.simulation.database import Postgres
from tests.simulation.trace import SeedFailed
from tests.simulation.world import STEPS, simulate

from offhours.core.times import DAY


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=200, help="how many")
    options.add_argument("--start", type=int, default=0, help="the first")
    options.add_argument("--seed", type=int, help="this one only")
    options.add_argument("--steps", type=int, default=STEPS)
    options.add_argument("--stop", action="store_true", help="at the first that fails")
    options.add_argument("--postgres", metavar="URL", help="on this server instead of on SQLite")
    asked = options.parse_args()
    seeds = range(asked.start, asked.start + asked.seeds)
    if asked.seed is not None:
        seeds = range(asked.seed, asked.seed + 1)
    backend = Postgres.on if asked.postgres else nullcontext
    failed, reports, started = [], [], time.perf_counter()
    for seed in seeds:
        try:
            with backend(asked.postgres) as chosen:
                reports.append(simulate(seed, asked.steps, chosen))
        except SeedFailed as failure:
            failed.append(seed)
            print(failure, flush=True)
            if asked.stop:
                break
    days = sum(report.simulated for report in reports) / DAY
    print(
        f"{len(reports)} seeds held: {days / 365:.1f} simulated years, "
        f"{sum(r.jobs for r in reports):,} jobs, {sum(r.fires for r in reports):,} fires, "
        f"{sum(r.crashes for r in reports):,} crashes, {sum(r.errors for r in reports):,} errors; "
        f"{time.perf_counter() - started:.0f} s; failed: {failed or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
