"""Runs `make demo`: three weeks of acme/shop, then three days of it, with every service on this machine.

GitHub, Slack and PagerDuty are stand-ins on loopback; the MLflow registry is real, in a sqlite file. `entrypoint.py`
judges the weeks as a process of its own. In the days, the same step runs in this process, at the times of the story.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
STUB = json.dumps({"models": {shop.MODEL: {"requires": "any"}}})


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
        is_exact = _weeks(folder, acme)
        number = _monday(acme)
        _tuesday(acme)
        _wednesday(acme, number)
        acme.keep_slack()
    _files(folder)
    return 0 if is_exact else 1


def _timestamps(name: str) -> list[datetime]:
    return [datetime.fromisoformat(line) for line in (SEED_WEEKS / name).read_text().split()]


def _weeks(folder: Path, acme: shop.Shop) -> bool:
    """Run `entrypoint.py` as the runner would, for the past weeks; return whether their table is the expected one."""
    environment = {
        "PATH": os.environ["PATH"],
        "GITHUB_ACTIONS": "false",
        "GITHUB_API_URL": acme.github.url,
        "GITHUB_GRAPHQL_URL": acme.github.graphql_url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "outputs.txt"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "INPUT_GITHUB-TOKEN": shop.TOKEN,
        "INPUT_MODELS": shop.MODEL,
        "INPUT_MLFLOW-TRACKING-URI": acme.models.uri,
        "INPUT_INCIDENT-FILE": "pagerduty_incidents.csv",
        "INPUT_AS-OF": AS_OF,
        "INPUT_WEEKS": "4",
    }
    command = [sys.executable, "-I", str(ROOT / "entrypoint.py")]
    ran = subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True, text=True)
    acme.log.write(ran.stdout + ran.stderr)
    transcript.heading("The three weeks before")
    print("\n".join(line for line in ran.stdout.splitlines() if "  MTTR " in line or line.startswith("verdict")))
    is_exact = (
        ran.returncode == 0 and (folder / "flowjoy-report" / "weekly_flow.csv").read_text() == EXPECTED.read_text()
    )
    print(
        "The week table is exactly seed_weeks.expected.csv."
        if is_exact
        else f"NOT the expected week table:\n{ran.stderr}"
    )
    return is_exact


def _monday(acme: shop.Shop) -> int:
    """Release code, and open a pull request; return its number."""
    transcript.heading("Monday")
    at = MONDAY + timedelta(hours=9)
    sha = acme.deploy(at)
    acme.github.repository.add_file(sha, "flowjoy.json", STUB)
    transcript.event("09:00", f"A release goes live: {sha[:7]}. Its model stub names {shop.MODEL}, so a clock starts.")
    transcript.report(acme.run(at, "push", "1-released"))
    at = MONDAY + timedelta(hours=14)
    number = acme.propose(at, "Rank by season")
    transcript.event("14:00", f"Pull request #{number} is opened. The merge gate checks the models that it needs.")
    transcript.report(acme.run(at, "pull_request", "2-pull-request", number))
    return number


def _tuesday(acme: shop.Shop) -> None:
    """Let three quarters of the clock pass."""
    transcript.heading("Tuesday")
    transcript.event("22:00", "The hourly run. Less than a quarter of the 48 hours is left.")
    transcript.report(acme.run(MONDAY + timedelta(hours=46), "schedule", "3-at-risk"))


def _wednesday(acme: shop.Shop, number: int) -> None:
    """Miss the deadline, ship the model, and merge again."""
    transcript.heading("Wednesday")
    transcript.event("10:00", "The hourly run. The deadline has passed, and the model has not shipped.")
    transcript.report(acme.run(MONDAY + timedelta(hours=58), "schedule", "4-overdue"))
    transcript.event("11:00", f"The workflow of pull request #{number} runs again.")
    transcript.report(acme.run(MONDAY + timedelta(hours=59), "pull_request", "5-blocked", number))
    version = acme.ship(MONDAY + timedelta(hours=62, minutes=20))
    transcript.event("15:00", f"The hourly run. At 14:20, version {version} of {shop.MODEL} was registered.")
    transcript.report(acme.run(MONDAY + timedelta(hours=63), "schedule", "6-shipped"))
    transcript.event(
        "15:05", f"The workflow of pull request #{number} runs again: the promise holds, so merging is free."
    )
    transcript.report(acme.run(MONDAY + timedelta(hours=63, minutes=5), "pull_request", "7-free", number))


def _files(folder: Path) -> None:
    """Name the files that matter."""
    transcript.heading("The results")
    for path, what in {
        "days/4-overdue/report.html": "the report of Wednesday 10:00, for a browser",
        "days/6-shipped/report.html": "the same after the ship",
        "days/6-shipped/unified_flow.png": "both cadences and the unified MTTR",
        "days/6-shipped/promise.png": "the 48-hour windows, and what closed them",
        "flowjoy-report/weekly_flow.csv": "the week table",
        "log.txt": "the full log of every run",
    }.items():
        print(f"  {os.path.relpath(folder / path):44} {what}")
    print("\n`make pictures` renders checks, comment and Slack message as they look (needs Chromium).")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo-report"))
