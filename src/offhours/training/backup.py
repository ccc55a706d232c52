"""The models of a tenant as one file: a zip of their bytes and of what is known of them."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offhours.core.errors import Conflict, InputError
from offhours.training.files import whole_file

if TYPE_CHECKING:
    from offhours.training.registry import ModelRegistry

FORMAT = 1
_MANIFEST = "models.json"
_MOST = 1 << 30  # bytes of one model, whatever the file says of it


def write_backup(path: Path, registry: ModelRegistry) -> int:
    """Write all versions whose bytes are there; how many."""
    manifest: dict[str, Any] = {"format": FORMAT, "tenant": registry.tenant, "models": []}
    count = 0
    written: set[str] = set()
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for model in registry:
            versions = [v for v in reversed(model.versions(10_000)) if v.dropped_at is None]
            for version in versions:
                if version.digest not in written:
                    archive.writestr(version.digest, model.artefact(version.number))
                    written.add(version.digest)
            count += len(versions)
            manifest["models"].append({
                "name": model.name, "aliases": model.aliases(), "golden": model.record.golden,
                "versions": [
                    {"number": v.number, "digest": v.digest, "metrics": v.metrics,
                     "metadata": v.metadata} for v in versions
                ],
            })  # fmt: skip
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
    return count


def read_backup(path: Path, registry: ModelRegistry, by: str) -> dict[str, int]:
    """Take in all versions of a file, then let its champions serve; their numbers here."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(path, archive)
            bodies = {
                version["digest"]: _body(path, archive, version["digest"])
                for model in manifest["models"]
                for version in model["versions"]
            }
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no backup of models: {error}") from error
    return {
        model["name"]: number
        for model in manifest["models"]
        if (number := _take_in(registry, model, bodies, by or f"backup {path.name}")) is not None
    }


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = json.loads(archive.read(_MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{path}: expected a backup of models of format {FORMAT}")
    return manifest


def _body(path: Path, archive: zipfile.ZipFile, digest: str) -> bytes:
    if archive.getinfo(digest).file_size > _MOST:
        raise InputError(f"{path}: the model {digest[:12]} is larger than {_MOST:,} bytes")
    body = archive.read(digest)
    if sha256(body).hexdigest() != digest:
        raise InputError(f"{path}: the model {digest[:12]} is damaged")
    return body


def _take_in(
    registry: ModelRegistry, model: dict[str, Any], bodies: dict[str, bytes], by: str
) -> int | None:
    numbers = {}
    for each in model["versions"]:
        body = bodies[each["digest"]]
        made = registry.take_in(model["name"], body, each["metrics"], each["metadata"])
        numbers[each["number"]] = made.number
    champion = numbers.get(model["aliases"].get("champion"))
    if champion is None:
        return None
    handle = registry.get(model["name"])
    if model["golden"] is not None and handle.record.golden is None:
        handle.freeze(model["golden"], by)
    with suppress(Conflict):  # it serves already
        handle.restore(champion, by, "from a backup")
    return champion
