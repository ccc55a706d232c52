"""What SQLite and PostgreSQL spell differently, and the statements in either spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.resources import files

from offhours.core.model import Claimed, Job
from offhours.core.notices import Alert, Delivery, JobFacts
from offhours.core.schedules import NewSchedule, Schedule


class Dialect(Enum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


# A claim is read before it is written, so the attempt in it is already the next one.
_COLUMNS = {
    "{job}": ", ".join(Job._fields),
    "{claimed}": ", ".join("attempt + 1" if f == "attempt" else f for f in Claimed._fields),
    "{schedule}": ", ".join(Schedule._fields),
    "{facts}": ", ".join(JobFacts._fields),
    "{delivery}": ", ".join(Delivery._fields),
    "{alert}": ", ".join(Alert._fields),
    "{new_schedule}": ", ".join(NewSchedule._fields),
    "{new_schedule_values}": ", ".join(f":{field}" for field in NewSchedule._fields),
    "{line}": "coalesce(:tenant, '') || case when exists (select 1 from limits "
    "where scope = 'task' and name = :task) then {unit} || :task else '' end",
}

# The words in braces: a JSON list as rows, one item of such a row, a whole query as a JSON list,
# whether a name is in a `name_list`, the mark between such names, what stands behind all rows of a
# name and before those of the next (to SQLite, "greater than" means to read through all that are
# equal), and the number that a new row got.
_SPELLINGS: Mapping[Dialect, Mapping[str, str]] = {
    Dialect.SQLITE: {
        "rows": "json_each({0})",
        "ints": "select value from json_each({0})",
        "texts": "select value from json_each({0})",
        "int": "{0}.value ->> {1}",
        "text": "{0}.value ->> {1}",
        "list": "json_group_array({0})",
        "array": "json_array({0})",
        "names": "instr({0}, char(31) || {1} || char(31))",
        "unit": "char(31)",
        "past": "{0} || char(1)",
        "numbered": "",
    },
    Dialect.POSTGRES: {
        "rows": "json_array_elements(({0})::json)",
        "ints": "select value::bigint from json_array_elements_text(({0})::json)",
        "texts": "select value from json_array_elements_text(({0})::json)",
        "int": "({0}.value ->> {1})::bigint",
        "text": "({0}.value ->> {1})",
        "list": "coalesce(json_agg({0}), '[]')::text",
        "array": "json_build_array({0})",
        "names": "strpos({0}, chr(31) || {1} || chr(31)) > 0",
        "unit": "chr(31)",
        "past": "{0}",
        "numbered": "returning id",
    },
}
_WORD = re.compile(r"\{(\w+)(?: ([^{}]*))?\}")
_INTEGERS = frozenset({"run_at", "returned", "crashes", "deferrals"})  # of a move's columns


@cache
def statements(dialect: Dialect) -> dict[str, str]:
    """All of `queries.sql` by name, without comments and with the column lists filled in."""
    text = (files("offhours.store") / "queries.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for part in text.split("-- name: ")[1:]:
        name, _, body = part.partition("\n")
        lines = (line for line in body.splitlines() if not line.startswith("--"))
        sql = "\n".join(lines).strip()
        for mark, columns in _COLUMNS.items():
            sql = sql.replace(mark, columns)
        found[name.strip()] = spelled(sql, dialect).strip()
    return found


def spelled(sql: str, dialect: Dialect) -> str:
    """A statement with the words in braces spelled out; other braces stay."""
    words = _SPELLINGS[dialect]

    def spell(found: re.Match[str]) -> str:
        word, given = found.groups()
        if word not in words:
            return found.group()
        return words[word].format(*([given] if "{1}" not in words[word] else given.split(" ", 1)))

    before = ""
    while sql != before:
        before, sql = sql, _WORD.sub(spell, sql)
    return sql


@cache
def move_statement(dialect: Dialect, columns: tuple[str, ...], to_pending: bool) -> str:
    """The guarded update for moves that change these columns.

    Batch rows are `[id, attempt, data, *values]`. A job that becomes pending is ready at once when
    its time has come.
    """
    values = {
        name: spelled(f"{{{'int' if name in _INTEGERS else 'text'} moves {n}}}", dialect)
        for n, name in enumerate(columns, start=3)
    }
    # Without a new time it was due already, whatever a clock that was set back says.
    come = f"{values.get('run_at')} <= :now"
    ready = f"case when {come} then 1 else 0 end" if "run_at" in values else "1"
    return (
        statements(dialect)["move"]
        .replace("{ready}", ready if to_pending else "0")
        .replace("{assignments}", "".join(f", {name} = {v}" for name, v in values.items()))
    )
