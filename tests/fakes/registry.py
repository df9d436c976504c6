"""A real MLflow registry, filled with versions at chosen instants: embedded in sqlite, or behind a real server."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_START_SECONDS = 90
_sources = count()


class Registry:
    """One registry. `uri` is what a user would give; the database is where versions are back-dated."""

    def __init__(self, uri: str, database: Path) -> None:
        os.environ.update(QUIET)
        from mlflow import MlflowClient

        self.uri = uri
        self.database = database
        self.client: Any = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def add_model(self, name: str = "recommender") -> None:
        """A registered model without versions, as old as nothing else in a test."""
        self.client.create_registered_model(name)
        self._date_model(name, "creation_time=0, last_updated_time=0")

    def _date_model(self, name: str, change: str) -> None:
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            database.execute(f"UPDATE registered_models SET {change} WHERE name=?", (name,))  # noqa: S608  (no input)

    def add_version(
        self,
        at: datetime,
        name: str = "recommender",
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        status: str = "READY",
        source: str | None = None,
    ) -> str:
        """A version registered at `at`, of a source of its own unless one is given; the model must be there."""
        source = source or f"s3://models/{name}/{next(_sources)}"
        made = self.client.create_model_version(name, source=source, run_id=run_id, tags=dict(tags or {}))
        self.backdate(name, made.version, at, status=status)
        return str(made.version)

    def backdate(self, name: str, version: str, at: datetime, *, status: str = "READY") -> None:
        """Move a version's creation in the database, as no API can."""
        epoch_ms = int(at.timestamp() * 1000)
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            database.execute(
                "UPDATE model_versions SET creation_time=?, last_updated_time=?, status=? WHERE name=? AND version=?",
                (epoch_ms, epoch_ms, status, name, int(version)),
            )
        self._date_model(name, f"last_updated_time={epoch_ms}")

    def multiply(self, name: str, total: int, start: datetime, step: timedelta) -> None:
        """Copy version 1 until there are `total`, a `step` apart: in the database, as the API takes minutes."""
        first, apart = int(start.timestamp() * 1000), int(step.total_seconds() * 1000)
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            columns = [row[1] for row in database.execute("PRAGMA table_info(model_versions)")]
            (row,) = database.execute("SELECT * FROM model_versions WHERE name=? AND version=1", (name,))
            for number in range(1, total):
                moved = {"version": number + 1, "creation_time": first + number * apart}
                values = [moved.get(column, value) for column, value in zip(columns, row, strict=True)]
                marks = ",".join("?" * len(values))
                database.execute(f"INSERT INTO model_versions VALUES ({marks})", values)  # noqa: S608  (only marks)

    def rewrite(self, name: str, *, source: str) -> None:
        """Give the newest version a source that the API would look up first."""
        newest = "(SELECT MAX(version) FROM model_versions WHERE name=?)"
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            database.execute(
                f"UPDATE model_versions SET source=? WHERE name=? AND version={newest}",  # noqa: S608  (no input)
                (source, name, name),
            )

    def clear(self) -> None:
        """Forget every model."""
        # With this condition the client adds none of its own, by which servers without prompts find no model.
        for model in self.client.search_registered_models("name != 'mlflow.prompt.is_prompt'"):
            self.client.delete_registered_model(model.name)


def embedded(folder: Path) -> Registry:
    """A registry in a sqlite file, without a server. Its tables are made once a process, then copied."""
    database = folder / "mlflow.db"
    if not _empty_database:
        Registry(f"sqlite:///{database}", database).client.search_registered_models()
        _empty_database.append(database.read_bytes())
    database.write_bytes(_empty_database[0])
    return Registry(f"sqlite:///{database}", database)


_empty_database: list[bytes] = []


def emptied() -> Registry:
    """The one embedded registry of this process, without any model: MLflow takes a second to open another one."""
    if not _own:
        folder = Path(tempfile.mkdtemp(prefix="flowjoy-registry-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _own.append(embedded(folder))
    _own[0].clear()
    return _own[0]


_own: list[Registry] = []


@contextmanager
def served(folder: Path, python: str = sys.executable, *options: str) -> Iterator[Registry]:
    """A real `mlflow server` of that interpreter on a free port of this machine, ended by its own process handle."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = folder / "mlflow.db"
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "artifacts")]
    command += options
    path = f"{Path(python).parent}:{os.environ['PATH']}"  # where MLflow 2 looks for gunicorn
    with (folder / "server.log").open("wb") as log:
        environment = {**os.environ, **QUIET, "PATH": path}
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        _wait_until_healthy(port, server, folder / "server.log")
        yield Registry(f"http://127.0.0.1:{port}", database)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)  # the server's own group: it starts workers
        server.wait(20)


def _wait_until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"mlflow server did not start: {log.read_text(errors='replace')[-2000:]}")
