"""All benchmarks, or some: `python benchmarks/run.py [submit drain ...] [--quick] [--write]`.

Prints one table for each; higher is better for rates, lower for times, CPU and memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import charts
import machine
import peers
import report
import rounds
from cases import Bench
from choices import CHOICES
from figures import FIGURES
from on_servers import GROUPS

BENCHES = (*FIGURES, *GROUPS["postgres"], *GROUPS["celery"], *CHOICES)
HOW = """Each figure is the median over the rounds, with the smallest and the largest in brackets;
contenders took turns. A ratio is taken within each round, of the first figure of its line."""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments(arguments)
    chosen = _chosen(asked.names)
    sides, absent = _sides(chosen, asked.no_peers)
    disk = asked.disk or machine.disk_folder()
    plan = rounds.Plan(disk, asked.quick, asked.rounds, sides, absent)
    about = _about(plan)
    print(f"{about}\n{HOW}\n")
    measured = {}
    for bench in chosen:
        results = rounds.run(bench, plan)
        measured[bench.name] = results
        table = report.table(bench, results)
        print(table)
        if asked.write:
            drawn = charts.write(PAGE.parent / "charts", bench, results)
            report.write(PAGE, bench.name, f"{table}\n{drawn}\n{about}")
        if asked.json:
            asked.json.write_text(json.dumps({"about": about, "results": measured}, indent=1))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ", ".join([*(bench.name for bench in BENCHES), *GROUPS])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {names} (all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, two rounds")
    parser.add_argument("--rounds", type=int, help="how often each contender has its turn")
    parser.add_argument("--no-peers", action="store_true", help="Offhours and the limits only")
    parser.add_argument("--disk", type=Path, help="a folder on a real disk for the databases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to a file")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    return parser.parse_args(arguments)


def _chosen(names: Sequence[str]) -> list[Bench]:
    known = {**{bench.name: (bench,) for bench in BENCHES}, **GROUPS}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return [bench for name in names for bench in known[name]] or list(BENCHES)


def _sides(chosen: list[Bench], no_peers: bool) -> tuple[frozenset[str], tuple[str, ...]]:
    """Every side that is wanted and can run here; the others with their reasons."""
    wanted = {case.side for bench in chosen for case in bench.cases}
    sides, absent = set(), []
    for side in sorted(wanted - set(peers.PEERS) if no_peers else wanted):
        if reason := peers.missing(side):
            absent.append(f"without {side}: {reason}")
        else:
            sides.add(side)
    return frozenset(sides), tuple(absent)


def _about(plan: rounds.Plan) -> str:
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    versions = "; ".join([*map(peers.version_of, sorted(plan.sides)), *plan.absent])
    disk = machine.file_system(plan.disk) or "unknown file system"
    return (
        f"*{datetime.now(UTC):%Y-%m-%d}, {machine.description()}, databases on {disk}; "
        f"{versions}; `{command}`*\n"
    )


if __name__ == "__main__":
    main()
