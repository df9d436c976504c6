"""Answers that are small on the wire, or endless, and huge in memory, for `StandIn.fail`."""

from __future__ import annotations

import functools
import gzip
import zlib
from dataclasses import dataclass

from tests.fakes.http_base import Exchange

_MEBIBYTE = b" " * (1 << 20)


@functools.cache
def packed(encoding: str, mebibytes: int) -> bytes:
    """So many MiB of blanks, packed once, or twice where `encoding` names two."""
    pack = zlib.compressobj(1, zlib.DEFLATED, 31 if "gzip" in encoding else 15)
    body = b"".join(pack.compress(_MEBIBYTE) for _ in range(mebibytes)) + pack.flush()
    return gzip.compress(body, 9) if "," in encoding else body


@dataclass(frozen=True, slots=True)
class Bomb:
    """A body of `mebibytes` MiB once it is decoded; `encoding` "" sends it plain.

    `declared`: with its length, else in chunks.
    """

    encoding: str = "gzip"
    mebibytes: int = 600
    status: int = 200
    declared: bool = True

    def serve(self, exchange: Exchange) -> None:
        encoding = f"Content-Encoding: {self.encoding}\r\n" if self.encoding else ""
        parts = [packed(self.encoding, self.mebibytes)] if self.encoding else [_MEBIBYTE] * self.mebibytes
        size = f"Content-Length: {sum(map(len, parts))}" if self.declared else "Transfer-Encoding: chunked"
        head = f"HTTP/1.1 {self.status} .\r\nContent-Type: application/json\r\n{encoding}{size}\r\n\r\n"
        exchange.write(head.encode())
        for part in parts:
            exchange.write(part if self.declared else b"%x\r\n%b\r\n" % (len(part), part))
        exchange.write(b"" if self.declared else b"0\r\n\r\n")
