"""Search: what was stored, planned and run, by name, tag, word and, with an extra, by meaning."""

from __future__ import annotations

from offhours.search.embedder import Embedder, as_embedder, installed_embedder
from offhours.search.http import HttpEmbedder
from offhours.search.minilm import MiniLM
from offhours.search.search import Search

__all__ = ["Embedder", "HttpEmbedder", "MiniLM", "Search", "as_embedder", "installed_embedder"]
