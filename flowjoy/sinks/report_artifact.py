"""Uploads the report's files as one artifact of the run: a zip, sent in blocks of bounded size."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flowjoy.clients import signed_urls
from flowjoy.clients.actions_artifacts import TRIES, ArtifactService

BLOCK_BYTES = 8 << 20
_SLICE_BYTES = 1 << 20


def upload(
    service: ArtifactService, name: str, files: Mapping[str, Path], *, made_at: datetime, expires_at: datetime
) -> int:
    """Upload `files` (name in the zip → path) as the artifact `name` and return its id. Replace one of this run.

    Raise HarvestError if the service does not accept it.
    """
    url = service.create(name, expires_at=expires_at)
    digest, size, blocks = hashlib.sha256(), 0, []

    def put(body: bytes, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        signed_urls.put(url, body, parameters, headers, transport=service.transport, tries=TRIES)

    for number, block in enumerate(zipped(files, made_at)):
        blocks.append(base64.b64encode(f"flowjoy-{number:06d}".encode()).decode())  # all of one length
        put(block, {"comp": "block", "blockid": blocks[-1]}, {})
        digest.update(block)
        size += len(block)
    listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
    put(body, {"comp": "blocklist"}, {"x-ms-blob-content-type": "zip"})
    return service.finalize(name, size_bytes=size, sha256=digest.hexdigest())


def expiry(now: datetime, wished_days: int, max_days: int | None) -> datetime:
    """Return when the artifact is to be deleted: as wished, but no later than the repository allows."""
    return now + timedelta(days=wished_days if max_days is None else min(wished_days, max_days))


def zipped(files: Mapping[str, Path], made_at: datetime) -> Iterator[bytes]:
    """Yield a zip of the files in blocks of BLOCK_BYTES, the last one smaller. Memory is bounded by a block."""
    buffer = _BlockBuffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while part := source.read(_SLICE_BYTES):
                    target.write(part)
                    yield from buffer.full_blocks()
            yield from buffer.full_blocks()
    yield from buffer.full_blocks()
    if buffer.content:
        yield bytes(buffer.content)


class _BlockBuffer(io.RawIOBase):
    """An unseekable file for a zip that is sent while it is written."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.content += part
        return len(part)

    def full_blocks(self) -> Iterator[bytes]:
        while len(self.content) >= BLOCK_BYTES:
            yield bytes(self.content[:BLOCK_BYTES])
            del self.content[:BLOCK_BYTES]
