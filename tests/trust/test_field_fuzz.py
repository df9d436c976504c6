"""No spoilt field of any answer leads to a wrong verdict, a wrong status or a wrong duration."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy import transport
from flowjoy.main import run
from tests.stand_ins.github import Attempt, GitHubStandIn
from tests.stand_ins.mlflow_faults import MlflowStandIn
from tests.stand_ins.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.stand_ins.pagerduty import PagerDutyStandIn
from tests.story.in_process import blank_pictures
from tests.trust.field_fuzz import Cell, wrong_verdicts

pytestmark = pytest.mark.matrix

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(hours=75)
SHAS = ["a" * 40, "b" * 40, "c" * 40]
TOKEN = "canary-token-of-github"

MAY_DIFFER: dict[tuple[str, str], str] = {}
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
            shop.add_run(sha=sha, created_at=at, run_attempt=2, attempts=[failed])
            shop.add_release(tag=f"v{number}", sha=sha, published_at=at)
        shop.add_issue(title="checkout is down", labels=["incident"], created_at=T0, closed_at=T0 + timedelta(hours=2))
        self.mlflow.add_model()
        for hours in (-100, -90, 3):
            self.mlflow.add_version(T0 + timedelta(hours=hours))
        for number, version in enumerate(self.mlflow.models["recommender"]):
            version.update(run_id=f"{number:032x}", source=f"s3://models/{number}")
        self.pagerduty.add(T0 + timedelta(hours=8), T0 + timedelta(hours=9))
        self.pagerduty.add(T0 + timedelta(hours=10))

    def run(self, **inputs: str) -> dict[str, Any]:
        """Run the step and return what it decided and knows."""
        output = self.folder / "output"
        output.write_text("")
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
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        }
        log = io.StringIO()
        with blank_pictures():
            code = run(environment, [], now=NOW, stream=log)
        with contextlib.suppress(FileNotFoundError):
            return {"code": code, "log": log.getvalue(), **facts_of(self.folder / "report" / "flowjoy-bundle.json")}
        return {"code": code, "log": log.getvalue()}

    def close(self) -> None:
        self.github.close()
        self.mlflow.close()
        self.pagerduty.close()


def facts_of(path: Path) -> dict[str, Any]:
    """Return what decides: statuses of obligations, and incidents where their source was read."""
    bundle = json.loads(path.read_text())
    path.unlink()
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
    if (cell.kind, cell.path[-1]) in MAY_DIFFER:
        return bool(outcome["code"] in (truth["code"], 2))
    same_incidents = outcome.get("incidents") in (None, truth["incidents"])
    if outcome["code"] == 2:
        return same_incidents
    return bool(outcome["code"] == truth["code"] and outcome["obligations"] == truth["obligations"] and same_incidents)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(transport, "_FIRST_PAUSE_SECONDS", 0.0)
    built = World(tmp_path)
    yield built
    built.close()


SCENARIOS: dict[str, dict[str, str]] = {
    "deployments": {"code_source": "deployments"},
    "workflow runs": {"code_source": "workflow-runs"},
    "releases": {"code_source": "releases"},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_field_fuzz__no_spoilt_field_leads_to_a_wrong_verdict(world: World, name: str) -> None:
    truth = world.run(**SCENARIOS[name])
    assert truth["code"] == 1, truth["log"]
    assert [item[2] for item in truth["obligations"]].count("met") == 2
    servers = [world.github, world.mlflow, world.pagerduty]
    wrong, count = wrong_verdicts(servers, lambda: world.run(**SCENARIOS[name]), is_right)
    if folder := os.environ.get("FLOWJOY_TRUST_FOLDER"):
        (Path(folder) / f"field_fuzz.{name.replace(' ', '-')}.json").write_text(json.dumps([count, len(wrong)]))
    assert [str(cell) for cell in wrong] == []
