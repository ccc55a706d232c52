"""What a process died of, in words."""

from __future__ import annotations

import os
import socket

import pytest

if os.name != "posix":
    pytest.skip("needs POSIX", allow_module_level=True)

from offhours.executors.childprocess import ChildProcess, death


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-11, "its process died of signal 11 (segmentation fault)"),
        (-6, "its process died of signal 6 (abort)"),
        (-9, "its process died of signal 9 (killed; perhaps out of memory)"),
        (-40, "its process died of signal 40"),
        (0, "its process left with exit code 0 before the run had ended"),
        (3, "its process left with exit code 3 before the run had ended"),
    ],
)
def test_death(status: int, said: str) -> None:
    assert death(status) == said


def test_a_process_that_cannot_be_started_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[socket.socket] = []
    socketpair = socket.socketpair

    def noted() -> tuple[socket.socket, socket.socket]:
        made.extend(pair := socketpair())
        return pair

    def full(*args: object, **kwargs: object) -> None:
        raise OSError("no processes left")

    monkeypatch.setattr("socket.socketpair", noted)
    monkeypatch.setattr("subprocess.Popen", full)
    with pytest.raises(OSError, match="no processes left"):
        ChildProcess("offhours.child")
    assert [each.fileno() for each in made] == [-1] * 4
