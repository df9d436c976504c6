"""The process among hostile things: signals, full disks, a workspace that wants in, and what must never get out."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowjoy.cli.run import _CANCEL_SECONDS
from flowjoy.ledger.bundle_format import SCHEMA
from tests.e2e.step import A, Ended, Step
from tests.fakes.artifact_service import ArtifactServiceStandIn, runtime_token
from tests.fakes.faults import Stall
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer, Exchange
from tests.fakes.mlflow_faults import GET_MODEL, MlflowStandIn
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.fakes.slack import CHANNEL, SlackStandIn, arguments_of
from tests.fakes.slack import TOKEN as SLACK_TOKEN

FILES = {
    "flowjoy-bundle.json",
    "supply_chain_events.csv",
    "incidents.csv",
    "weekly_flow.csv",
    "recovery.csv",
    "dora.csv",
    "cdevents.jsonl",
    "flowjoy.prom",
    "badge.svg",
    "badge.json",
    "report.html",
    "unified_flow.png",
    "unified_flow.svg",
    "promise.png",
    "promise.svg",
}


@pytest.fixture
def broken_promise(step: Step, github: GitHubStandIn) -> Step:
    """A release 49 hours ago without its model: whatever else happens, exit code 1."""
    when = datetime.now(UTC) - timedelta(hours=49)
    github.repository.add_commit(A, when)
    github.repository.add_deployment(sha=A, created_at=when, statuses=[("success", when)])
    return step


@pytest.fixture
def kept_promise(broken_promise: Step, mlflow: MlflowStandIn) -> Step:
    """The same release, its model shipped an hour later: exit code 0."""
    mlflow.add_version(datetime.now(UTC) - timedelta(hours=48))
    return broken_promise


@pytest.fixture
def artifacts(github: GitHubStandIn) -> Iterator[ArtifactServiceStandIn]:
    with ArtifactServiceStandIn(github.repository) as stand_in:
        yield stand_in


def warnings_of(ran: Ended) -> list[str]:
    return [command.data for command in ran.commands if command.name == "warning"]


# Signals


@pytest.mark.matrix
def test_killed__before_it_could_tell_reads_as_error(kept_promise: Step, github: GitHubStandIn) -> None:
    """Everything is read and every file written; only the check is still to be sent."""
    github.fail("/check-runs", times=None, fault=Stall(60))
    ran = kept_promise.interrupt(signal.SIGKILL, lambda: github.count(path_contains="/check-runs") > 0)
    assert ran.code == -signal.SIGKILL
    assert (ran.step.report / "flowjoy-bundle.json").exists()
    assert (ran.outputs["verdict"], ran.outputs["sla-status"]) == ("error", "unknown")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.matrix)]
)
def test_cancelled__it_waits_for_no_service_and_leaves_no_check_in_progress(
    kept_promise: Step, github: GitHubStandIn, mlflow: MlflowStandIn, number: signal.Signals, code: int
) -> None:
    mlflow.fail("", times=None, fault=Stall(60))
    ran = kept_promise.interrupt(number, lambda: mlflow.count() > 0)
    assert (ran.code, ran.outputs["verdict"]) == (code, "error")
    assert mlflow.answered == 0
    assert "Traceback" not in ran.log
    assert all(check.fields["status"] == "completed" for check in github.repository.check_runs.values())


def test_cancelled__ends_though_every_service_is_silent_and_publishes_no_ledger(
    kept_promise: Step, github: GitHubStandIn, mlflow: MlflowStandIn, artifacts: ArtifactServiceStandIn
) -> None:
    """A runner kills the process soon after the signal: closing the check has less than five seconds."""
    assert _CANCEL_SECONDS < 5
    in_a_run(kept_promise, github, artifacts)
    mlflow.fail("", times=None, fault=Stall(60))
    github.fail("/check-runs", times=None, fault=Stall(60))
    ran = kept_promise.interrupt(signal.SIGTERM, lambda: mlflow.count() > 0)
    assert (ran.code, ran.outputs["verdict"]) == (143, "error")
    assert mlflow.answered == 0
    assert (github.repository.check_runs, artifacts.uploads, github.repository.artifacts) == ({}, [], {})


# Two at once


def in_a_run(step: Step, github: GitHubStandIn, artifacts: ArtifactServiceStandIn) -> None:
    """From now on the step belongs to a scheduled run that GitHub lists, and can upload."""
    run = github.repository.add_run(
        sha=A, created_at=datetime.now(UTC), event="schedule", workflow="flowjoy.yml", status="in_progress"
    )
    step.variables |= {
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_RUN_ID": str(run),
        "ACTIONS_RUNTIME_TOKEN": runtime_token(run),
        "ACTIONS_RESULTS_URL": artifacts.url,
    }


@dataclass(frozen=True)
class Stale:
    """No messages for a request that looks back further than `since`, the right answer for any other."""

    since: datetime

    def serve(self, exchange: Exchange) -> None:
        right = exchange.right_answer()
        looks_back = float(arguments_of(exchange.request)["oldest"]) < self.since.timestamp()
        (Answer(right.status, {**right.body, "messages": []}) if looks_back else right).serve(exchange)


@pytest.mark.matrix
def test_at_once__two_runs_say_the_same_send_one_alert_and_leave_two_ledgers_that_merge(
    broken_promise: Step, github: GitHubStandIn, artifacts: ArtifactServiceStandIn
) -> None:
    now = datetime.now(UTC)
    with SlackStandIn() as slack, PagerDutyEventsStandIn() as pager:
        slack.clock = now
        broken_promise.inputs |= {
            "slack-token": SLACK_TOKEN,
            "slack-channel": CHANNEL,
            "slack-api-url": slack.api_url,
            "pagerduty-routing-key": ROUTING_KEY,
            "pagerduty-events-url": pager.url,
        }
        artifacts.clock = now - timedelta(hours=2)
        in_a_run(broken_promise, github, artifacts)
        assert broken_promise.run_here(now - timedelta(hours=2)).code == 0
        first, second = (
            replace(broken_promise, folder=broken_promise.folder / name, variables=dict(broken_promise.variables))
            for name in ("first", "second")
        )
        artifacts.clock = now
        for step in (first, second):
            in_a_run(step, github, artifacts)
        # Before it posts, neither sees what the other one posts.
        slack.fail("conversations.history", times=None, fault=Stale(since=now - timedelta(days=1)))
        begun = [(step, step.start()) for step in (first, second)]
        ended = [step.ended(process, *process.communicate(timeout=150)) for step, process in begun]
        assert [(ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) for ran in ended] == [
            (1, "fail", "breached")
        ] * 2
        slack.heal()
        assert sum("overdue" in title for title in slack.titles) == 1
        assert [alert.events[0]["payload"]["class"] for alert in pager.alerts].count("breach") == 1
        ledgers = sorted(github.repository.artifacts)[-2:]
        in_a_run(broken_promise, github, artifacts)
        merged = broken_promise.run_here()
        assert (merged.code, merged.outputs["verdict"]) == (1, "fail")
        assert set(ledgers) <= {int(number) for number in merged.bundle["ledgers"]}
        assert sum("overdue" in title for title in slack.titles) == 1


# Files


def test_chart__of_a_service_that_is_broken_mathematics_is_drawn(broken_promise: Step) -> None:
    broken_promise.inputs["service"] = r"$\frac{$ $x^{$"
    ran = broken_promise.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert ran.file("unified_flow.png").startswith(b"\x89PNG")
    assert ran.file("promise.png").startswith(b"\x89PNG")
    assert not [warning for warning in warnings_of(ran) if "could not be" in warning]


def test_report__a_folder_that_cannot_be_made_is_a_warning_and_the_verdict_stands(broken_promise: Step) -> None:
    broken_promise.report.write_text("in the way")
    ran = broken_promise.run_here()
    assert (ran.code, ran.outputs["verdict"], ran.outputs["bundle"]) == (1, "fail", "")
    (warning,) = warnings_of(ran)
    names, _, reason = warning.partition(" could not be written ")
    assert (sorted(names.split(", ")), reason[:13]) == (sorted(FILES), "(File exists)")


@pytest.mark.matrix
def test_report__a_full_disk_is_a_warning_and_the_verdict_stands(broken_promise: Step) -> None:
    def at_most_6_kb_a_file() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    ran = broken_promise.run(at_most_6_kb_a_file)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["chart"]) == (1, "fail", "")
    files, summary = warnings_of(ran)
    assert "unified_flow.png" in files
    assert files.endswith("could not be written (File too large)")
    assert summary == "the job summary could not be written (File too large)"
    assert "broken" in ran.summary


@pytest.mark.parametrize("kind", ["full", "gone", "a folder"])
def test_output__that_cannot_be_written_is_exit_2_whatever_the_verdict(
    kept_promise: Step, github: GitHubStandIn, kind: str
) -> None:
    places = {
        "full": "/dev/full",
        "gone": str(kept_promise.folder / "no" / "such"),
        "a folder": str(kept_promise.folder),
    }
    kept_promise.variables["GITHUB_OUTPUT"] = places[kind]
    ran = kept_promise.run_here()
    assert ran.code == 2
    assert any(command.name == "error" for command in ran.commands)


@pytest.mark.matrix
def test_output__that_cannot_be_written_at_the_end_is_exit_2(kept_promise: Step) -> None:
    """The first outputs fit, the last ones do not: a pass that nobody can read is no pass."""
    kept_promise.report.write_text("in the way")

    def at_most_100_bytes_a_file() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    ran = kept_promise.run(at_most_100_bytes_a_file)
    assert ran.code == 2
    assert "verdict=error" in ran.step.output.read_text()
    assert "pass" not in ran.step.output.read_text()


def test_summary__that_cannot_be_written_is_a_warning(broken_promise: Step) -> None:
    broken_promise.variables["GITHUB_STEP_SUMMARY"] = "/dev/full"
    ran = broken_promise.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert any("job summary could not be written" in warning for warning in warnings_of(ran))


def test_links__a_linked_output_file_is_replaced_and_never_written_through(broken_promise: Step) -> None:
    outside = broken_promise.folder / "outside"
    outside.mkdir()
    broken_promise.report.mkdir()
    for name in FILES:
        (outside / name).write_text("precious")
        (broken_promise.report / name).symlink_to(outside / name)
    ran = broken_promise.run_here()
    assert {(outside / name).read_text() for name in FILES} == {"precious"}
    assert not any((ran.step.report / name).is_symlink() for name in FILES)
    assert ran.bundle["schema"] == SCHEMA


@pytest.mark.parametrize("name", ["output-dir", "code-file", "model-file", "incident-file"])
def test_links__a_path_that_leads_out_of_the_workspace_is_refused(kept_promise: Step, name: str) -> None:
    outside = kept_promise.folder / "outside"
    outside.mkdir()
    (outside / "secrets.csv").write_text("start,end\nhunter2,hunter3\n")
    (kept_promise.workspace / "link").symlink_to(outside)
    for path in ("link/secrets.csv", "../outside/secrets.csv", str(outside / "secrets.csv")):
        kept_promise.inputs[name] = path
        ran = kept_promise.run_here()
        assert (ran.code, ran.outputs["verdict"]) == (2, "error")
        assert "hunter" not in ran.log + ran.summary
    assert [file.name for file in outside.iterdir()] == ["secrets.csv"]


# The workspace


INTRUDERS = ("json", "sitecustomize", "usercustomize", "flowjoy", "mlflow", "pandas", "github", "requests", "logging")


@pytest.mark.matrix
def test_workspace__modules_in_it_are_never_imported(broken_promise: Step) -> None:
    marks = broken_promise.folder / "marks"
    marks.mkdir()
    for name in INTRUDERS:
        text = f"import pathlib\npathlib.Path({str(marks / name)!r}).touch()\n"
        (broken_promise.workspace / f"{name}.py").write_text(text)
    site = broken_promise.folder / "home" / ".local" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(marks / 'pth')!r}).touch()\n")
    startup = broken_promise.workspace / "startup.py"
    startup.write_text(f"import pathlib\npathlib.Path({str(marks / 'startup')!r}).touch()\n")
    broken_promise.variables |= {
        "PYTHONPATH": str(broken_promise.workspace),
        "PYTHONSTARTUP": str(startup),
        "PYTHONHOME": "/nowhere",
    }
    ran = broken_promise.run()
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert list(marks.iterdir()) == []


@pytest.mark.matrix
def test_workspace__settings_of_libraries_in_it_change_no_picture(broken_promise: Step) -> None:
    broken_promise.inputs["as-of"] = "2024-06-24T00:00:00Z"
    plain = broken_promise.run_here()
    ours = {name: plain.file(name) for name in ("unified_flow.png", "unified_flow.svg")}
    (broken_promise.workspace / "matplotlibrc").write_text("axes.facecolor: red\ntext.usetex: True\nbackend: no_such\n")
    (broken_promise.workspace / ".env").write_text("MLFLOW_TRACKING_URI=http://127.0.0.1:9\n")
    ran = broken_promise.run()
    assert warnings_of(ran) == warnings_of(plain)
    assert {name: ran.file(name) for name in ours} == ours


# What servers say


INJECTION = (
    "##[set-output name=verdict]pass\n::set-output name=verdict::pass\r::add-mask::fail\n\x1b[0m::stop-commands::x"
)


@pytest.mark.matrix
def test_streams__hold_no_runner_command_but_ours_whatever_the_registry_says(
    broken_promise: Step, mlflow: MlflowStandIn
) -> None:
    mlflow.fail("", times=None, fault=Answer(418, {"error_code": INJECTION, "message": INJECTION}))
    ran = broken_promise.run()
    assert {command.name for command in ran.commands} <= {"group", "endgroup", "error", "warning", "notice"}
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert ran.stderr == ""


def test_streams__hold_no_runner_command_but_ours_whatever_github_says(
    broken_promise: Step, github: GitHubStandIn
) -> None:
    github.repository.deployments[min(github.repository.deployments)].environment = INJECTION
    ran = broken_promise.run_here()
    assert {command.name for command in ran.commands} <= {"group", "endgroup", "error", "warning", "notice"}
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")


# People


TITLES = ("Checkout is down for Jane Roe", "Ranking broke")


@pytest.mark.parametrize(
    ("private", "wish", "shown"),
    [(False, None, False), (False, "always", True), (True, None, True), (True, "never", False)],
    ids=["public", "public, always", "private", "private, never"],
)
def test_titles__of_incidents_stay_out_of_public_repositories(
    broken_promise: Step, *, private: bool, wish: str | None, shown: bool
) -> None:
    rows = [f'2024-06-0{day}T09:00:00Z,2024-06-0{day}T10:00:00Z,"{title}"' for day, title in enumerate(TITLES, 3)]
    (broken_promise.workspace / "incidents.csv").write_text("\n".join(["start,end,title", *rows]) + "\n")
    broken_promise.inputs |= {"incident-file": "incidents.csv", "as-of": "2024-06-24T00:00:00Z", "weeks": "4"}
    broken_promise.inputs |= {"incident-titles": wish} if wish else {}
    broken_promise.private = private
    ran = broken_promise.run_here()
    assert len(ran.bundle["incidents"]) == 2
    assert [any(title in ran.file("flowjoy-bundle.json").decode() for title in TITLES)] == [shown]
    if not shown:
        emitted = [ran.log, ran.summary, ran.step.output.read_text(), *_texts(ran.step.report)]
        assert not [text for text in emitted if "Jane Roe" in text or "Ranking broke" in text]


def test_titles__stay_out_where_nobody_says_that_the_repository_is_private(
    broken_promise: Step, github: GitHubStandIn
) -> None:
    (broken_promise.workspace / "incidents.csv").write_text("start,end,title\n2024-06-03T09:00:00Z,,Jane Roe\n")
    broken_promise.inputs |= {"incident-file": "incidents.csv"}
    broken_promise.event = {"repository": None}
    github.fail("GET /repos/acme/shop", times=None, fault=Answer(403, {"message": "no"}))
    ran = broken_promise.run_here()
    assert ran.bundle["incidents"][0]["title"] is None


def _texts(folder: Path) -> list[str]:
    return [file.read_bytes().decode(errors="replace") for file in folder.iterdir()]


def test_fork__gets_no_secrets_and_nothing_is_asked_of_the_registry(
    broken_promise: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    number = github.repository.add_pull_request(head_sha=A, base_sha="b" * 40, head_repository="mallory/shop")
    head = {"sha": A, "repo": {"full_name": "mallory/shop"}}
    broken_promise.event = {"pull_request": {"number": number, "head": head, "user": {"login": "mallory"}}}
    broken_promise.variables["GITHUB_EVENT_NAME"] = "pull_request"
    ran = broken_promise.run_here()
    assert (ran.code, ran.outputs["sla-status"]) == (0, "unknown")
    assert mlflow.count(path_contains=GET_MODEL) == 0
    assert github.repository.check_runs == {}
