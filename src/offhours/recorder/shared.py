"""The chain and the recorder that a process has once."""

from __future__ import annotations

import threading

from offhours.recorder.chain import InterceptorChain
from offhours.recorder.perfcatcher import PerfCatcherInterceptor

_lock = threading.Lock()
_chain: InterceptorChain | None = None


def get_global_interceptor_chain() -> InterceptorChain:
    """The chain of this process, with a `PerfCatcherInterceptor` set up from PERFCATCHER_*.

    Faulty variables raise `ConfigError`, which names all of them.
    """
    global _chain
    with _lock:
        if _chain is None:
            _chain = InterceptorChain([PerfCatcherInterceptor()])
        return _chain


def get_perfcatcher_interceptor() -> PerfCatcherInterceptor:
    """The recorder of this process: the one in `get_global_interceptor_chain()`."""
    chain = get_global_interceptor_chain()
    for interceptor in chain.interceptors:
        if isinstance(interceptor, PerfCatcherInterceptor):
            return interceptor
    made = PerfCatcherInterceptor()
    chain.add(made)
    return made


def forget_global_chain() -> None:
    """The next `get_global_interceptor_chain()` makes a new one; for tests."""
    global _chain
    with _lock:
        _chain = None
