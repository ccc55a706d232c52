"""What SQLite and PostgreSQL spell differently, and the statements in either spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.resources import files

from offhours.core.access import Operation, Token
from offhours.core.agents import Goal, StoredThought
from offhours.core.artifacts import Artifact
from offhours.core.flows import Approval
from offhours.core.model import Claimed, Job
from offhours.core.notices import Alert, Delivery, JobFacts
from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.schedules import NewSchedule, Schedule
from offhours.core.templates import StoredTemplate
from offhours.core.training import Cycle, Model, Version


class Dialect(Enum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


# What a goal has of its schedule, and how many jobs of it are not finished.
_OF_SCHEDULE = {
    "schedule_status": "status",
    **{name: name for name in (
        "text", "next_at", "last_at", "runs", "failures", "created_at", "updated_at")},
}  # fmt: skip
_OPEN_JOBS = (
    "(select count(*) from jobs where jobs.schedule_id = goals.schedule_id "
    "and jobs.finished_at is null)"
)


def _goal_columns() -> str:
    return ", ".join(
        f"schedules.{_OF_SCHEDULE[field]}" if field in _OF_SCHEDULE
        else _OPEN_JOBS if field == "open_jobs"
        else f"goals.{field}"
        for field in Goal._fields
    )  # fmt: skip


# A claim is read before it is written, so the attempt in it is already the next one.
_COLUMNS = {
    "{job}": ", ".join(Job._fields),
    "{short}": ", ".join(
        {"args": "substr(args, 1, 400)", "result": "null", "error": "{tail error}"}.get(f, f)
        for f in Job._fields
    ),
    "{claimed}": ", ".join("attempt + 1" if f == "attempt" else f for f in Claimed._fields),
    "{schedule}": ", ".join(Schedule._fields),
    "{facts}": ", ".join(JobFacts._fields),
    "{delivery}": ", ".join(Delivery._fields),
    "{alert}": ", ".join(Alert._fields),
    "{model}": ", ".join(Model._fields),
    "{version}": ", ".join(Version._fields),
    "{cycle}": ", ".join(Cycle._fields),
    "{artifact}": ", ".join(field for field in Artifact._fields if field != "score"),
    "{wanted}": "(:type is null or type = :type) and (:many = 0 or artifacts.id in ("
    "select artifact from artifact_tags where tag in ({texts :tags}) "
    "group by artifact having count(*) = :many)) "
    "and (:tasks = 1 or source is distinct from 'task')",
    "{approval}": ", ".join(Approval._fields),
    "{thought}": ", ".join(StoredThought._fields),
    # A thought is the tenant's whose goal or job has left it.
    "{thought_of_tenant}": "(:tenant is null or exists (select 1 from goals "
    "where goals.schedule_id = thoughts.schedule_id and goals.tenant = :tenant) "
    "or exists (select 1 from jobs where jobs.id = thoughts.job_id and jobs.tenant = :tenant))",
    "{goal}": _goal_columns(),
    "{automation}": ", ".join(StoredAutomation._fields),
    "{trial}": ", ".join(StoredTrial._fields),
    "{new_schedule}": ", ".join(NewSchedule._fields),
    "{new_schedule_values}": ", ".join(f":{field}" for field in NewSchedule._fields),
    "{token}": ", ".join(Token._fields),
    "{template}": ", ".join(StoredTemplate._fields),
    "{operation}": ", ".join(Operation._fields),
    "{found}": """(:states is null or {names :states state})
  and (:tasks is null or {names :tasks task}) and (:queues is null or {names :queues queue})
  and (:priorities is null or {names :priorities priority})
  and (:tenant is null or tenant = :tenant)
  and (:schedule_id is null or schedule_id = :schedule_id)
  and (:text is null or lower(task) like :text escape '\\' or lower(name) like :text escape '\\'
       or lower(args) like :text escape '\\' or lower(metadata) like :text escape '\\'
       or lower(reason) like :text escape '\\' or lower(error) like :text escape '\\')
  and (:since is null or created_at >= :since) and (:until is null or created_at < :until)
  and (:finished_after is null or finished_at >= :finished_after)
  and (:finished_before is null or finished_at < :finished_before)
  and (:tags is null or {tagged metadata :tags})
  and (:flow_id is null or id in (select job_id from members where flow_id = :flow_id))
  and (:ids is null or id in ({ints :ids}))""",
    # What a bulk verb can be done to, beside the states that it asks for.
    "{open}": """(:verb <> 'cancel' or cancel_at is null)
  and (:verb <> 'resume' or code = 'paused')
  and (:verb <> 'retry' or owner is null and not exists (
        select 1 from jobs as again where again.retry_of = jobs.id))""",
    # The tenant, the task if it is limited, the concurrency key and its limit, as far as they are.
    "{line}": "coalesce(:tenant, '') || case when exists (select 1 from limits "
    "where scope = 'task' and name = :task) then {unit} || :task "
    "when :concurrency_key is not null then {unit} else '' end || "
    "case when :concurrency_key is not null "
    "then {unit} || :concurrency_key || {unit} || :per_key else '' end",
}

# The words in braces: a JSON list as rows, one item of such a row, a whole query as a JSON list,
# whether a name is in a `name_list`, the mark between such names, what stands behind all rows of a
# name and before those of the next (to SQLite, "greater than" means to read through all that are
# equal), a text or a whole number in a JSON object, the number that a new row got, where a text
# stands in another (0: nowhere), whether one of a `name_list` is among the tags of a row, who
# thought of a row, and the index of words: what is put into it,
# what is found in it, and how well it fits.
_SPELLINGS: Mapping[Dialect, Mapping[str, str]] = {
    Dialect.SQLITE: {
        "rows": "json_each({0})",
        "ints": "select value from json_each({0})",
        "texts": "select value from json_each({0})",
        "int": "{0}.value ->> {1}",
        "text": "{0}.value ->> {1}",
        "field": "{0} ->> '{1}'",
        "number": "{0} ->> '{1}'",
        "list": "json_group_array({0})",
        "array": "json_array({0})",
        "names": "instr({0}, char(31) || {1} || char(31))",
        "unit": "char(31)",
        "past": "{0} || char(1)",
        "tail": "substr({0}, -400)",
        "numbered": "",
        "place": "instr({1}, {0})",
        "tagged": "exists (select 1 from json_each({0}, '$.tags') as tag "
        "where instr({1}, char(31) || tag.value || char(31)))",
        "thought": "instr(metadata, 'origin_thought_id') > 0 "
        "and metadata ->> '$.origin_thought_id' = {0}",
        "word_row": "(rowid, name, words) values (:id, :name, :words)",
        "word_id": "rowid",
        "found": "artifact_words match {0}",
        "fit": "-bm25(artifact_words, 4.0, 1.0)",
    },
    Dialect.POSTGRES: {
        "rows": "json_array_elements(({0})::json)",
        "ints": "select value::bigint from json_array_elements_text(({0})::json)",
        "texts": "select value from json_array_elements_text(({0})::json)",
        "int": "({0}.value ->> {1})::bigint",
        "text": "({0}.value ->> {1})",
        "field": "(({0})::json ->> '{1}')",
        "number": "(({0})::json ->> '{1}')::bigint",
        "list": "coalesce(json_agg({0}), '[]')::text",
        "array": "json_build_array({0})",
        "names": "strpos({0}, chr(31) || {1} || chr(31)) > 0",
        "unit": "chr(31)",
        "past": "{0}",
        "tail": "right({0}, 400)",
        "numbered": "returning id",
        "place": "strpos({1}, {0})",
        "tagged": "exists (select 1 from json_array_elements_text(case json_typeof("
        "({0})::json -> 'tags') when 'array' then ({0})::json -> 'tags' else '[]' end) "
        "as tag (value) where strpos({1}, chr(31) || tag.value || chr(31)) > 0)",
        "thought": "strpos(metadata, 'origin_thought_id') > 0 "
        "and metadata::json ->> 'origin_thought_id' = {0}",
        "word_row": "(id, words) values (:id, setweight(to_tsvector('english', :name), 'A') "
        "|| setweight(to_tsvector('english', :words), 'B'))",
        "word_id": "id",
        "found": "words @@ to_tsquery('english', {0})",
        "fit": "ts_rank(words, to_tsquery('english', {0}))",
    },
}
_FILES = ("queries.sql", "agents.sql", "bulk.sql", "templates.sql")
_WORD = re.compile(r"\{(\w+)(?: ([^{}]*))?\}")
_INTEGERS = frozenset({"run_at", "returned", "crashes", "deferrals", "expires_at"})


@cache
def statements(dialect: Dialect) -> dict[str, str]:
    """All of the `.sql` files by name, without comments and with the column lists filled in."""
    folder = files("offhours.store")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in _FILES)
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
