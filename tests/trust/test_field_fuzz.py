"""No spoilt field of any answer leads to a wrong verdict, a wrong status or a wrong duration."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.cli.run import run
from flowjoy.clients import github_files, transport
from flowjoy.domain import FileAtCommit
from flowjoy.domain.bundle import BUNDLE_FILE
from tests.e2e.in_process import blank_pictures
from tests.fakes.github import Attempt, GitHubStandIn
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.fakes.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.fakes.pagerduty import PagerDutyStandIn
from tests.trust.field_fuzz import Cell, Fuzz, cells

pytestmark = pytest.mark.matrix

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(hours=75)
SHAS = ["a" * 40, "b" * 40, "c" * 40]
PROPOSED = "d" * 40
TOKEN = "canary-token-of-github"

_VERSIONS = "GET /api/2.0/mlflow/model-versions/search"
MAY_DIFFER: dict[tuple[str, str], str] = {
    ("GET /incidents", "resolve_reason"): "an incident that was not merged has none",
    ("GET /incidents", "incident"): "only the reason of a merge names one",
    (_VERSIONS, "tags"): "MLflow leaves the key out where a version carries no tag",
    (_VERSIONS, "current_stage"): "a version need not be in a stage",
    ("GET /api/2.0/mlflow/registered-models/get", "aliases"): "MLflow leaves the key out where a model has no alias",
    (_VERSIONS, "status"): "MLflow's client says PENDING_REGISTRATION where the registry says nothing",
}
"""(kind, last key of the path) → why another value of this field may change what a run knows."""


@dataclass
class World:
    """One history told by GitHub as deployments, runs and releases, by a registry and by PagerDuty.

    Two releases kept the promise, the last one broke it. An incident lasted an hour, another one is open.
    """

    folder: Path
    github: GitHubStandIn = field(default_factory=GitHubStandIn)
    mlflow: MlflowStandIn = field(default_factory=MlflowStandIn)
    pagerduty: PagerDutyStandIn = field(default_factory=PagerDutyStandIn)

    def __post_init__(self) -> None:
        shop = self.github.repository
        for number, (sha, hours) in enumerate(zip(SHAS, (0, 5, 7), strict=True)):
            at = T0 + timedelta(hours=hours)
            shop.add_commit(sha, at, parent=SHAS[number - 1] if number else None)
            shop.add_file(sha, "flowjoy.json", json.dumps({"models": {"recommender": {"requires": "any"}}}))
            shop.add_deployment(sha=sha, created_at=at, statuses=[("success", at), ("inactive", at)], run_id=number + 1)
            failed = Attempt(conclusion="failure", started_at=at, updated_at=at)
            run = shop.add_run(sha=sha, created_at=at, run_attempt=2, attempts=[failed])
            shop.add_job(run, "deploy", at)
            shop.add_job(run, "test", at, conclusion="failure")
            shop.add_release(tag=f"v{number}", sha=sha, published_at=at)
        shop.add_issue(title="checkout is down", labels=["incident"], created_at=T0, closed_at=T0 + timedelta(hours=2))
        shop.add_issue(labels=["incident"], created_at=T0, closed_at=NOW, closed_as="NOT_PLANNED")
        self.mlflow.add_model()
        for number, hours in enumerate((-100, -90, 3)):
            tags = {"live": (T0 + timedelta(hours=hours)).isoformat()}
            self.mlflow.add_version(
                T0 + timedelta(hours=hours), tags=tags, run_id=f"{number:032x}", source=f"s3://{number}"
            )
        self.mlflow.aliases["recommender"] = {"champion": "3"}
        self.mlflow.models["recommender"][-1]["current_stage"] = "Production"
        self.pagerduty.add(T0 + timedelta(hours=8), T0 + timedelta(hours=9))
        self.pagerduty.add(T0 + timedelta(hours=10))
        self.pagerduty.add(T0 + timedelta(hours=11), T0 + timedelta(hours=12), merged_into="Q0001")
        late = T0 + timedelta(hours=14)
        self.pagerduty.add(T0 + timedelta(hours=13), late, says_resolved_at=False, logged_at=late)

    def propose(self) -> dict[str, Any]:
        """Return the payload of a pull request that changes a flag behind a rename, and leaves the stub."""
        shop = self.github.repository
        shop.add_commit(PROPOSED, T0 + timedelta(hours=8), parent=SHAS[-1])
        for path in ("flags/new.json", ".github/workflows/release.yml"):
            shop.add_file(PROPOSED, path, "{}")
        files = {"flags/new.json": "renamed", "docs/a.md": "added", ".github/workflows/release.yml": "modified"}
        number = shop.add_pull_request(
            head_sha=PROPOSED, base_sha=SHAS[-1], files=files, renamed={"flags/new.json": "flags/old.json"}
        )
        head = {"sha": PROPOSED, "repo": {"full_name": "acme/shop"}}
        return {"pull_request": {"number": number, "head": head, "user": {"login": "dev"}}}

    def deploy_after_a_merge(self) -> dict[str, Any]:
        """Let a run of a merged pull request have deployed what no other run released; there is no payload."""
        shop = self.github.repository
        merged, began = T0 + timedelta(hours=8), T0 + timedelta(hours=9)
        shop.add_commit(PROPOSED, T0 + timedelta(hours=7.5), parent=SHAS[-1])
        shop.add_pull_request(
            head_sha=PROPOSED, base_sha=SHAS[-1], created_at=T0, closed_at=merged, merged_as="e" * 40, files={}
        )
        run = shop.add_run(sha=PROPOSED, created_at=began, event="pull_request", branch="feature")
        shop.add_job(run, "deploy", began)
        return {}

    def queue(self) -> dict[str, Any]:
        """Return the payload of a merge group with the same change."""
        self.propose()
        return {"merge_group": {"head_sha": PROPOSED, "base_sha": SHAS[-1]}}

    def remember(self) -> dict[str, Any]:
        """Let a trusted run of some hours ago have left its report; there is no payload."""
        shop = self.github.repository
        self.run(now=T0 + timedelta(hours=9), keep=True)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.write(self.bundle, BUNDLE_FILE)
        run = shop.add_run(sha=SHAS[-1], created_at=T0 + timedelta(hours=9), workflow="flowjoy.yml")
        shop.add_artifact(run_id=run, name="flowjoy-shop", content=content.getvalue(), created_at=T0)
        return {}

    @property
    def bundle(self) -> Path:
        """The file that a run leaves."""
        return self.folder / "report" / BUNDLE_FILE

    def run(
        self,
        *,
        now: datetime = NOW,
        event: str = "",
        payload: dict[str, Any] | None = None,
        keep: bool = False,
        **inputs: str,
    ) -> dict[str, Any]:
        """Run the step and return what it decided and knows."""
        output = self.folder / "output"
        output.write_text("")
        result = self.folder / "event.json"
        result.write_text(json.dumps({"repository": {"default_branch": "main", "private": True}, **(payload or {})}))
        given = {
            "github-token": TOKEN,
            "models": "recommender",
            "mlflow-tracking-uri": self.mlflow.url,
            "model-stub": "flowjoy.json",
            "pagerduty-token": PAGERDUTY_TOKEN,
            "pagerduty-api-url": self.pagerduty.url,
            "incident-label": "incident",
            "workflow": "release.yml",
            "weeks": "2",
            "output-dir": "report",
            **{name.replace("_", "-"): value for name, value in inputs.items()},
        }
        environment = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(result),
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        }
        log = io.StringIO()
        with blank_pictures():
            code = run(environment, [], now=now, stream=log)
        facts = facts_of(self.bundle) if self.bundle.exists() else {}
        if not keep:
            self.bundle.unlink(missing_ok=True)
        return {"code": code, "log": Log(log.getvalue()), **facts}

    def close(self) -> None:
        self.github.close()
        self.mlflow.close()
        self.pagerduty.close()


class Log(str):
    """What a run said. Two runs that know the same need not say the same."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Log)


def facts_of(path: Path) -> dict[str, Any]:
    """Return what decides: statuses of obligations, and incidents where their source was read."""
    bundle = json.loads(path.read_text())
    failed = [item["source"] for item in bundle["coverage"] if item["state"] == "failed"]
    keys = ("sha", "model", "status", "version", "start", "shipped_at")
    incidents = sorted((item["id"], item["start"], item["end"] or "") for item in bundle["incidents"])
    return {
        "obligations": sorted(tuple(str(item[key]) for key in keys) for item in bundle["obligations"]),
        "incidents": None if any(source.startswith("incidents") for source in failed) else incidents,
    }


def is_right(cell: Cell, outcome: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether a run could not decide, or decided as before with the same statuses and incidents."""
    assert "Please report this" not in outcome["log"], f"{cell}: {outcome['log']}"
    if (cell.kind, cell.paths[0][-1]) in MAY_DIFFER:
        return bool(outcome["code"] in (truth["code"], 2))
    same_incidents = outcome.get("incidents") in (None, truth.get("incidents"))
    if outcome["code"] == 2:
        return same_incidents
    return bool(outcome["code"] == truth["code"] and outcome["obligations"] == truth["obligations"] and same_incidents)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(transport, "_FIRST_PAUSE_SECONDS", 0.0)
    built = World(tmp_path)
    yield built
    built.close()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is run, the exit code of the truth, and which kinds of answers are spoilt in it."""

    kinds: str
    code: int = 1
    met: int = 2
    parts: int = 1
    now: datetime = NOW
    event: str = ""
    prepare: Callable[[World], dict[str, Any]] = lambda _: {}
    inputs: dict[str, str] = field(default_factory=dict)

    def fuzz(self, world: World) -> Fuzz:
        """The scenario in a world of its own."""
        payload = self.prepare(world)
        servers = [world.github, world.mlflow, world.pagerduty]
        more: dict[str, Any] = {"now": self.now, "event": self.event, "payload": payload, **self.inputs}
        return Fuzz(servers=servers, run=lambda: world.run(**more), is_right=is_right)


BEFORE_ANY_DEADLINE = T0 + timedelta(hours=20)
FLAGS = {"flag_paths": "flags/**"}
OF_GITHUB = r"GraphQL FlowJoy(Deployments|Commits|Inventory|Stubs|Statuses)"
SCENARIOS: dict[str, Scenario] = {
    "deployments": Scenario(kinds=OF_GITHUB, parts=4),
    "incidents": Scenario(kinds=r"GraphQL FlowJoyIssues|GET /incidents.*", parts=2),
    "registry": Scenario(kinds=r"(GET|POST) /api/2.0/mlflow/.*", parts=4),
    "tag": Scenario(kinds=r".*/model-versions/search", inputs={"model_signal": "tag:live"}, parts=2),
    "alias": Scenario(kinds=r".*/registered-models/get", inputs={"model_signal": "alias:champion"}, met=0),
    "stage": Scenario(kinds=r".*/model-versions/search", inputs={"model_signal": "stage:Production"}, met=0),
    "workflow runs": Scenario(
        kinds=r".*/runs|.*/workflows/[^/]+|.*/attempts/.*|GraphQL FlowJoyTag",
        inputs={"code_source": "workflow-runs"},
        parts=3,
    ),
    "deploy job": Scenario(
        kinds=r".*/jobs|GraphQL FlowJoyFile", inputs={"code_source": "workflow-runs", "deploy_job": "deploy"}
    ),
    "pull request runs": Scenario(
        kinds=r".*/pulls|.*/runs|.*/jobs",
        inputs={"code_source": "workflow-runs", "deploy_job": "deploy"},
        prepare=World.deploy_after_a_merge,
        code=2,
        met=0,
        parts=2,
    ),
    "releases": Scenario(kinds=r"GraphQL FlowJoyReleases", inputs={"code_source": "releases"}),
    "environments": Scenario(
        kinds=r".*/environments|GraphQL FlowJoyNewestDeployments", inputs={"environment": "prod*"}
    ),
    "ledger": Scenario(
        kinds=r".*/actions/artifacts|.*/actions/runs/\{id\}|.*/activity|GraphQL FlowJoyDefaultBranch",
        prepare=World.remember,
        parts=2,
    ),
    "pull request": Scenario(
        kinds=r".*/(pulls|contents).*|GraphQL FlowJoy(Workflows|BranchHead)",
        event="pull_request",
        prepare=World.propose,
        inputs=FLAGS,
        now=BEFORE_ANY_DEADLINE,
        parts=2,
    ),
    "checks": Scenario(
        kinds=r".*check-runs.*|.*/comments.*",
        event="pull_request",
        prepare=World.propose,
        inputs=FLAGS,
        now=BEFORE_ANY_DEADLINE,
        parts=2,
    ),
    "merge group": Scenario(
        kinds=r".*/compare/.*", event="merge_group", prepare=World.queue, inputs=FLAGS, now=BEFORE_ANY_DEADLINE
    ),
}


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, it in SCENARIOS.items() for part in range(it.parts)])
def test_field_fuzz__no_spoilt_field_leads_to_a_wrong_verdict(world: World, name: str, part: int) -> None:
    scenario = SCENARIOS[name]
    fuzz = scenario.fuzz(world)
    bodies = {kind: answers for kind, answers in fuzz.record().items() if re.fullmatch(scenario.kinds, kind)}
    assert bodies
    assert fuzz.truth["code"] == scenario.code, fuzz.truth["log"]
    assert [item[2] for item in fuzz.truth["obligations"]].count("met") == scenario.met
    wrong = [spoilt for cell in cells(bodies)[part :: scenario.parts] for spoilt in fuzz.wrong(cell)]
    if folder := os.environ.get("FLOWJOY_TRUST_FOLDER"):
        file = Path(folder) / f"field_fuzz.{name.replace(' ', '-')}-{part}.json"
        file.write_text(json.dumps([fuzz.count, len(wrong)]))
    assert [str(cell) for cell in wrong] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_kinds__of_answers_are_spoilt_in_some_scenario(world: World, name: str) -> None:
    asked = SCENARIOS[name].fuzz(world).record()
    spoilt = [scenario.kinds for scenario in SCENARIOS.values()]
    assert [kind for kind in asked if not any(re.fullmatch(kinds, kind) for kinds in spoilt)] == []


def test_fuzz__notices_a_check_that_lets_a_missing_commit_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(repository: Any, path: str, commits: Sequence[str]) -> dict[str, FileAtCommit]:
        return dict.fromkeys(commits, FileAtCommit(text='{"models": {}}'))

    monkeypatch.setattr(github_files, "texts", lenient)
    fuzz = SCENARIOS["deployments"].fuzz(world)
    assert "FlowJoyDeployments" in " ".join(fuzz.record())
    fuzz.truth = {**fuzz.truth, "code": 1}
    cell = Cell("GraphQL FlowJoyDeployments", (("data", "repository", "commit0"),), "dropped", only_first=True)
    assert fuzz.wrong(cell) == [cell]
