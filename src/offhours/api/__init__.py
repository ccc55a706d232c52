"""The REST API and the page's server. FastAPI is loaded with the first use of a name in here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.api.factory import make_app as make_app
    from offhours.api.limits import Limits as Limits
    from offhours.api.serving import ApiServer as ApiServer

_HOME = {
    "ApiServer": "offhours.api.serving",
    "Limits": "offhours.api.limits",
    "make_app": "offhours.api.factory",
}

__all__ = ["ApiServer", "Limits", "make_app"]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'offhours.api' has no attribute {name!r}")
    return getattr(import_module(home), name)
