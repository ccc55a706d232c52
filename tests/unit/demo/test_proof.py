"""The demo's proof does not believe the jobs: it looks at the files, and sees what is wrong."""

from __future__ import annotations

import lzma
import random
import shutil
from pathlib import Path

import pytest

from offhours.demo import material, proof
from offhours.demo.material import Material
from offhours.demo.site import make_site


@pytest.fixture
def made(tmp_path: Path) -> Material:
    rng = random.Random(1)
    return Material(
        folders=[material.make_folder(tmp_path / "files", rng, 6, 3)],
        bases=[material.make_base(tmp_path / "base.db", rng, 200)],
        logs=[material.make_log(tmp_path / "app.log", ["one\n", "two\n"])],
        sites=[make_site(tmp_path / "site", rng, 8, 2)],
    )


def do_it_right(made: Material) -> dict[str, list[object]]:
    """What the jobs should do, done by hand; gives what they should return."""
    [folder], [base], [log], [site] = made.folders, made.bases, made.logs, made.sites
    for group in folder.groups:
        first, *copies = sorted(group)
        for copy in copies:
            Path(copy).unlink()
            Path(copy).hardlink_to(first)
    shutil.copy(base.path, base.target)
    Path(f"{log.path}.xz").write_bytes(lzma.compress(log.path.read_bytes()))
    log.path.unlink()
    return {
        "folders": [[sorted(group) for group in folder.groups]],
        "bases": [base.rows],
        "logs": [1],
        "sites": [site.broken],
    }


def missed(made: Material, results: dict[str, list[object]]) -> list[str]:
    return [figure.name for figure in proof.figures(made, **results) if not figure.ok]


def test_work_done_right_is_proven(made: Material) -> None:
    assert missed(made, do_it_right(made)) == []


def test_work_not_done_is_seen(made: Material) -> None:
    names = missed(made, {"folders": [None], "bases": [None], "logs": [None], "sites": [None]})
    assert names == [
        "groups of duplicate files found",
        "groups joined into one file",
        "databases backed up, sound, with every row",
        "logs compressed, equal when read back",
        "broken links found",
    ]


def test_a_damaged_copy_of_a_database_is_seen(made: Material) -> None:
    results = do_it_right(made)
    target = made.bases[0].target
    body = bytearray(target.read_bytes())
    body[4096:8192] = bytes(4096)
    target.write_bytes(body)
    assert missed(made, results) == ["databases backed up, sound, with every row"]


def test_a_lost_row_is_seen(made: Material) -> None:
    results = do_it_right(made)
    made.bases[0].rows["visit"] += 1
    assert missed(made, results) == ["databases backed up, sound, with every row"]


@pytest.mark.parametrize("body", [b"no archive", lzma.compress(b"one\n")])
def test_a_wrong_archive_is_seen(made: Material, body: bytes) -> None:
    results = do_it_right(made)
    Path(f"{made.logs[0].path}.xz").write_bytes(body)
    assert missed(made, results) == ["logs compressed, equal when read back"]


def test_a_changed_file_is_seen(made: Material) -> None:
    results = do_it_right(made)
    alone = set(made.folders[0].contents) - set().union(*made.folders[0].groups)
    Path(min(alone)).write_bytes(b"gone")
    assert missed(made, results) == ["files that still hold what they held"]


def test_a_link_that_is_sound_and_a_group_that_is_none_are_seen(made: Material) -> None:
    results = do_it_right(made)
    results["sites"] = [[*made.sites[0].broken, "/index.html -> /page1.html"]]
    results["folders"] = [[*results["folders"][0], ["a", "b"]]]  # type: ignore[misc]
    assert missed(made, results) == [
        "groups reported that are none",
        "links reported that are sound",
    ]


def test_there_is_about_as_much_work_as_was_asked_for(tmp_path: Path) -> None:
    few = material.make(tmp_path, 0.5)
    assert len(few.logs) == 12 and len(few.folders) == len(few.bases) == len(few.sites) == 3
    assert all(log.path.stat().st_size > 0 for log in few.logs)
