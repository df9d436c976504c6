"""Runs of the step in this process, at a chosen instant, against stand-ins. One `World` a test."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from flowjoy.cli.run import run
from flowjoy.report.charts import drift as drift_chart
from flowjoy.report.charts import flow as chart
from flowjoy.report.charts import promise
from tests.fakes.artifact_service import ArtifactServiceStandIn, runtime_token
from tests.fakes.github import GitHubStandIn
from tests.fakes.registry import Registry, emptied

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
TOKEN = "canary-token-of-github"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def at(hours: float = 0, *, seconds: float = 0) -> datetime:
    return T0 + timedelta(hours=hours, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one run left behind."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    folder: Path

    @property
    def bundle(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.folder / "flowjoy-bundle.json").read_text())
        return data

    def obligation(self, model: str = "recommender", sha: str = A) -> dict[str, Any]:
        result: list[dict[str, Any]] = self.bundle["obligations"]
        return next(item for item in result if item["model"] == model and item["sha"] == sha)


@dataclass(kw_only=True)
class World:
    """A GitHub, a registry and a workspace; with `artifacts`, each run is known to GitHub and uploads its report."""

    github: GitHubStandIn
    registry: Registry
    workspace: Path
    artifacts: ArtifactServiceStandIn | None = None
    inputs: dict[str, str] = field(default_factory=lambda: {"models": "recommender"})

    def release(self, sha: str, when: datetime, *, parent: str | None = None, run_id: int | None = None) -> int:
        """A commit that went live at `when`."""
        shop = self.github.repository
        shop.add_commit(sha, when, parent=parent)
        return shop.add_deployment(sha=sha, created_at=when, statuses=[("success", when)], run_id=run_id)

    def run(
        self,
        now: datetime,
        *,
        event: str = "push",
        sha: str = A,
        ref: str = "refs/heads/main",
        payload: dict[str, Any] | None = None,
        run_id: str = "",
        **inputs: str,
    ) -> Ran:
        """Run the step at `now`, inputs with underscores for hyphens; with `run_id` as another job of that run."""
        if self.artifacts is not None:
            kind, _, branch = ref.removeprefix("refs/").partition("/")
            branch = "feature" if kind == "pull" else branch
            if kind == "tags":
                self.github.repository.tags[branch] = sha
            run_id = run_id or str(self.begin(now, event=event, sha=sha, branch=branch))
        for name in ("output", "summary"):
            (self.workspace / name).unlink(missing_ok=True)
        event_path = self.workspace / "event.json"
        repository = {"default_branch": "main", "private": True, "full_name": "acme/shop"}
        event_path.write_text(json.dumps({"repository": repository, **(payload or {})}))
        given = {"github-token": TOKEN, "mlflow-tracking-uri": self.registry.uri, **self.inputs}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.workspace / "output"),
            "GITHUB_STEP_SUMMARY": str(self.workspace / "summary"),
            "GITHUB_SHA": sha,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(event_path),
            "GITHUB_RUN_ID": run_id or "1",
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        }
        if self.artifacts is not None:
            environ |= {"ACTIONS_RUNTIME_TOKEN": runtime_token(int(run_id)), "ACTIONS_RESULTS_URL": self.artifacts.url}
            self.artifacts.clock = now
        self.github.repository.know(sha, branch="of its own")  # there is no run of a commit that GitHub does not have
        stream = io.StringIO()
        with blank_pictures():
            code = run(environ, [], now=now, stream=stream)
        self._annotate(run_id, stream.getvalue())
        return Ran(
            code=code,
            log=stream.getvalue(),
            outputs=parse_outputs((self.workspace / "output").read_text()),
            summary=(self.workspace / "summary").read_text() if (self.workspace / "summary").exists() else "",
            folder=self.workspace / "flowjoy-report",
        )

    def _annotate(self, run_id: str, log: str) -> None:
        """Give the job that deploys the annotations of this run: FlowJoy is a step of it while it deploys."""
        shop = self.github.repository
        url = re.compile(rf"/actions/runs/{run_id or 1}/job/(\d+)")
        for deployment in shop.deployments.values():
            last = deployment.newest_first[0] if deployment.statuses else None
            match = url.search((last and last.log_url) or "")
            if last is not None and last.state == "in_progress" and match is not None:
                lines = re.findall(r"^::(error|warning|notice) title=(.*?)::", log, re.MULTILINE)
                shown = [{"annotation_level": level, "title": title, "message": ""} for level, title in lines]
                shop.job_annotations.setdefault(int(match[1]), []).extend(shown)

    def begin(self, now: datetime, *, event: str = "push", sha: str = A, branch: str = "main", **more: Any) -> int:
        """The run of a workflow that holds the step, as GitHub lists it."""
        given = {"workflow": "flowjoy.yml", "status": "in_progress", "conclusion": None, **more}
        return self.github.repository.add_run(sha=sha, created_at=now, event=event, branch=branch, **given)

    def pull_request(self, number: int, *, fork: bool = False, **more: Any) -> dict[str, Any]:
        """The payload of a pull request's event."""
        pull = self.github.repository.issues[number].pull
        assert pull is not None
        head = {"sha": pull.head_sha, "repo": {"full_name": "mallory/shop" if fork else "acme/shop"}}
        return {"pull_request": {"number": number, "head": head, "user": {"login": "dev"}, **more}}

    def check(self, sha: str, subject: str = "SLA") -> dict[str, Any]:
        """The one check of that subject on a commit; there must be exactly one."""
        (result,) = [
            run.fields
            for run in self.github.repository.check_runs.values()
            if run.fields["head_sha"] == sha and subject in run.fields["name"]
        ]
        return result


@contextmanager
def blank_pictures() -> Iterator[None]:
    """Drawing takes two thirds of a run's time, and what is drawn is not what these runs are about.

    Runs in a process of their own (`step.py`) draw in earnest, as do the tests of each picture.
    """
    flow, lanes, drift = chart.draw, promise.draw, drift_chart.draw
    chart.draw = promise.draw = drift_chart.draw = _blank
    try:
        yield
    finally:
        chart.draw, promise.draw, drift_chart.draw = flow, lanes, drift


def _blank(*_: Any, **__: Any) -> Figure:
    figure = Figure(figsize=(1, 1), dpi=10)
    for _line in range(2):
        figure.text(0, 0, "")
    return figure


def parse_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: `name=value`, or `name<<fence`, lines, fence; a later value wins."""
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, is_simple, value = line.partition("=")
        if is_simple and "<<" not in name:
            values[name] = value
            continue
        name, _, fence = line.partition("<<")
        current = []
        for inner in lines:
            if inner == fence:
                break
            current.append(inner)
        values[name] = "\n".join(current)
    return values


def new_world(github: GitHubStandIn, folder: Path) -> World:
    """A registry that knows `recommender` without versions, beside the GitHub given."""
    registry = emptied()
    registry.add_model("recommender")
    workspace = folder / "workspace"
    workspace.mkdir()
    return World(github=github, registry=registry, workspace=workspace)
