"""The step as the Actions runner starts it: `entrypoint.py` in a process and an environment of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowjoy.cli.run import run
from tests.fakes.actions_runner import Command, commands_in, outputs_in
from tests.fakes.github import GitHubStandIn

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "canary-token-of-github"
A, B, C = "a" * 40, "b" * 40, "c" * 40


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What one run left behind: its exit code (negative: the signal that killed it), both streams, its files."""

    code: int
    stdout: str
    stderr: str
    step: Step

    @property
    def log(self) -> str:
        return self.stdout + self.stderr

    @property
    def outputs(self) -> dict[str, str]:
        """GITHUB_OUTPUT as the runner reads it."""
        return outputs_in(self.step.output.read_text())

    @property
    def summary(self) -> str:
        return self.step.summary.read_text()

    @property
    def commands(self) -> list[Command]:
        """The workflow commands that the runner would execute."""
        return [*commands_in(self.stdout), *commands_in(self.stderr)]

    def file(self, name: str) -> bytes:
        return (self.step.report / name).read_bytes()

    @property
    def bundle(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.file("flowjoy-bundle.json"))
        return data


@dataclass(kw_only=True)
class Step:
    """A job in acme/shop with one step. `inputs` by their names in action.yml; `variables` beside the runner's own."""

    folder: Path
    github: GitHubStandIn | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)
    private: bool = True

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.folder / "home", self.folder / "commands"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def report(self) -> Path:
        return self.workspace / "flowjoy-report"

    @property
    def output(self) -> Path:
        return self.folder / "commands" / "output"

    @property
    def summary(self) -> Path:
        return self.folder / "commands" / "summary"

    def environment(self) -> dict[str, str]:
        """Everything the process gets to see: the runner's variables, none of this machine's but PATH."""
        repository = {"default_branch": "main", "private": self.private, "full_name": "acme/shop"}
        event_path = self.folder / "event.json"
        event_path.write_text(json.dumps({"repository": repository, **self.event}))
        given = {"github-token": TOKEN, **self.inputs}
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(Path.home() / ".config" / "matplotlib")),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_SHA": A,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event_path),
            "GITHUB_RUN_ID": "4242",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_JOB": "release",
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        }
        if self.github is not None:
            # There is no run of a commit that GitHub does not have.
            self.github.repository.know(self.variables.get("GITHUB_SHA") or A, branch="of its own")
            variables |= {"GITHUB_API_URL": self.github.url, "GITHUB_GRAPHQL_URL": self.github.graphql_url}
        return variables | self.variables

    def start(self, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """The process, begun; `before` runs in it just before the program starts."""
        self.output.write_text("")
        self.summary.write_text("")
        return subprocess.Popen(
            [sys.executable, "-I", str(ROOT / "entrypoint.py")],
            env=self.environment(),
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            preexec_fn=before,  # noqa: PLW1509  (it sets a limit of its own process)
        )

    def run(self, before: Callable[[], None] | None = None, **changes: Any) -> Ended:
        """The step, from start to end."""
        for name, value in changes.items():
            setattr(self, name, value)
        process = self.start(before)
        stdout, stderr = process.communicate(timeout=150)
        return self.ended(process, stdout, stderr)

    def run_here(self, now: datetime | None = None) -> Ended:
        """The same in this process, at a chosen instant: quicker, where the process itself is not the point."""
        self.output.write_text("")
        self.summary.write_text("")
        stream = io.StringIO()
        code = run(self.environment(), [], now=now or datetime.now(UTC), stream=stream)
        return Ended(code=code, stdout=stream.getvalue(), stderr="", step=self)

    def interrupt(self, number: signal.Signals, when: Callable[[], bool]) -> Ended:
        """The step, sent a signal as soon as `when` is true."""
        process = self.start()
        end = time.monotonic() + 60
        while not when():
            assert time.monotonic() < end, "the moment never came"
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
        return self.ended(process, stdout, stderr)

    def ended(self, process: subprocess.Popen[str], stdout: str, stderr: str) -> Ended:
        return Ended(code=process.returncode, stdout=stdout, stderr=stderr, step=self)
