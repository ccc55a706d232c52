"""`Idempotency-Key`: the first answer, for whoever asks again."""

from __future__ import annotations

from starlette.testclient import TestClient

from offhours.core.access import Reply
from offhours.testing import MemoryApp

BODY = {"task": "shop:work"}
KEY = {"Idempotency-Key": "order-7"}


def test_a_repeated_request_is_one_job(app: MemoryApp, client: TestClient) -> None:
    first = client.post("/api/v1/jobs", json=BODY, headers=KEY)
    again = client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["location"] == first.headers["location"]
    assert app.counts()["ready"] == 1
    assert len(client.get("/api/v1/audit").json()["data"]) == 1


def test_another_body_is_refused(client: TestClient) -> None:
    client.post("/api/v1/jobs", json=BODY, headers=KEY)
    answer = client.post("/api/v1/jobs", json={**BODY, "name": "other"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")


def test_refusals_are_kept_too(client: TestClient) -> None:
    first = client.post("/api/v1/jobs", json={"task": "none"}, headers=KEY)
    again = client.post("/api/v1/jobs", json={"task": "none"}, headers=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == "application/problem+json"


def test_in_flight(app: MemoryApp, client: TestClient, monkeypatch) -> None:
    access, now = app.store.access, app.clock.micros()
    begun: list[str] = []
    begin = access.begin_reply

    def note(key: str, *rest: object) -> Reply | None:
        begun.append(key)
        return begin(key, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(access, "begin_reply", note)
    client.post("/api/v1/jobs", json=BODY, headers=KEY)
    access.drop_reply(begun[0])
    fingerprint = "that of another process, which has not answered yet"
    begin(begun[0], fingerprint, now - 1, now)
    answer = client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert answer.status_code == 422  # another request altogether
    app.clock.advance("2m")  # its process has died
    assert client.post("/api/v1/jobs", json=BODY, headers=KEY).status_code == 201


def test_the_same_request_in_flight_is_a_conflict(app: MemoryApp, client: TestClient) -> None:
    answers = []

    def ask_again() -> None:
        answers.append(client.post("/api/v1/jobs", json=BODY, headers=KEY))

    submit, once = app.submit_calls, []

    def slow(*args: object, **options: object) -> object:
        if not once:
            once.append(True)
            ask_again()
        return submit(*args, **options)  # type: ignore[arg-type]

    app.submit_calls = slow  # type: ignore[assignment]
    first = client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert first.status_code == 201
    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "in_flight")
    assert answers[0].headers["retry-after"] == "1"


def test_kept_for_a_day(app: MemoryApp, client: TestClient) -> None:
    client.post("/api/v1/jobs", json=BODY, headers=KEY)
    app.clock.advance("25h")
    client.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert app.counts()["ready"] == 2


def test_one_holder_s_key_is_not_another_s(app: MemoryApp, client_of) -> None:
    for tenant in ("a", "b"):
        client_of("submit", tenant).post("/api/v1/jobs", json=BODY, headers=KEY)
    assert app.counts()["ready"] == 2


def test_no_key_is_too_long(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json=BODY, headers={"Idempotency-Key": "x" * 201})
    assert answer.status_code == 422


def test_what_went_wrong_here_is_not_kept(app: MemoryApp, client: TestClient, monkeypatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("secret: hunter2")

    quiet = TestClient(client.app, base_url="http://localhost", raise_server_exceptions=False,
                       headers=dict(client.headers))  # fmt: skip
    monkeypatch.setattr(app, "submit_calls", fail)
    answer = quiet.post("/api/v1/jobs", json=BODY, headers=KEY)
    assert answer.status_code == 500 and "hunter2" not in answer.text
    monkeypatch.undo()
    assert quiet.post("/api/v1/jobs", json=BODY, headers=KEY).status_code == 201
