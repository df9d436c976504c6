"""Runs `make demo`: the complete step on three weeks of one service, with every service it calls on this machine.

It starts a GitHub stand-in on loopback and an MLflow registry in a sqlite file, and runs `entrypoint.py` as the Actions
runner would.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fakes import registry  # noqa: E402
from tests.fakes.github import GitHubStandIn  # noqa: E402

SEED_WEEKS = Path(__file__).parent / "seed_weeks"
WORKSPACE = ROOT / "demo-report"
AS_OF = "2024-06-24T00:00:00Z"


def main() -> int:
    """Fill the registry and GitHub, run the step, and list the files."""
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir()
    shutil.copy(SEED_WEEKS / "pagerduty_incidents.csv", WORKSPACE)
    print("Filling an MLflow registry (sqlite) and a GitHub stand-in with three weeks of acme/shop …", flush=True)
    models = _fill_registry()
    with GitHubStandIn(token="demo-token") as github:  # noqa: S106  (of a server that lives for a minute)
        _fill_github(github)
        print("Running entrypoint.py as the Actions runner would …\n", flush=True)
        code = _run_step(github, models)
    print(f"\nexit code {code}. Everything is in {WORKSPACE.relative_to(ROOT)}/, for example")
    print("  flowjoy-report/report.html        everything on one page: open it with a browser")
    print("  flowjoy-report/unified_flow.png   the chart: open it with any picture viewer")
    print("  summary.md                        the job summary, as GitHub would show it")
    print("  flowjoy-report/weekly_flow.csv    the week table")
    print("  outputs.txt                       the step's outputs")
    return code


def _stamps(name: str) -> list[datetime]:
    return [datetime.fromisoformat(line) for line in (SEED_WEEKS / name).read_text().split()]


def _fill_registry() -> registry.Registry:
    models = registry.embedded(WORKSPACE)
    models.add_model("recommender")
    for at in _stamps("model_deploy.json"):
        models.add_version(at)
    return models


def _fill_github(github: GitHubStandIn) -> None:
    parent = None
    for number, at in enumerate(_stamps("dev_deploy.json"), 1):
        sha = hashlib.sha256(b"commit %d" % number).hexdigest()[:40]
        parent = github.repository.add_commit(sha, at - timedelta(minutes=40), parent=parent)
        github.repository.add_deployment(
            sha=sha,
            created_at=at,
            statuses=[("in_progress", at), ("success", at)],
            run_id=9000 + number,
        )


def _run_step(github: GitHubStandIn, models: registry.Registry) -> int:
    environment = {
        "PATH": os.environ["PATH"],
        "GITHUB_ACTIONS": "false",
        "GITHUB_API_URL": github.url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(WORKSPACE),
        "GITHUB_OUTPUT": str(WORKSPACE / "outputs.txt"),
        "GITHUB_STEP_SUMMARY": str(WORKSPACE / "summary.md"),
        "INPUT_GITHUB-TOKEN": "demo-token",
        "INPUT_MODELS": "recommender",
        "INPUT_MLFLOW-TRACKING-URI": models.uri,
        "INPUT_INCIDENT-FILE": "pagerduty_incidents.csv",
        "INPUT_AS-OF": AS_OF,
        "INPUT_WEEKS": "4",
    }
    command = [sys.executable, "-I", str(ROOT / "entrypoint.py")]
    return subprocess.run(command, env=environment, cwd=WORKSPACE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
