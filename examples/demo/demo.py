"""Runs `make demo`: three weeks of acme/shop, then three days of it, with every service on this machine.

GitHub, Slack and PagerDuty are stand-ins on loopback; the MLflow registry is real, in a sqlite file. `entrypoint.py`
judges the weeks as a process of its own. In the days, the same step runs in this process, at the times of the story.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
logging.disable(logging.INFO)  # MLflow reports every table that it creates

import shop  # noqa: E402
import transcript  # noqa: E402

from tests.fakes import registry  # noqa: E402
from tests.fakes.github import GitHubStandIn  # noqa: E402

SEED_WEEKS = Path(__file__).parent / "seed_weeks"
EXPECTED = Path(__file__).parent / "seed_weeks.expected.csv"
AS_OF = "2024-06-24T00:00:00Z"
MONDAY = datetime(2024, 6, 24, tzinfo=UTC)
Scene = tuple[str, str, shop.News]
STUB = json.dumps({"models": {shop.MODEL: {"requires": "any", "owner": "ranking team"}}})


def main(folder: Path) -> int:
    """Judge the weeks, run the days, and list the files. Return 1 if the week table is not the expected one."""
    shutil.rmtree(folder, ignore_errors=True)
    days = folder / "days"
    days.mkdir(parents=True)
    for workspace in (folder, days):
        shutil.copy(SEED_WEEKS / "pagerduty_incidents.csv", workspace)
    print(
        "acme/shop ships code and its model, recommender. Filling a GitHub stand-in and an MLflow registry …",
        flush=True,
    )
    models = registry.embedded(folder)
    models.add_model(shop.MODEL)
    with (
        (folder / "log.txt").open("w", encoding="utf-8") as log,
        GitHubStandIn(token=shop.TOKEN) as github,
        shop.opened(days, models, github, log) as acme,
    ):
        for at in _timestamps("model_deploy.json"):
            acme.ship(at)
        for number, at in enumerate(_timestamps("dev_deploy.json"), 1):
            acme.deploy(at, run_id=9000 + number)
        with GitHubStandIn(copy.deepcopy(github.repository), token=shop.TOKEN) as past:
            weeks = _weeks(folder, past, models)
            monday = list(_monday(acme))  # while the other process runs
            is_exact = _report_weeks(folder, weeks, log)
        for title, scenes in {"Monday": monday, "Tuesday": _tuesday(acme), "Wednesday": _wednesday(acme)}.items():
            transcript.heading(title)
            for time, text, news in scenes:
                transcript.event(time, text)
                transcript.report(news)
        acme.keep_slack()
    _list_results(folder)
    return 0 if is_exact else 1


def _timestamps(name: str) -> list[datetime]:
    return [datetime.fromisoformat(line) for line in (SEED_WEEKS / name).read_text().split()]


def _weeks(folder: Path, github: GitHubStandIn, models: registry.Registry) -> subprocess.Popen[str]:
    """Start `entrypoint.py` as the runner would, as of the end of the weeks."""
    environment = {
        "PATH": os.environ["PATH"],
        "GITHUB_ACTIONS": "false",
        "GITHUB_API_URL": github.url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "outputs.txt"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "INPUT_GITHUB-TOKEN": shop.TOKEN,
        "INPUT_MODELS": shop.MODEL,
        "INPUT_MLFLOW-TRACKING-URI": models.uri,
        "INPUT_INCIDENT-FILE": "pagerduty_incidents.csv",
        "INPUT_AS-OF": AS_OF,
        "INPUT_WEEKS": "4",
    }
    command = [sys.executable, "-I", str(ROOT / "entrypoint.py")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def _report_weeks(folder: Path, process: subprocess.Popen[str], log: TextIO) -> bool:
    """Print the week table; return whether it is the expected one."""
    stdout, stderr = process.communicate()
    log.write(stdout + stderr)
    transcript.heading("Three weeks before")
    print("\n".join(line for line in stdout.splitlines() if "  MTTR " in line or line.startswith("verdict")))
    table = folder / "flowjoy-report" / "weekly_flow.csv"
    is_exact = process.returncode == 0 and table.read_text() == EXPECTED.read_text()
    print(
        f"The week table is exactly {EXPECTED.name}."
        if is_exact
        else f"The week table is NOT {EXPECTED.name}.\n{stderr}"
    )
    return is_exact


def _monday(acme: shop.Shop) -> Iterator[Scene]:
    """Release code, and open a pull request."""
    at = MONDAY + timedelta(hours=9)
    sha = acme.deploy(at)
    acme.github.repository.add_file(sha, "flowjoy.json", STUB)
    text = f"A release goes live: {sha[:7]}. Its model stub names {shop.MODEL}, so a clock starts."
    yield "09:00", text, acme.run(at, "push", "1-released")
    at = MONDAY + timedelta(hours=14)
    acme.propose(at, "Rank by season")
    text = "A pull request is opened. The merge gate checks the models that it needs."
    yield "14:00", text, acme.run(at, "pull_request", "2-pull-request")


def _tuesday(acme: shop.Shop) -> Iterator[Scene]:
    """Let three quarters of the clock pass."""
    text = "The hourly run. Less than a quarter of the 48 hours is left."
    yield "22:00", text, acme.run(MONDAY + timedelta(hours=46), "schedule", "3-at-risk")


def _wednesday(acme: shop.Shop) -> Iterator[Scene]:
    """Miss the deadline, ship the model, and let the pull request go."""
    text = "The hourly run. The deadline has passed, and the model has not shipped."
    yield "10:00", text, acme.run(MONDAY + timedelta(hours=58), "schedule", "4-overdue")
    text = "The workflow of the pull request runs again."
    yield "11:00", text, acme.run(MONDAY + timedelta(hours=59), "pull_request", "5-blocked")
    version = acme.ship(MONDAY + timedelta(hours=62, minutes=20))
    text = f"The hourly run. Version {version} of {shop.MODEL} was registered at 14:20. The release keeps its miss."
    yield "15:00", text, acme.run(MONDAY + timedelta(hours=63), "schedule", "6-shipped")
    text = "The workflow of the pull request runs again. Nothing is due, so merging is free."
    yield "15:05", text, acme.run(MONDAY + timedelta(hours=63, minutes=5), "pull_request", "7-free")


def _list_results(folder: Path) -> None:
    """Print the paths of pages, pictures and tables."""
    transcript.heading("The results")
    for path, what in {
        "days/4-overdue/report.html": "the report of Wednesday 10:00, for a browser",
        "days/6-shipped/report.html": "the same after the ship",
        "days/6-shipped/unified_flow.png": "both cadences and the unified MTTR",
        "days/6-shipped/promise.png": "the 48-hour windows, and what closed them",
        "days/6-shipped/badge.svg": "the rate of kept promises, for a README",
        "days/6-shipped/cdevents.jsonl": "the same days as CDEvents",
        "days/6-shipped/flowjoy.prom": "the figures for Prometheus",
        "flowjoy-report/weekly_flow.csv": "the week table",
        "log.txt": "the full log of every run",
    }.items():
        print(f"  {os.path.relpath(folder / path):44} {what}")
    print("\n`make pictures` renders checks, comment and Slack message as they look (needs Chromium).")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo-report"))
