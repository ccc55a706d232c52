"""What `doctor` looks at on this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from offhours.core.addresses import is_server
from offhours.core.errors import ConfigError, OptionError, UnsafeSQLite

OK, WARN, FAIL = "ok", "warn", "fail"
LITTLE_SPACE = 1_000_000_000
NO_SPACE = 50_000_000
EARLIEST = 1_735_689_600  # 2025: a clock before that was never set
EXTRAS = {
    "agents": "the recorder around tools of the OpenAI Agents SDK",
    "apprise": "notifications by chat, SMS and a hundred other ways",
    "celery": "jobs at Celery workers",
    "django": "jobs of a Django project",
    "fastmcp": "the recorder around tools of a FastMCP server",
    "flask": "jobs of a Flask application",
    "langchain": "the recorder around LangChain's tools",
    "langgraph": "graphs of LangGraph as jobs",
    "mcp": "the verbs as tools for agents, and long tool calls as jobs",
    "mlflow": "promoted models in MLflow's registry, too",
    "otel": "traces by OpenTelemetry",
    "postgres": "a database that many machines share",
    "sandbox": "bubblewrap, for systems that have none",
    "semantic": "search by meaning",
}
_EXTRA = re.compile(r"""([A-Za-z0-9._-]+).*\bextra\s*==\s*["']([^"']+)["']""")


class Check(NamedTuple):
    """One finding. Whatever is not ok has its remedy."""

    name: str
    status: str
    message: str
    remedy: str = ""


def machine(db: str) -> Iterator[Check]:
    """Everything but the database itself."""
    yield python()
    yield sqlite(db)
    yield clock(time.time())
    yield zones()
    if not is_server(db):
        yield file_system(Path(db).absolute().parent)
        yield space(Path(db).absolute().parent)
    yield from extras(requires("offhours") or [])
    yield engine()


def settings() -> Check:
    """The configuration files of this folder, and the environment."""
    from offhours.sources.configuration import read

    try:
        found = read()
    except ConfigError as error:
        remedy = "correct them; offhours config schema says what fits"
        return Check("settings", FAIL, "; ".join(error.faults), remedy)
    chosen = [one for one in found if one.given]
    return Check("settings", OK, f"{len(chosen)} chosen, {len(found.settings)} in all")


def python() -> Check:
    """The interpreter."""
    return Check("python", OK, f"{platform.python_implementation()} {platform.python_version()}")


def sqlite(db: str) -> Check:
    """The SQLite library that we work with, and whether WAL is safe on it."""
    import apsw

    from offhours.store.sqlite.files import check_library

    found = apsw.sqlite_lib_version()
    try:
        check_library(found, db, "wal")
    except UnsafeSQLite as error:
        return Check("sqlite", FAIL, str(error), "pip install --upgrade --force-reinstall apsw")
    return Check("sqlite", OK, f"SQLite {found} by apsw {apsw.apsw_version()}, WAL is safe on it")


def clock(now: float) -> Check:
    """The wall clock: is it set at all."""
    if now < EARLIEST:
        told = time.strftime("%Y-%m-%d", time.gmtime(now))
        return Check("clock", FAIL, f"says {told}", "set the clock, best by NTP")
    told = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
    return Check("clock", OK, told)


def zones() -> Check:
    """The time zone data."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo("Europe/Berlin")
    except (ZoneInfoNotFoundError, OSError):
        return Check("time zones", FAIL, "no time zone data is installed", "pip install tzdata")
    return Check("time zones", OK, f"data is there; local time is {time.tzname[0]}")


def file_system(folder: Path) -> Check:
    """Where the database lies: locks must hold there."""
    from offhours.store.sqlite.files import NETWORK, file_system

    if not folder.is_dir():
        return Check("folder", FAIL, f"{folder} does not exist", f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check(
            "folder", FAIL, f"{folder} cannot be written; SQLite keeps files beside the database",
            "change its permissions, or name another place with --db",
        )  # fmt: skip
    kind = file_system(folder)
    if kind in NETWORK:
        return Check(
            "folder", FAIL, f"{folder} is on {kind}, where file locks do not hold",
            "put the database on a local disk",
        )  # fmt: skip
    return Check("folder", OK, f"{folder} is on {kind or 'an unknown file system'}")


def space(folder: Path) -> Check:
    """Room on the disk."""
    if not folder.is_dir():
        return Check("disk", WARN, "not looked at, the folder does not exist", "create the folder")
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB free"
    if free < NO_SPACE:
        return Check("disk", FAIL, told, "free some space: a full disk stops all work")
    if free < LITTLE_SPACE:
        return Check("disk", WARN, told, "free some space soon")
    return Check("disk", OK, told)


def extras(requirements: list[str]) -> Iterator[Check]:
    """Which optional parts are installed; what each of the others is for, and how to have it."""
    parts: dict[str, bool] = {}
    for match in filter(None, map(_EXTRA.match, requirements)):
        package, extra = match[1], match[2]
        parts[extra] = parts.get(extra, True) and _installed(package)
    there = [extra for extra in parts if parts[extra]]
    yield Check("extras", OK, ", ".join(there) or "none is installed, and none is needed")
    for extra in parts:
        if not parts[extra]:
            told = f'not installed: {EXTRAS.get(extra, extra)}; pip install "offhours[{extra}]"'
            yield Check(f"[{extra}]", OK, told)
    if "semantic" in there:
        yield weights()


def weights() -> Check:
    """The model by which search understands meaning: no extra brings it."""
    from offhours.search.weights import find_model

    try:
        return Check("weights", OK, f"search by meaning with {find_model()}")
    except OptionError as error:
        return Check("weights", OK, f"search is by words: {error}")


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def engine() -> Check:
    """A job from submit to result, in memory."""
    from offhours.app import Offhours

    started = time.perf_counter()
    app = Offhours(":memory:", executor="inline")
    try:
        result = app.submit(len, args=("four",)).result()
    except Exception as error:  # whatever it is, the doctor's work is to tell it
        return Check("engine", FAIL, f"a trial job: {error}", "reinstall: pip install offhours")
    finally:
        app.close()
    took = (time.perf_counter() - started) * 1000
    if result != 4:
        return Check("engine", FAIL, f"a trial job gave {result!r}, not 4", "report this")
    return Check("engine", OK, f"a trial job in memory took {took:.0f} ms")
