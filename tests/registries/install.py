"""Install each MLflow server from its wheel, in an environment of its own that is kept.

The requirements of a server stand in `servers/<version>.txt`, all of them pinned. They are what its wheel resolved to,
but for setuptools below 81 (with pkg_resources), SQLAlchemy below 2.1, and Flask, Werkzeug and pandas of its time,
where old servers do not start with newer ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
OWN = installed("mlflow")
"""The server of the development environment itself."""

VERSIONS = (
    *sorted((path.stem for path in (HERE / "servers").glob("*.txt")), key=lambda v: [*map(int, v.split("."))]),
    OWN,
)


def python_of(version: str) -> Path:
    """Return the interpreter whose environment holds that server; it need not be there yet."""
    if version == OWN:
        return Path(sys.executable)
    pins = (HERE / "servers" / f"{version}.txt").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    mark = sha256(pins + sys.version.encode()).hexdigest()[:12]
    return cache / "flowjoy" / "registries" / f"{version}-{mark}" / "bin" / "python"


def install(version: str) -> None:
    """Make the environment of a server, unless it is there and whole."""
    python = python_of(version)
    ready = python.parents[1] / "ready"
    if version == OWN or ready.exists():
        return
    folder, pins = python.parents[1], str(HERE / "servers" / f"{version}.txt")
    shutil.rmtree(folder, ignore_errors=True)
    _run("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
    _run("uv", "pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", str(python), "-r", pins)
    ready.touch()


def _run(*command: str) -> None:
    # Bytecode is wanted: without it each start of a server takes three times as long.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(install, VERSIONS))
    sys.stdout.write(f"MLflow servers: {', '.join(VERSIONS)}\n")
