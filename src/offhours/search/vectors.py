"""The vectors of all artefacts, in memory as one matrix: a query is one multiplication."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from offhours.core.ports import SearchIndex
from offhours.search.embedder import Embedder

if TYPE_CHECKING:
    from numpy import ndarray

_AT_ONCE = 256


class _Matrix(NamedTuple):
    version: int
    ids: ndarray[Any, Any]
    rows: ndarray[Any, Any]


class Vectors:
    """Finds what is near in meaning. In the store a number takes two bytes."""

    def __init__(self, index: SearchIndex, embedder: Embedder) -> None:
        self._index = index
        self._embedder = embedder
        self._matrix: _Matrix | None = None
        self._lock = threading.Lock()

    def near(self, text: str, among: Collection[int] | None, most: int) -> list[tuple[int, float]]:
        """The numbers of the nearest artefacts and the cosine of each, the nearest first."""
        import numpy as np

        with self._lock:
            self._embed_missing()
            ids, rows = self._load()[1:]
        if len(ids) == 0:
            return []
        asked = _unit(np.asarray(self._embedder.embed([text]), np.float32))[0]
        if len(asked) != rows.shape[1]:
            return []  # a model of the same name that is another one
        cosines = rows @ asked
        if among is not None:
            allowed = np.isin(ids, np.fromiter(among, np.int64, len(among)))
            cosines = np.where(allowed, cosines, -2)
        count = min(most, len(ids))
        best = np.argpartition(-cosines, count - 1)[:count]
        best = best[np.lexsort((ids[best], -cosines[best]))]
        return [(int(ids[n]), float(cosines[n])) for n in best if cosines[n] > -2]

    def _embed_missing(self) -> None:
        import numpy as np

        matrix = self._matrix
        if matrix is not None and matrix.version == self._index.version():
            return
        while missing := self._index.unembedded(self._embedder.name, _AT_ONCE):
            made = self._embedder.embed([each.meaning for each in missing])
            rows = _unit(np.asarray(made, np.float32)).astype(np.float16)
            pairs = [(each, row.tobytes()) for each, row in zip(missing, rows, strict=True)]
            self._index.put_vectors(self._embedder.name, pairs)

    def _load(self) -> _Matrix:
        import numpy as np

        version = self._index.version()
        if self._matrix is None or self._matrix.version != version:
            stored = self._index.vectors(self._embedder.name)
            width = max((len(vector) for _, vector in stored), default=0)
            kept = [(number, vector) for number, vector in stored if len(vector) == width]
            ids = np.array([number for number, _ in kept], np.int64)
            numbers = np.frombuffer(b"".join(vector for _, vector in kept), np.float16)
            rows = numbers.reshape(len(kept), -1).astype(np.float32)
            self._matrix = _Matrix(version, ids, rows)
        return self._matrix


def _unit(rows: ndarray[Any, Any]) -> ndarray[Any, Any]:
    import numpy as np

    found: ndarray[Any, Any] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found
