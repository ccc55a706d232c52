"""Whatever stands in a file or a variable: it is used, or it is told by its key. Nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from offhours.core.errors import ConfigError
from offhours.sources.configuration import Configuration, read
from offhours.sources.keys import BY_NAME, BY_VARIABLE, KEYS, SECTIONS
from offhours.sources.schema import schema

patient = settings(suppress_health_check=[HealthCheck.too_slow])
CHECKED = Draft202012Validator(schema())
scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([10**400, -(10**400), "30s", "none", "true", "thread", "redis://h", 1, 0.5]),
    st.dates(), st.datetimes(),
)  # fmt: skip


def with_containers(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> Any:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2)
    )


values = with_containers(scalars, scalars)
of_json = with_containers(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["30s", "none", "1 h", "thread", "celery", "redis://h", "full", "x", ""]),
    st.text(max_size=3),
)
names = st.sampled_from(sorted({*BY_NAME, *SECTIONS, *(name.split(".")[0] for name in BY_NAME)}))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration") / "some.yaml"


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, last = name.split(".")
        place = tree
        for section in sections:
            inner = place.setdefault(section, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last] = value
    return tree


def faults_of(read_all: Callable[[], Configuration]) -> Sequence[str]:
    """What was refused; what was accepted can be used."""
    try:
        found = read_all()
    except ConfigError as error:
        return error.faults
    for one in found:
        found[one.key.path]
    return ()


@patient
@given(content=st.dictionaries(names | st.text(max_size=8), values, max_size=4).map(nested))
def test_a_file_is_used_or_its_faults_are_told(file: Path, content: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    assert all(str(file) in fault for fault in faults_of(lambda: read(file, environment={})))


@patient
@given(content=st.dictionaries(names, of_json, max_size=3).map(nested))
def test_what_the_schema_accepts_is_accepted(file: Path, content: dict[str, Any]) -> None:
    """But for names of time zones, and two names of one key."""
    twice = any(sum(map(has(content), key.names)) > 1 for key in KEYS.values())
    if twice or has(content)("timezone") or not CHECKED.is_valid(content):
        return
    file.write_text(json.dumps(content), encoding="utf-8")
    assert faults_of(lambda: read(file, environment={})) == ()


def has(tree: dict[str, Any]) -> Any:
    def look(name: str) -> bool:
        place: Any = tree
        for part in name.split("."):
            if not isinstance(place, dict) or part not in place:
                return False
            place = place[part]
        return True

    return look


@patient
@given(
    environment=st.dictionaries(
        st.sampled_from(sorted(BY_VARIABLE)),
        st.text("0123456789.-+eE_ infatruesmhd", max_size=8) | scalars.map(str),
        max_size=4,
    )
)
def test_a_variable_is_used_or_told_by_its_name(environment: dict[str, str]) -> None:
    faults = faults_of(lambda: read(environment=environment, files=False))
    assert all(any(name in fault for name in environment) for fault in faults)
