"""Whatever is sent, the answer is one that the API's description names, and never a 5xx."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.nightly import NIGHTLY
from tests.unit.api.test_documented import Training
from tests.unit.api.test_optimizer import Office
from tests.unit.api.test_training import trained

from offhours.api import ApiServer
from offhours.api.limits import Limits
from offhours.core.notices import NewAlert
from offhours.core.outcomes import Defer
from offhours.recorder import PerfCatcherInterceptor
from offhours.testing import FakeMachine, MemoryApp, memory_app

# By day some random requests for each address and method; by night also each bound of each field.
CASES, PHASES = (50, "examples,coverage,fuzzing") if NIGHTLY else (4, "examples,fuzzing")
SECONDS = 3600 if NIGHTLY else 300
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "response_headers_conformance", "ignored_auth",
    "unsupported_method",
]  # fmt: skip
FUZZER = Path(sysconfig.get_path("scripts"), "schemathesis")
RECORDER = PerfCatcherInterceptor(background=False, sinks=[])  # as long as these tests


def furnished() -> MemoryApp:
    """An app in which the numbers that a fuzzer tries first are taken."""
    app = memory_app()

    @app.task(name="shop:work")
    def work(how: str = "") -> None:
        if how == "fail":
            raise ValueError("no luck")
        if how == "defer":
            raise Defer(until="1h", reason="later")

    for how in ("", "fail", "defer"):
        app.submit("shop:work", args=(how,))
    app.drain()
    for _ in range(5):
        app.submit("shop:work", delay="1h")
        app.schedule("shop:work", "every day at 9am", name=f"daily {app.counts()['later']}")
    app.store.notices.fire(NewAlert("r", "s", "high", "wrong"), app.clock.micros())
    trained(app, FakeMachine(), "acme")
    Office(app, sandbox={"enabled": False})
    RECORDER.record("fuzzed", 12)
    app.hold_foreground("wf_1", "10m")
    return app


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    limits = Limits(rate=1e9, burst=10**9, bad_tokens=10**9)
    with ApiServer(furnished(), limits=limits, page=None, training=Training()) as made:
        assert made.wait()
        yield made


@pytest.mark.timeout(SECONDS)
def test_every_answer_is_a_described_one(server: ApiServer, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            FUZZER, "run", f"{server.url}openapi.json", "--no-color", "--warnings=off",
            f"--phases={PHASES}", f"--max-examples={CASES}", "--generation-deterministic",
            f"--checks={','.join(CHECKS)}", "--suppress-health-check=all",
            f"--header=Authorization: Bearer {server.token}",
            "--exclude-path=/api/v1/events",  # a stream does not end
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: " in done.stdout


def test_the_description_is_openapi_3_1(server: ApiServer) -> None:
    asked = Request(
        f"{server.url}openapi.json", headers={"Authorization": f"Bearer {server.token}"}
    )
    with urlopen(asked) as answer:
        raw: dict[str, Any] = json.load(answer)
    assert raw["openapi"].startswith("3.1") and len(raw["paths"]) > 60
    shapes = raw["components"]["schemas"].values()
    assert sum("examples" in shape for shape in shapes) > 8
    bare = [
        (path, method)
        for path, methods in raw["paths"].items()
        for method, operation in methods.items()
        if not (operation.get("summary") and operation.get("description"))
    ]
    assert bare == []
