"""All benchmarks, or some: `python benchmarks/run.py [--only submit,drain] [--quick] [--write]`.

Prints one table for each; higher is better for rates, lower for times, CPU and memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError

import machine
import peers
import report
import rounds
from cases import BENCHES, Bench

HOW = """Each figure is the median over the rounds, with the smallest and the largest in brackets;
contenders took turns. A ratio is taken within each round, of the first figure of its line."""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments(arguments)
    chosen = _chosen(asked.only)
    sides = _sides(asked.no_peers)
    plan = rounds.Plan(asked.disk or machine.disk_folder(), asked.quick, asked.rounds, sides)
    about = _about(plan)
    print(f"{about}\n{HOW}\n")
    measured = {}
    for bench in chosen:
        results = rounds.run(bench, plan)
        measured[bench.name] = results
        table = report.table(bench, results)
        print(table)
        if asked.write:
            report.write(PAGE, bench.name, f"{table}\n{about}")
        if asked.json:
            asked.json.write_text(json.dumps({"about": about, "results": measured}, indent=1))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ",".join(bench.name for bench in BENCHES)
    parser.add_argument("--only", metavar="NAMES", help=f"some of {names}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, two rounds")
    parser.add_argument("--rounds", type=int, help="how often each contender has its turn")
    parser.add_argument("--no-peers", action="store_true", help="Offhours and the limits only")
    parser.add_argument("--disk", type=Path, help="a folder on a real disk for the databases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to a file")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    return parser.parse_args(arguments)


def _chosen(only: str | None) -> list[Bench]:
    known = {bench.name: bench for bench in BENCHES}
    wanted = list(known) if only is None else only.split(",")
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted]


def _sides(no_peers: bool) -> frozenset[str]:
    """Ours, and every peer that can be installed here."""
    sides = {"offhours", "sqlite"}
    for peer in () if no_peers else peers.PEERS:
        try:
            peers.interpreter(peer)
            sides.add(peer)
        except (CalledProcessError, OSError) as error:
            print(f"without {peer}: {error}", file=sys.stderr)
    return frozenset(sides)


def _about(plan: rounds.Plan) -> str:
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    versions = "; ".join(peers.version_of(side) for side in sorted(plan.sides))
    disk = machine.file_system(plan.disk) or "unknown file system"
    return (
        f"*{datetime.now(UTC):%Y-%m-%d}, {machine.description()}, databases on {disk}; "
        f"{versions}; `{command}`*\n"
    )


if __name__ == "__main__":
    main()
