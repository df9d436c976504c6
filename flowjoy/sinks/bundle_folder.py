"""A folder of bundles, in the layout that the roll-up trusts: repository, service and time by the path."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from flowjoy.domain.bundle import Bundle
from flowjoy.domain.timestamps import iso

_JOURNAL = "collected.csv"
_MAX_NAME_BYTES = 200


class BundleFolder:
    """Writes bundles, and remembers which artifacts it has: collecting again goes on where it ended. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        journal = folder / _JOURNAL
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
        self._paths = {row[0]: row[1] for row in csv.reader(lines) if len(row) == 2}

    def knows(self, repository: str, artifact: int) -> bool | None:
        """Return True for an artifact that was stored before, False for one that was refused, else None."""
        path = self._paths.get(_key(repository, artifact))
        return None if path is None else path != ""

    def refuse(self, repository: str, artifact: int) -> None:
        """Remember an artifact that is not stored, so that it is not downloaded again."""
        self._remember(repository, artifact, "")

    def store(self, repository: str, artifact: int, bundle: Bundle, raw: bytes) -> Path | None:
        """Write a bundle at once or not at all; return its path, None if its names are too long for one."""
        parts = (f"repository={_quoted(repository.lower())}", f"service={_quoted(bundle.service)}")
        path = self._folder.joinpath(*parts, f"{iso(bundle.generated_at).replace(':', '').replace('-', '')}.json")
        if max(len(part) for part in parts) > _MAX_NAME_BYTES:
            self.refuse(repository, artifact)
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(raw)
        part.replace(path)
        self._remember(repository, artifact, str(path.relative_to(self._folder)))
        return path

    def _remember(self, repository: str, artifact: int, path: str) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([_key(repository, artifact), path])
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / _JOURNAL).open("a", encoding="utf-8") as journal:
                journal.write(line.getvalue())
                journal.flush()
                os.fsync(journal.fileno())
            self._paths[_key(repository, artifact)] = path


def _key(repository: str, artifact: int) -> str:
    return f"{repository.lower()}#{artifact}"


def _quoted(name: str) -> str:
    """Return a name as one step of a path; `.` and `..` are not steps of their own behind a key."""
    return quote(name, safe="")
