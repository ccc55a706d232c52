"""Offhours in Django: `"offhours.integrations.django"` in INSTALLED_APPS. Extra: `django`.

In any `tasks.py` of your project:

    from offhours.integrations.django import app

    @app.task
    def send_receipt(order_id: int) -> None: ...

and in a view: `submit_on_commit(send_receipt, order.id)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.integrations.django.submitting import submit_on_commit as submit_on_commit

    app: Offhours

__all__ = ["app", "submit_on_commit"]


def __getattr__(name: str) -> Any:
    # Django imports this package before it is ready: what needs settings is made on use.
    if name == "app":
        return import_module(f"{__name__}.project").project_app()
    if name == "submit_on_commit":
        return import_module(f"{__name__}.submitting").submit_on_commit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
