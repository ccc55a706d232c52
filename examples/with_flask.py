"""A shop in Flask: orders are shipped in the background, and shoppers never notice.

cd examples
python with_flask.py                              one order, from end to end
flask --app with_flask run                        serve; the page is at /ops/
flask --app with_flask offhours worker            work, in as many processes as you like
gunicorn --workers 4 with_flask:flask             serve with four
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, current_app, request

from offhours import Offhours
from offhours.integrations.flask import OffhoursFlask

jobs = Offhours(os.environ.get("SHOP_JOBS", "shop-jobs.db"))

flask = Flask(__name__)
flask.config.update(
    SECRET_KEY=os.environ.get("SHOP_KEY", "change me before anybody else can reach it"),
    CARRIER="the post",
    OFFHOURS={"foreground": True, "page": "/ops"},
)
offhours = OffhoursFlask(flask, jobs)


@jobs.task(retries=3)
def ship(what: str) -> str:
    """Ship something. A task has the application's context, as a view has."""
    return f"{what} goes by {current_app.config['CARRIER']}"


@flask.post("/orders")
def order() -> tuple[dict[str, int], int]:
    """Take an order: it is stored when this returns."""
    return {"job": ship.submit(request.get_json()["what"]).id}, 202


@flask.get("/orders/<int:number>")
def look(number: int) -> dict[str, Any]:
    """Say what became of it."""
    job = jobs.job(number)
    done = job.status.final
    return {"status": job.status, "why": str(job.why()), "result": job.result() if done else None}


@flask.get("/health")
@offhours.background
def health() -> dict[str, int]:
    """A probe is nobody whom background work could disturb."""
    return {"process": os.getpid()}


def main() -> None:
    """Order something and wait until it is shipped."""
    client = flask.test_client()
    number = client.post("/orders", json={"what": "a hat"}).get_json()["job"]
    print(client.get(f"/orders/{number}").get_json()["why"])
    with jobs:
        jobs.job(number).wait("20s")
    print(client.get(f"/orders/{number}").get_json()["result"])


if __name__ == "__main__":
    main()
