"""Where the bytes of models are: named by their content, and checked when they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from offhours.core.errors import PayloadTooLarge, StoreError
from offhours.core.ports import Models
from offhours.training.files import whole_file

INLINE = 64 << 10
"""Bytes up to which they live in the database."""
INLINE_ONLY = 16 << 20
"""The same where there is no folder."""

_NAME = re.compile(r"[0-9a-f]{64}")


class ArtefactLost(StoreError):
    """The bytes of a version are not there, or are not what they were."""


class Artefacts:
    """Small ones in the store, larger ones as files in a folder; both under their SHA-256.

    folder: None when there is none: all are in the store, up to 16 MiB each
    """

    def __init__(self, models: Models, folder: str | os.PathLike[str] | None) -> None:
        self._models = models
        self.folder = None if folder is None else Path(folder)

    def put(self, body: bytes) -> str:
        """Keep bytes; their digest. Kept twice, they are kept once."""
        digest = sha256(body).hexdigest()
        if len(body) <= INLINE or self.folder is None:
            if len(body) > INLINE_ONLY:
                raise PayloadTooLarge(
                    f"the model has {len(body):,} bytes, at most {INLINE_ONLY:,} are kept in the "
                    "database; give a folder for models"
                )
            self._models.put(digest, body)
        elif not self._is_there(self._path(digest), digest):
            path = self._path(digest)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole_file(path) as file:
                file.write(body)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes, checked; `ArtefactLost` when they are not what they should be."""
        body = self._models.get(digest)
        if body is None and self.folder is not None:
            with suppress(FileNotFoundError):
                body = self._path(digest).read_bytes()
        if body is None:
            raise ArtefactLost(f"the model {digest[:12]} is not there any more{self._where()}")
        if sha256(body).hexdigest() != digest:
            raise ArtefactLost(f"the model {digest[:12]} is damaged{self._where()}")
        return body

    def drop(self, digests: Iterable[str]) -> None:
        """Remove files that nobody needs."""
        if self.folder is not None:
            for digest in digests:
                self._path(digest).unlink(missing_ok=True)

    def _is_there(self, path: Path, digest: str) -> bool:
        try:
            return sha256(path.read_bytes()).hexdigest() == digest
        except FileNotFoundError:
            return False

    def _path(self, digest: str) -> Path:
        assert self.folder is not None and _NAME.fullmatch(digest), digest
        return self.folder / digest[:2] / digest

    def _where(self) -> str:
        return "" if self.folder is None else f" (in {self.folder})"
