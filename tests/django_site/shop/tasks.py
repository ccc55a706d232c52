"""Tasks of both kinds: Offhours' own, and Django's."""

from typing import Any

from tests.django_site.shop.models import Order

from offhours.integrations.django import app
from offhours.integrations.django.framework import TaskContext

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task


@app.task
def ship(order_id: int) -> str:
    """Ship an order."""
    Order.objects.filter(id=order_id).update(shipped=True)
    return Order.objects.get(id=order_id).what


@task
def add(one: int, other: int) -> int:
    """Add two numbers."""
    return one + other


@task(priority=-80, queue_name="mail")
def fail(why: str) -> None:
    """Fail."""
    raise ValueError(f"because of {why}\nand: more")


@task(takes_context=True)
def attempts(context: TaskContext, more: int = 0) -> Any:
    """Say which attempt this is."""
    return context.attempt + more


@task
async def add_async(one: int, other: int) -> int:
    """Add two numbers in a coroutine."""
    return one + other
