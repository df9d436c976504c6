"""Three weeks of one service, told exactly: the worked example, from the processes' start to the files' bytes."""

from __future__ import annotations

import csv
import random
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.step import ROOT, Ended, Step
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.fakes.mlflow_faults import SEARCH_VERSIONS, MlflowStandIn
from tests.fakes.registry import Registry
from tests.unit.report.rendered import read

SEED_WEEKS = ROOT / "examples" / "demo" / "seed_weeks"
AS_OF = "2024-06-24T00:00:00Z"
WEEKS = """\
week,code_deploys,model_deploys,gap,mttr_hours,incidents,partial
2024-06-03,8,5,3,1.6,3,false
2024-06-10,9,4,5,2.0,4,false
2024-06-17,7,6,1,1.2,2,false
2024-06-24,0,0,0,,0,true
"""
FILES = [
    "flowjoy-bundle.json",
    "supply_chain_events.csv",
    "incidents.csv",
    "weekly_flow.csv",
    "unified_flow.svg",
    "promise.svg",
    "recovery.csv",
    "dora.csv",
    "report.html",
]


def stamps(name: str) -> list[datetime]:
    return [datetime.fromisoformat(line) for line in (SEED_WEEKS / name).read_text().split()]


def fill(github: GitHubStandIn, registry: Registry | MlflowStandIn) -> None:
    """The seed weeks as the services know them."""
    for at in stamps("model_deploy.json"):
        registry.add_version(at)
    for number, at in enumerate(stamps("dev_deploy.json"), 1):
        github.repository.add_deployment(
            sha=f"{number:040x}", created_at=at, statuses=[("in_progress", at), ("success", at)], run_id=9000 + number
        )


def over_http(folder: Path, github: GitHubStandIn, uri: str) -> Step:
    step = Step(folder=folder, github=github)
    step.inputs = {
        "models": "recommender",
        "mlflow-tracking-uri": uri,
        "incident-file": "pagerduty_incidents.csv",
        "as-of": AS_OF,
        "weeks": "4",
    }
    shutil.copy(SEED_WEEKS / "pagerduty_incidents.csv", step.workspace)
    return step


def by_files(folder: Path) -> Step:
    step = Step(folder=folder)
    step.inputs = {
        "code-source": "file",
        "code-file": "dev_deploy.json",
        "model-source": "file",
        "model-file": "model_deploy.json",
        "models": "recommender",
        "incident-file": "pagerduty_incidents.csv",
        "as-of": AS_OF,
        "weeks": "4",
        "github-token": "",
    }
    shutil.copytree(SEED_WEEKS, step.workspace, dirs_exist_ok=True)
    return step


def assert_told_exactly(ran: Ended) -> None:
    assert ran.file("weekly_flow.csv").decode() == WEEKS
    assert (ran.code, ran.stderr) == (0, "")
    result = {name: ran.outputs[name] for name in ("verdict", "sla-status", "code-deploys", "model-deploys")}
    assert result == {"verdict": "pass", "sla-status": "met", "code-deploys": "7", "model-deploys": "6"}
    assert (ran.outputs["cadence-gap"], ran.outputs["mttr-hours"]) == ("1", "1.20")
    for label, code, model, mttr in (("Jun 03", 8, 5, "1.6"), ("Jun 10", 9, 4, "2.0"), ("Jun 17", 7, 6, "1.2")):
        assert f"{label}  code {code:>3}  model {model:>3}  MTTR {mttr:>5} h" in ran.stdout
        assert f"| {label} | {code} | {model} | {code - model} | {mttr} |" in read(ran.summary)
    assert ran.stdout.count("Model cadence lagging") == ran.summary.count("Model cadence lagging") == 1
    assert "Model cadence lagging by 5 deploys" in read(ran.summary)
    assert [len(list(csv.reader(ran.file(name).decode().splitlines()))) for name in FILES[1:3]] == [1 + 39, 1 + 9]
    assert ran.file("unified_flow.png").startswith(b"\x89PNG")
    assert {ran.outputs[name] for name in ("bundle", "events", "chart")} == {
        "flowjoy-report/flowjoy-bundle.json",
        "flowjoy-report/supply_chain_events.csv",
        "flowjoy-report/unified_flow.png",
    }


@pytest.mark.matrix
def test_seed_weeks__over_http_with_a_real_mlflow_server(
    tmp_path: Path, github: GitHubStandIn, mlflow_server: Registry
) -> None:
    mlflow_server.clear()
    mlflow_server.add_model()
    fill(github, mlflow_server)
    assert_told_exactly(over_http(tmp_path, github, mlflow_server.uri).run())
    asked = {(request.method, request.path) for request in github.requests}  # an as-of run writes nothing
    assert asked == {("GET", "/repos/acme/shop/actions/artifacts"), ("POST", "/graphql")}
    assert github.repository.check_runs == {}


def test_seed_weeks__from_the_three_files(tmp_path: Path) -> None:
    assert_told_exactly(by_files(tmp_path).run())


@pytest.mark.matrix
def test_order__shuffled_and_repeated_files_give_the_same_bytes(tmp_path: Path) -> None:
    straight = by_files(tmp_path / "straight").run()
    mixed = by_files(tmp_path / "mixed")
    shuffle = random.Random(7).shuffle  # noqa: S311  (an order, no secret)
    for name in ("dev_deploy.json", "model_deploy.json", "pagerduty_incidents.csv"):
        header, *rows = (mixed.workspace / name).read_text().splitlines()
        if not name.endswith(".csv"):
            header, rows = "", [header, *rows]
        rows += rows[::2]
        shuffle(rows)
        (mixed.workspace / name).write_text("\n".join(filter(None, [header, *rows])) + "\n")
    ran = mixed.run()
    assert_told_exactly(ran)
    assert [name for name in FILES if ran.file(name) != straight.file(name)] == []


@pytest.mark.matrix
def test_order__shuffled_and_repeated_answers_give_the_same_bytes(
    tmp_path: Path, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    fill(github, mlflow)
    straight = over_http(tmp_path / "straight", github, mlflow.url).run()
    shuffle = random.Random(7).shuffle  # noqa: S311  (an order, no secret)

    def mix(body: Any) -> Any:
        deployments = (body["data"].get("repository") or {}).get("deployments")
        if deployments:
            deployments["nodes"] += deployments["nodes"][::3]
            shuffle(deployments["nodes"])
            for node in deployments["nodes"]:
                shuffle(node["statuses"]["nodes"])
        return body

    def mix_versions(body: Any) -> Any:
        body["model_versions"] += body["model_versions"][::2]
        shuffle(body["model_versions"])
        return body

    github.fail("/graphql", times=None, fault=Edited(mix))
    mlflow.fail(SEARCH_VERSIONS, times=None, fault=Edited(mix_versions))
    mixed = over_http(tmp_path / "mixed", github, mlflow.url).run()
    assert_told_exactly(mixed)
    assert [name for name in FILES if mixed.file(name) != straight.file(name)] == []
