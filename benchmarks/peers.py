"""Where the contenders run: ours in this interpreter, each peer in an environment of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PEERS = {
    "huey": ["huey==3.5.4"],
    "dramatiq": ["dramatiq[redis]==2.2.1"],
    "celery": ["celery[redis]==5.7.0"],
    "taskiq": ["taskiq==0.13.0", "taskiq-redis==1.2.4"],
    "procrastinate": ["procrastinate==3.10.0", "psycopg[binary]"],
    "dbos": ["dbos==3.4.0"],
    "apscheduler": ["apscheduler==3.11.3", "sqlalchemy==2.1.9"],
}
PEERS["dbos_postgres"] = PEERS["dbos"]

REDIS, POSTGRES = ("127.0.0.1", 6379), ("127.0.0.1", 5432)
SERVICES = {
    "dramatiq": (REDIS,),
    "celery": (REDIS,),
    "taskiq": (REDIS,),
    "procrastinate": (POSTGRES,),
    "dbos_postgres": (POSTGRES,),
    "offhours_postgres": (POSTGRES,),
    "postgres": (POSTGRES,),
    "offhours_celery": (REDIS, POSTGRES),
}


def _versions(*packages: str, beside: str = "") -> str:
    """Code that prints the versions of packages and of what stands beside them."""
    code = "from importlib.metadata import version as v; "
    return f"{code}print(*[f'{{p}} {{v(p)}}' for p in {packages}], sep=', ', end=''); {beside}"


_SQLITE = "import sqlite3; print(' on SQLite', sqlite3.sqlite_version)"
_REDIS = (
    f"import redis; r = redis.Redis(*{REDIS}); c = r.config_get('save', 'appendonly'); "
    "print(' on Redis', r.info()['redis_version'], "
    "'without persistence' if not c['save'] and c['appendonly'] == 'no' else f'persisting {c}')"
)
_POSTGRES = (
    "import psycopg; c = psycopg.connect('host=127.0.0.1 user=postgres'); "
    "one = lambda name: c.execute(f'show {name}').fetchone()[0]; "
    "print(' on PostgreSQL', one('server_version').split()[0], 'fsync', one('fsync'), "
    "'synchronous_commit', one('synchronous_commit'))"
)
VERSIONS = {
    "huey": _versions("huey", beside=_SQLITE),
    "dramatiq": _versions("dramatiq", beside=_REDIS),
    "celery": _versions("celery", beside=_REDIS),
    "taskiq": _versions("taskiq", "taskiq-redis", beside=_REDIS),
    "procrastinate": _versions("procrastinate", beside=_POSTGRES),
    "dbos": _versions("dbos", beside=_SQLITE),
    "dbos_postgres": _versions("dbos", beside=_POSTGRES),
    "apscheduler": _versions("apscheduler", "sqlalchemy", beside=_SQLITE),
    "sqlite": "import apsw; print('apsw', apsw.apsw_version(), 'with SQLite', "
    "apsw.sqlite_lib_version())",
    "offhours": "import offhours; print('Offhours', offhours.__version__)",
    "offhours_postgres": _versions("offhours", "psycopg", beside=_POSTGRES),
    "offhours_celery": _versions("offhours", "celery", beside=f"{_REDIS}; {_POSTGRES}"),
    "postgres": _versions("psycopg", beside=_POSTGRES),
}


def interpreter(side: str) -> str:
    """The Python to run a side with; a peer's environment is made on first use."""
    requirements = PEERS.get(side)
    if requirements is None:
        return sys.executable
    version = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    # Dramatiq globs for its scripts, so that its folder may have no brackets.
    name = re.sub(r"\W+", "-", "-".join(requirements))
    folder = _cache() / f"{name}-{version}"
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
    run = [interpreter(side), "-c", VERSIONS[side]]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    return " ".join(told.split())


def missing(side: str) -> str:
    """Why a side cannot run here, or nothing."""
    for service in SERVICES.get(side, ()):
        try:
            socket.create_connection(service, timeout=2).close()
        except OSError as error:
            return f"nothing answers at {service[0]}:{service[1]} ({error})"
    try:
        version_of(side)
    except (subprocess.CalledProcessError, OSError) as error:
        return str(error)
    return ""


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offhours-benchmarks"
