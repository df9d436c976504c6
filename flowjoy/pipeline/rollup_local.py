"""The roll-up on one machine: folders of files, a pool of processes, a cache of facts, and DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from flowjoy import __version__
from flowjoy.actions.own_source import own_text
from flowjoy.clients import duckdb_engine
from flowjoy.clients.signed_urls import LARGEST_BYTES
from flowjoy.domain.facts import FACTS, BundleFact
from flowjoy.errors import InputError
from flowjoy.ledger import facts_format
from flowjoy.ledger.facts_format import FactTables
from flowjoy.pipeline.rollup import Progress, ReadFile
from flowjoy.sources.bundle_files import SUFFIXES, facts_in
from flowjoy.sources.earlier_reports import TOO_LARGE

_AT_ONCE = 8
"""The files that one process computes before it answers."""


@dataclass(frozen=True, kw_only=True)
class _Computed:
    """The facts of some files: `digests` by path, and the files that could not be opened."""

    digests: Mapping[str, str]
    unopened: Mapping[str, BundleFact]
    tables: FactTables


class LocalEngine:
    """The files below some folders. `facts`: the folder with the facts of an earlier roll-up, if there are any."""

    def __init__(self, folders: Sequence[Path], facts: Path, jobs: int) -> None:
        self._folders, self._jobs = folders, jobs
        self._made_by = made_by()
        earlier = facts_format.from_parquet(_files_in(facts), self._made_by)
        self._earlier = facts_format.tables_of(()) if earlier is None else earlier
        self._known = facts_format.bundles_of(self._earlier)
        self._computed: list[FactTables] = []
        self._wanted: set[str] = set()

    def paths(self) -> Iterator[str]:
        """Yield the path of every file that may be a bundle. Raise InputError for a folder that does not exist."""
        for folder in self._folders:
            if not folder.exists():
                raise InputError(f"{folder}: expected a folder or a file, but it does not exist")
            inside = folder.rglob("*") if folder.is_dir() else (folder,)
            yield from (str(path) for path in sorted(inside) if path.suffix in SUFFIXES and path.is_file())

    def read(self, paths: Sequence[str], progress: Progress) -> Mapping[str, ReadFile]:
        """Compute the facts of these files, unless they are known by the digest of the file."""
        digests = {path: _digest(path) for path in paths}
        known = {path: digest for path, digest in digests.items() if digest in self._known}
        read = {path: ReadFile(digest=digest, bundle=self._known[digest]) for path, digest in known.items()}
        progress(tuple(read.values()), len(paths))
        # Of several files with the same bytes one is computed, and the others are found by its digest.
        first = {digest: path for path, digest in reversed(digests.items()) if path not in known}
        for part in _in_parallel(sorted(first.values()), self._jobs):
            bundles = facts_format.bundles_of(part.tables)
            # A file that changed meanwhile may be another one that is known.
            self._computed.append(facts_format.of_digests(part.tables, bundles.keys() - self._known.keys()))
            self._known |= bundles
            new = {path: ReadFile(digest=digest, bundle=bundles[digest]) for path, digest in part.digests.items()}
            new |= {path: ReadFile(digest="", bundle=bundle) for path, bundle in part.unopened.items()}
            progress(tuple(new.values()), len(paths))
            read |= new
        copies = {path: digest for path, digest in digests.items() if path not in read}
        read |= {path: ReadFile(digest=digest, bundle=read[first[digest]].bundle) for path, digest in copies.items()}
        self._wanted.update(item.digest for item in read.values())
        return read

    def answers(self, sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
        """Run the queries in DuckDB."""
        facts = {facts_format.table_name(kind): table for kind, table in self.facts().items()}
        return duckdb_engine.run(sql, {**facts, **tables}, queries)

    def facts(self) -> FactTables:
        """Return the facts of all files that were read."""
        every = facts_format.joined([self._earlier, *self._computed])
        self._earlier, self._computed = facts_format.of_digests(every, self._wanted), []
        return self._earlier

    def files(self) -> Mapping[str, bytes]:
        """Return the files that keep the facts for the next roll-up."""
        return facts_format.to_parquet(self.facts(), self._made_by)


def made_by() -> str:
    """Return the identity of this FlowJoy: the facts of any other one, even of the same version, may differ."""
    return f"{__version__}-{sha256(own_text().encode()).hexdigest()[:16]}"


def processors() -> int:
    """Return how many processes can compute at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of facts in a folder."""
    paths = {name: folder / Path(name).name for name in (facts_format.file_name(kind.fact) for kind in FACTS)}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def _in_parallel(paths: Sequence[str], jobs: int) -> Iterable[_Computed]:
    """Yield the facts of the files, some at a time."""
    parts = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    if min(jobs, len(parts)) < 2:
        yield from map(_compute, parts)
        return
    with ProcessPoolExecutor(min(jobs, len(parts)), mp_context=get_context("spawn")) as pool:
        try:
            for done in as_completed([pool.submit(_compute, part) for part in parts]):
                yield done.result()
        except BrokenProcessPool:
            raise InputError("--jobs: a process ended early, as when memory runs out. Set a smaller number") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _compute(paths: Sequence[str]) -> _Computed:
    """Return the facts of a few files. It runs in a process of its own."""
    digests, unopened, facts = {}, {}, []
    for path in paths:
        try:
            raw = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST_BYTES else None
        except OSError as problem:
            unopened[path] = BundleFact(problem=f"it cannot be read ({problem.strerror})")
            continue
        if raw is None:
            unopened[path] = BundleFact(problem=TOO_LARGE)
            continue
        digests[path] = sha256(raw).hexdigest()
        facts.append((digests[path], facts_in(raw)))
    return _Computed(digests=digests, unopened=unopened, tables=facts_format.tables_of(facts))


def _digest(path: str) -> str:
    """Return the digest of a file's bytes; its path where it cannot be read, so that it is tried once."""
    try:
        if Path(path).stat().st_size > LARGEST_BYTES:
            return path
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return path
