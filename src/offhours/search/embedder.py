"""What makes texts into vectors: the protocol, and adapters for what people already have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol, cast

from offhours.core.errors import OptionError

LOOKED_FOR = (
    "embed(texts) with a name", "encode(texts)", "embed_documents(texts)",
    "generate_embedding(text)", "get_embedding(text)", "create_embedding(text)",
    "embeddings(model=, prompt=)",
)  # fmt: skip
_ONE_BY_ONE = ("generate_embedding", "get_embedding", "create_embedding")
_OLLAMA_MODEL = "nomic-embed-text"


class Embedder(Protocol):
    """Makes texts into vectors of one length. Vectors of another `name` are never compared."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Any:
        """A vector for each text: a list of lists, or a matrix."""
        ...


class Adapted:
    """An embedder made of a function."""

    def __init__(self, name: str, embed: Callable[[Sequence[str]], Any]) -> None:
        self.name = name
        self._embed = embed

    def embed(self, texts: Sequence[str]) -> Any:
        """A vector for each text."""
        return self._embed(texts)


def as_embedder(given: Any) -> Embedder:
    """An embedder from one, a SentenceTransformer, or a client of Ollama or LangChain.

    It is asked by the first of these that it has: `embed(texts)` beside a `name`,
    `encode(texts)`, `embed_documents(texts)`, `generate_embedding(text)`, `get_embedding(text)`,
    `create_embedding(text)`, `embeddings(model=, prompt=)`. With none of them: `OptionError`.
    """
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    if callable(getattr(given, "embed", None)) and isinstance(getattr(given, "name", None), str):
        return cast(Embedder, given)
    for method in ("encode", "embed_documents"):
        if callable(many := getattr(given, method, None)):
            return Adapted(_model_of(given) or name, lambda texts: many(list(texts)))
    for method in _ONE_BY_ONE:
        if callable(one := getattr(given, method, None)):
            return Adapted(_model_of(given) or name, lambda texts: [one(text) for text in texts])
    if callable(ask := getattr(given, "embeddings", None)):
        return Adapted(
            _OLLAMA_MODEL,
            lambda texts: [ask(model=_OLLAMA_MODEL, prompt=text)["embedding"] for text in texts],
        )
    raise OptionError(f"embedder: {name} has none of {', '.join(LOOKED_FOR)}")


def _model_of(given: Any) -> str | None:
    for key in ("model_name", "model", "embedding_model"):
        if isinstance(found := getattr(given, key, None), str) and found:
            return found
    return None


def installed_embedder() -> Embedder | None:
    """The embedder of the extra `semantic`, if numpy and the weights are there."""
    from offhours.search.minilm import MiniLM
    from offhours.search.weights import is_there

    return MiniLM() if find_spec("numpy") is not None and is_there() else None
