"""The whole suite."""

from __future__ import annotations

from tests.sandbox import on_files, on_kernel, on_limits, on_processes

ATTACKS = [
    *on_files.ATTACKS,
    *on_processes.ATTACKS,
    *on_limits.ATTACKS,
    *on_kernel.ATTACKS,
]
BY_NAME = {attack.name: attack for attack in ATTACKS}
assert len(BY_NAME) == len(ATTACKS)

# They take long where nobody ends them.
SLOW = {
    "a folder deeper than any path",
    "a process that never listens",
    "a chain of forks that runs away",
    "more processes than allowed",
    "a string that doubles in bash",
    "countless links and folders",
    "countless files",
    "many small children",
}
assert BY_NAME.keys() >= SLOW
