"""Where the contenders run: ours in this interpreter, each peer in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PEERS = {"huey": ["huey==3.5.4"], "apscheduler": ["apscheduler==3.11.3", "sqlalchemy==2.1.9"]}


def interpreter(side: str) -> str:
    """The Python to run a side with; a peer's environment is made on first use."""
    requirements = PEERS.get(side)
    if requirements is None:
        return sys.executable
    version = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    folder = _cache() / f"{'-'.join(requirements).replace('==', '-')}-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        print(f"installing {' '.join(requirements)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(command, check=True)
        done.touch()
    return str(python)


def version_of(side: str) -> str:
    """What a side stands on, by name and version."""
    code = {
        "huey": "import huey, sqlite3; print('Huey', huey.__version__, 'on SQLite', "
        "sqlite3.sqlite_version)",
        "apscheduler": "import apscheduler, sqlalchemy; print('APScheduler', "
        "apscheduler.version, 'with SQLAlchemy', sqlalchemy.__version__)",
        "sqlite": "import apsw; print('apsw', apsw.apsw_version(), 'with SQLite', "
        "apsw.sqlite_lib_version())",
        "offhours": "import offhours; print('Offhours', offhours.__version__)",
    }[side]
    run = [interpreter(side), "-c", code]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offhours-benchmarks"
