"""Embeddings from a server: Ollama's, or any that speaks as OpenAI's does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from offhours.core.errors import OptionError, StoreUnavailable

_AT_ONCE = 64
_LARGEST_ANSWER = 64_000_000


class HttpEmbedder:
    """Asks `url` for vectors of `model`. Implements `Embedder`.

    url: that of the endpoint: `http://localhost:11434/api/embed` (Ollama) or
        `https://api.openai.com/v1/embeddings`
    key: sent as a bearer token; it is in no error and no log
    timeout: seconds

    A server that cannot be reached, or that answers otherwise, is a `StoreUnavailable` error.
    """

    def __init__(
        self, url: str, model: str, *, key: str | None = None, timeout: float = 30
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError("url: expected the address of an endpoint, http://... or https://...")
        if parts.username is not None:
            raise OptionError("url: a password does not belong into an address; give it as key=")
        self.name = model
        self._parts, self._key, self._timeout = parts, key, timeout

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text."""
        found: list[list[float]] = []
        for start in range(0, len(texts), _AT_ONCE):
            found += self._ask(list(texts[start : start + _AT_ONCE]))
        return found

    def _ask(self, texts: list[str]) -> list[list[float]]:
        parts, where = self._parts, f"{self._parts.hostname}{self._parts.path}"
        secure = parts.scheme == "https"
        connection: HTTPConnection = (HTTPSConnection if secure else HTTPConnection)(
            parts.hostname or "", parts.port, timeout=self._timeout
        )
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            body = json.dumps({"model": self.name, "input": texts})
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:
                said = answer.read(_LARGEST_ANSWER)
        except (OSError, HTTPException) as error:
            raise StoreUnavailable(f"{where} cannot be reached: {error}") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise StoreUnavailable(f"{where} answered {answer.status} {answer.reason}")
        vectors = _vectors(said)
        if len(vectors) != len(texts):
            raise StoreUnavailable(f"{where}: {len(vectors)} vectors for {len(texts)} texts")
        return vectors


def _vectors(said: bytes) -> list[list[float]]:
    """The vectors in an answer: `embeddings` as Ollama has them, or `data` as OpenAI has."""
    try:
        answer: Any = json.loads(said)
        rows = answer.get("embeddings")
        if rows is None:
            ordered = sorted(answer["data"], key=lambda row: row.get("index", 0))
            rows = [row["embedding"] for row in ordered]
        return [[float(number) for number in row] for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreUnavailable(f"the answer holds no vectors: {error!r}") from None
