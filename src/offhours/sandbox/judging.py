"""What an ending means: the status of a run, from what the kernel and our limits say."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from typing import Any

from offhours.core.sandbox import RunStatus, SandboxResult, Usage
from offhours.core.times import Micros
from offhours.sandbox.backend import Backend
from offhours.sandbox.levels import Limits
from offhours.sandbox.order import Order
from offhours.sandbox.stage0 import SCRIPT_FAILED_FOR_MEMORY
from offhours.sandbox.watch import Ending

_BY_SIGNAL = {
    signal.SIGXCPU: RunStatus.CPU_LIMIT,
    signal.SIGXFSZ: RunStatus.DISK_LIMIT,
}


def result_of(
    ending: Ending, order: Order, backend: Backend, run_id: str, automation: str, at: Micros
) -> SandboxResult:
    """The whole answer to an order."""
    status, exit_code = _status(ending)
    data = None
    error = _sentence(status, exit_code, order.limits)
    if status is RunStatus.PASSED and ending.result is not None:
        data, error = _data(ending.result, order.limits)
        status = RunStatus.FAILED if error else status
    collection = ending.collection
    peak = ending.peak
    return SandboxResult(
        run_id=run_id,
        automation_id=automation,
        status=status,
        level=order.level,
        language=order.language,
        started_at=at,
        exit_code=exit_code,
        error=error,
        data=data,
        stdout=ending.stdout.decode("utf-8", "replace"),
        stderr=ending.stderr.decode("utf-8", "replace"),
        truncated=ending.truncated,
        artefacts=tuple(collection.artefacts) if collection else (),
        left_out=collection.left_out if collection else {},
        usage=Usage(ending.wall, peak.cpu, peak.memory, peak.disk, peak.processes, ending.output),
        backend=str(backend),
        guarantees=guarantees(backend, ending.counted),
        script_hash=order.script_hash,
    )


def guarantees(backend: Backend, counted: bool) -> Mapping[str, bool]:
    """What held. `memory_hard`: the kernel stops at the limit; else the watchdog, a bit later."""
    return {
        "files_private": True,
        "processes_private": True,
        "network_closed_below_minimal": True,
        "system_calls_filtered": True,
        "landlock": backend.landlock > 0,
        "disk_total": True,
        "memory_hard": counted,
    }


def _status(ending: Ending) -> tuple[RunStatus, int | None]:
    code = None if ending.wait_status is None else os.waitstatus_to_exitcode(ending.wait_status)
    peak = ending.peak
    if ending.stopped is not None:
        return ending.stopped, code
    if code is None:
        return RunStatus.SANDBOX_ERROR, code
    if peak.out_of_memory or code == SCRIPT_FAILED_FOR_MEMORY:
        return RunStatus.MEMORY_LIMIT, code
    if code == 0:
        return RunStatus.PASSED, code
    if code < 0:
        return _BY_SIGNAL.get(signal.Signals(-code), RunStatus.KILLED), code
    if peak.disk_full:
        return RunStatus.DISK_LIMIT, code
    if peak.out_of_processes:
        return RunStatus.PROCESS_LIMIT, code
    return RunStatus.FAILED, code


def _sentence(status: RunStatus, code: int | None, limits: Limits) -> str:
    """Why it did not pass, in words."""
    if code is not None and code < 0:
        told = f"ended by signal {signal.Signals(-code).name}"
    else:
        told = f"ended with exit code {code}"
    return {
        RunStatus.PASSED: "",
        RunStatus.FAILED: f"the script {told}",
        RunStatus.TIMEOUT: f"the script did not end within {limits.wall:g} s",
        RunStatus.CPU_LIMIT: f"the script used more than {limits.cpu:g} s of processor time",
        RunStatus.MEMORY_LIMIT: f"the script wanted more than {limits.memory} bytes of memory",
        RunStatus.DISK_LIMIT: (
            f"the script wanted more than {limits.disk} bytes or {limits.files} files"
        ),
        RunStatus.PROCESS_LIMIT: f"the script wanted more than {limits.processes} processes",
        RunStatus.OUTPUT_LIMIT: f"the script wrote more than {limits.output} bytes of output",
        RunStatus.KILLED: f"the script {told}" if code is not None else "the run was cancelled",
    }.get(status, "the sandbox failed")


def _data(text: bytes, limits: Limits) -> tuple[Any, str]:
    """The result that the script left, and what is wrong with it."""
    if len(text) > limits.output:
        return None, f"the result has more than {limits.output} bytes"
    try:
        data = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return None, f"the result is not JSON: {error}"
    if isinstance(data, dict) and data.get("success") is False:
        return data, "the script says that it did not succeed"
    return data, ""


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
