"""Whatever is sent, the answer is one that the API's description names, and never a 5xx."""

from __future__ import annotations

import warnings
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from tests.unit.api.test_documented import Training
from tests.unit.api.test_optimizer import Office
from tests.unit.api.test_training import trained

from offhours.api import make_app
from offhours.api.limits import Limits
from offhours.core.notices import NewAlert
from offhours.core.outcomes import Defer
from offhours.recorder import PerfCatcherInterceptor
from offhours.testing import FakeMachine, MemoryApp, memory_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        ignored_auth,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
        unsupported_method,
    )

CASES = 8  # for each address and method
TOKEN = "oh_the-token-of-the-server-itself"
RECORDER = PerfCatcherInterceptor(background=False, sinks=[])  # as long as these tests
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance, response_headers_conformance, ignored_auth, unsupported_method,
]  # fmt: skip


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


def description() -> Any:
    app = furnished()
    limits = Limits(rate=1e9, burst=10**9, bad_tokens=10**9)
    made = make_app(app, token=TOKEN, training=Training(), limits=limits, page=None)
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", made, headers=headers)
    return schema.exclude(path_regex="/api/v1/events$")  # a stream does not end


schema = description()


@schema.parametrize()
@settings(
    max_examples=CASES,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_a_described_one(case: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost"}
    case.call_and_validate(headers=headers, checks=CHECKS)


def test_the_description_is_openapi_3_1() -> None:
    raw = schema.raw_schema
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
