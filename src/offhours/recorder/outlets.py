"""Where dumps go when nobody said so in Python: what the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from offhours.recorder.delivery import Delivery
from offhours.recorder.sinks.base import Sink


def from_environment(environment: Mapping[str, str] = os.environ) -> list[Delivery]:
    """PERFCATCHER_LOKI_URL or LOKI_URL, PERFCATCHER_LOKI_TENANT, PERFCATCHER_LOKI_TOKEN,
    PERFCATCHER_SPOOL (a folder) and PERFCATCHER_FILE.

    >>> from_environment({})
    []
    """
    found = []
    url = environment.get("PERFCATCHER_LOKI_URL") or environment.get("LOKI_URL")
    if url:
        from offhours.recorder.sinks.loki import LokiSink
        from offhours.recorder.sinks.spool import Spool

        folder = environment.get("PERFCATCHER_SPOOL")
        loki = LokiSink(
            url,
            tenant=environment.get("PERFCATCHER_LOKI_TENANT"),
            token=environment.get("PERFCATCHER_LOKI_TOKEN"),
            dead_letters=os.path.join(folder, "refused.jsonl") if folder else None,
        )
        found.append(Delivery(loki, spool=Spool(folder) if folder else None))
    if path := environment.get("PERFCATCHER_FILE"):
        from offhours.recorder.sinks.files import FileSink

        found.append(Delivery(FileSink(path)))
    return found


def queued(sinks: Iterable[Sink | Delivery]) -> list[Delivery]:
    """Each sink with a queue of its own."""
    return [one if isinstance(one, Delivery) else Delivery(one) for one in sinks]
