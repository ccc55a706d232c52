"""The chain and the recorder that a process has once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from offhours.recorder import outlets
from offhours.recorder.chain import InterceptorChain
from offhours.recorder.delivery import Delivery
from offhours.recorder.perfcatcher import PerfCatcherInterceptor
from offhours.sources.configuration import read

if TYPE_CHECKING:
    from offhours.recorder.sinks.store import HasStore

_OUTLETS = ("loki_url", "loki_tenant", "loki_token", "spool", "file")

_lock = threading.Lock()
_chain: InterceptorChain | None = None


def get_global_interceptor_chain() -> InterceptorChain:
    """The chain of this process, with a `PerfCatcherInterceptor` set up from PERFCATCHER_*, or
    from the section `recorder` of a configuration file.

    What cannot be used raises `ConfigError`, which names every fault.
    """
    global _chain
    with _lock:
        if _chain is None:
            _chain = InterceptorChain([_configured()])
        return _chain


def get_perfcatcher_interceptor() -> PerfCatcherInterceptor:
    """The recorder of this process: the one in `get_global_interceptor_chain()`."""
    chain = get_global_interceptor_chain()
    for interceptor in chain.interceptors:
        if isinstance(interceptor, PerfCatcherInterceptor):
            return interceptor
    made = _configured()
    chain.add(made)
    return made


def _configured() -> PerfCatcherInterceptor:
    chosen = read().section("recorder")
    places = {f"PERFCATCHER_{name.upper()}": chosen.pop(name, "") for name in _OUTLETS}
    kept = chosen.pop("store", False)
    sinks = outlets.from_environment(places)
    if kept:
        from offhours.recorder.sinks.store import StoreSink

        sinks.append(Delivery(StoreSink(_app)))
    return PerfCatcherInterceptor(sinks=sinks, **chosen)


def _app() -> HasStore:
    from offhours.faces.base import shared_app  # most of what importing us costs

    return shared_app()


def forget_global_chain() -> None:
    """The next `get_global_interceptor_chain()` makes a new one; for tests."""
    global _chain
    with _lock:
        _chain = None
