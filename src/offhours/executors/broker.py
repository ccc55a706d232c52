"""What both sides know of the broker: the Celery application, its queues, how to connect."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu import Connection, Queue

from offhours.core.model import TaskPriority

RUN = "offhours.run"
_SOCKET = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0}


def celery_application(broker: str, prefix: str) -> Celery:
    """A Celery application with one queue for each priority, for JSON only."""
    made = Celery("offhours", broker=broker, set_as_current=False)
    made.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_queues=[queue_of(prefix, priority) for priority in sorted(TaskPriority)],
        task_default_queue=queue_name(prefix, TaskPriority.NORMAL),
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(broker) | {"queue_order_strategy": "priority"},
    )
    return made


def queue_name(prefix: str, priority: int) -> str:
    """The queue in which jobs of a priority wait for a Celery worker."""
    return f"{prefix}.{TaskPriority.parse(priority).name.lower()}"


def queue_of(prefix: str, priority: int) -> Queue:
    """The same, as a broker is told of it."""
    # The exchange that every broker has by itself: there is no binding that could be lost.
    name = queue_name(prefix, priority)
    return Queue(name, exchange="", routing_key=name)


def connection_to(broker: str) -> Connection:
    """A connection that does not wait for ever."""
    return Connection(
        broker, connect_timeout=5, heartbeat=10, transport_options=_transport_options(broker)
    )


def _transport_options(broker: str) -> dict[str, Any]:
    return dict(_SOCKET) if broker.startswith(("redis", "rediss", "sentinel")) else {}
