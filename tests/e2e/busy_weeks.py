"""Twelve busy weeks of one service, and the requests that a run over them sends to each of its services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.e2e.in_process import TOKEN, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Request, StandIn
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.fakes.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.fakes.pagerduty import PagerDutyStandIn

WEEKS = 12
HOURS = WEEKS * 7 * 24
MODELS = ("recommender", "ranker")
_DEPLOYS_A_STUB = 10
_COMMITS_A_DEPLOY = 3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The requests of one run, in order: what it read from GitHub and MLflow, and what it wrote."""

    github: tuple[str, ...]
    mlflow: tuple[str, ...]
    written: tuple[str, ...]
    waited_seconds: float = 0
    """How long at least one answer was delayed."""


@dataclass(kw_only=True)
class BusyWeeks:
    """The services behind the weeks, and the world that holds them."""

    world: World
    mlflow: MlflowStandIn
    pagerduty: PagerDutyStandIn
    head: str
    hours: float

    @property
    def servers(self) -> tuple[StandIn, ...]:
        """Everything that a run asks."""
        artifacts = () if self.world.artifacts is None else (self.world.artifacts,)
        return (self.world.github, self.mlflow, self.pagerduty, *artifacts)

    def delay(self, seconds: float) -> None:
        """Let every answer from now on take this long."""
        for server in self.servers:
            server.delay = seconds

    def run(self, hours: float) -> tuple[Ran, Asked]:
        """Run so many hours after the weeks, and return what was asked."""
        for server in self.servers:
            server.requests.clear()
            server.delayed.clear()
        ran = self.world.run(at(self.hours + hours), sha=self.head)
        github = self.world.github.requests
        downloads = [request for request in github if request.path.startswith("/blob/")]
        reads = [request for request in github if not _writes(request) and request not in downloads]
        artifacts = self.world.artifacts.requests if self.world.artifacts is not None else []
        writes = [*filter(_writes, github), *downloads, *self.pagerduty.requests, *artifacts]
        return ran, Asked(
            github=tuple(map(_named, reads)),
            mlflow=tuple(map(_named, self.mlflow.requests)),
            written=tuple(map(_named, writes)),
            waited_seconds=_covered(delay for server in self.servers for delay in server.delayed),
        )


def _covered(delays: Iterable[tuple[float, float]]) -> float:
    """How long the delays are together, those at the same time counted once."""
    total, end = 0.0, 0.0
    for began, ended in sorted(delays):
        total += max(0.0, ended - max(began, end))
        end = max(end, ended)
    return total


def _writes(request: Request) -> bool:
    """Whether a request to GitHub writes a check or a comment."""
    return request.method != "GET" and not request.path.endswith("/graphql")


def _named(request: Request) -> str:
    """The request, as it is counted: a query by its name, a path without its ids."""
    if request.path.endswith("/graphql"):
        name = re.search(r"query (\w+)", request.json()["query"])
        return f"GraphQL {name[1] if name else '?'}"
    path = re.sub(r"[0-9a-f]{40}|\b\d{3,}\b", "…", request.path)
    return f"{request.method} {path}"


@contextmanager
def busy_weeks(
    folder: Path, *, deploys: int = 300, versions: int = 300, incidents: int = 100, hours: int = HOURS
) -> Iterator[BusyWeeks]:
    """Weeks that end now: a deploy every few hours, a model version as often, an incident a day."""
    with (
        GitHubStandIn(token=TOKEN) as github,
        ArtifactServiceStandIn(github.repository) as artifacts,
        MlflowStandIn() as mlflow,
        PagerDutyStandIn() as pagerduty,
    ):
        world = new_world(github, folder)
        world.artifacts = artifacts
        world.inputs = {
            "mlflow-tracking-uri": mlflow.url,
            "model-stub": "flowjoy.json",
            "pagerduty-token": PAGERDUTY_TOKEN,
            "pagerduty-api-url": pagerduty.url,
        }
        head = _add_deploys(github, deploys, hours)
        _add_versions(mlflow, versions, hours)
        for number in range(incidents):
            begun = at((number + 0.5) * hours / incidents)
            pagerduty.add(begun, begun + timedelta(hours=1))
        yield BusyWeeks(world=world, mlflow=mlflow, pagerduty=pagerduty, head=head, hours=hours)


def _add_deploys(github: GitHubStandIn, count: int, hours: int) -> str:
    """Add deployments, three commits each; every tenth changes the stub. Return the sha of the last one."""
    shop, apart = github.repository, hours / count
    parent = None
    for number in range(count):
        when = at((number + 0.3 * (number % 3)) * apart)
        for part in range(_COMMITS_A_DEPLOY):
            sha = f"{number * _COMMITS_A_DEPLOY + part + 1:040x}"
            parent = shop.add_commit(sha, when - timedelta(minutes=9 * (_COMMITS_A_DEPLOY - part)), parent=parent)
        if number % max(1, _DEPLOYS_A_STUB * count // 300) == 0:
            models = ", ".join(f'"{name}": {{"requires": "any", "reason": "{number}"}}' for name in MODELS)
            shop.add_file(sha, "flowjoy.json", f'{{"models": {{{models}}}}}')
        shop.add_deployment(
            sha=sha,
            created_at=when,
            statuses=[("in_progress", when), ("success", when + timedelta(minutes=2))],
            run_id=5_000_000 + number,
        )
    return sha


def _add_versions(mlflow: MlflowStandIn, count: int, hours: int) -> None:
    """Add versions of both models in turn, each trained by a run of its own."""
    for name in MODELS:
        mlflow.add_model(name)
    for number in range(count):
        when, run_id = at((number + 0.5) * hours / count), f"{number:032x}"
        mlflow.runs[run_id] = when - timedelta(hours=5)
        mlflow.add_version(when, MODELS[number % len(MODELS)], run_id=run_id)
