"""acme/shop on this machine: GitHub, an MLflow registry, Slack and PagerDuty, and the step that runs between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from flowjoy.cli.run import run
from tests.fakes.artifact_service import ArtifactServiceStandIn, runtime_token
from tests.fakes.github import GitHubStandIn
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.fakes.registry import Registry
from tests.fakes.slack import CHANNEL, SlackStandIn
from tests.fakes.slack import TOKEN as SLACK_TOKEN

TOKEN = "demo-token"  # noqa: S105  (of a server that lives for a few seconds)
MODEL = "recommender"


@dataclass(frozen=True, kw_only=True)
class News:
    """The changes of one run: check runs, pull request comments, Slack messages, and events of PagerDuty."""

    checks: list[dict[str, Any]]
    comments: list[str]
    messages: list[dict[str, Any]]
    pager: list[tuple[str, str]]


@dataclass(kw_only=True)
class Shop:
    """The services that the step calls, and what people do there. `folder` is the workspace of the step."""

    folder: Path
    log: TextIO
    models: Registry
    github: GitHubStandIn
    artifacts: ArtifactServiceStandIn
    slack: SlackStandIn
    pager: PagerDutyEventsStandIn
    main: str | None = None
    _seen: dict[str, str] = field(default_factory=dict)

    def commit(self, at: datetime, branch: str = "main") -> str:
        """Push a commit to a branch, on top of main."""
        repository = self.github.repository
        sha = hashlib.sha256(b"commit %d" % (len(repository.commits) + 1)).hexdigest()[:40]
        repository.add_commit(sha, at, parent=self.main, branch=branch)
        if branch == "main":
            self.main = sha
        return sha

    def deploy(self, at: datetime, run_id: int | None = None) -> str:
        """Put a new commit live at `at`."""
        sha = self.commit(at - timedelta(minutes=40))
        statuses = [("in_progress", at), ("success", at)]
        self.github.repository.add_deployment(sha=sha, created_at=at, statuses=statuses, run_id=run_id)
        return sha

    def propose(self, at: datetime, title: str) -> None:
        """Open a pull request at `at`."""
        base, head = str(self.main), self.commit(at, "feature")
        self.github.repository.add_pull_request(head_sha=head, base_sha=base, title=title, created_at=at)

    def ship(self, at: datetime) -> str:
        """Register a new version of the model at `at`; return its number."""
        return self.models.add_version(at, MODEL)

    def run(self, now: datetime, event: str, folder: str) -> News:
        """Run the step at `now`, with its report in `folder`; add what it changed as `news.json`, and return it.

        The event `pull_request` is about the newest pull request, every other one about main.
        """
        self.artifacts.clock = self.slack.clock = now
        sha, ref, branch, payload = str(self.main), "refs/heads/main", "main", {}
        if event == "pull_request":
            number, issue = max(self.github.repository.issues.items())
            sha, ref, branch = issue.pull.head_sha, f"refs/pull/{number}/merge", issue.pull.head_ref
            head = {"sha": sha, "repo": {"full_name": "acme/shop"}}
            payload = {"pull_request": {"number": number, "head": head, "user": {"login": "dev"}}}
        event_path = self.folder / "event.json"
        known = {"default_branch": "main", "private": True, "full_name": "acme/shop"}
        event_path.write_text(json.dumps({"repository": known, **payload}))
        running = {"workflow": "release.yml", "status": "in_progress", "conclusion": None}
        run_id = self.github.repository.add_run(sha=sha, created_at=now, event=event, branch=branch, **running)
        environ = self._environment(run_id, self._inputs() | {"output-dir": folder}) | {
            "GITHUB_SHA": sha,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(event_path),
        }
        run(environ, [], now=now, stream=self.log)
        news = self._news()
        (self.folder / folder / "news.json").write_text(json.dumps(asdict(news), indent=1, ensure_ascii=False))
        return news

    def keep_slack(self) -> None:
        """Write the channel to `slack.json`: its messages, and the names of the files in each thread."""
        files: dict[str, list[str]] = {}
        for number, file in self.slack.files.items():
            name = f"{number}-{file.name}"
            (self.folder / name).write_bytes(file.content)
            files.setdefault(file.thread, []).append(name)
        channel = {"messages": self.slack.messages, "files": files}
        (self.folder / "slack.json").write_text(json.dumps(channel, indent=1, ensure_ascii=False))

    def _inputs(self) -> dict[str, str]:
        return {
            "github-token": TOKEN,
            "models": MODEL,
            "mlflow-tracking-uri": self.models.uri,
            "incident-file": "pagerduty_incidents.csv",
            "weeks": "4",
            "slack-token": SLACK_TOKEN,
            "slack-channel": CHANNEL,
            "slack-api-url": self.slack.api_url,
            "pagerduty-routing-key": ROUTING_KEY,
            "pagerduty-events-url": self.pager.url,
        }

    def _environment(self, run_id: int, inputs: dict[str, str]) -> dict[str, str]:
        """Return the variables of the Actions runner that every event has, and the inputs."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_REPOSITORY": "acme/flowjoy",
            "GITHUB_ACTION_REF": "v1",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_OUTPUT": str(self.folder / "outputs.txt"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_RUN_ID": str(run_id),
            "ACTIONS_RUNTIME_TOKEN": runtime_token(run_id),
            "ACTIONS_RESULTS_URL": self.artifacts.url,
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        }

    def _news(self) -> News:
        """Return what is new or changed since the last run."""
        repository, alerts = self.github.repository, self.pager.alerts
        comments = [comment for issue in repository.issues.values() for comment in issue.comments]
        events = [("triggers", event["payload"]["summary"]) for alert in alerts for event in alert.events]
        events += [("resolves", self._title(key)) for key in self.pager.resolves]
        return News(
            checks=self._fresh("check", {check.id: check.fields for check in repository.check_runs.values()}),
            comments=self._fresh("comment", {comment.id: comment.body for comment in comments}),
            messages=self._fresh("message", {message["ts"]: message for message in self.slack.messages}),
            pager=self._fresh("event", {event: event for event in events}),
        )

    def _title(self, dedup_key: str) -> str:
        """Return the first sentence of an alert in PagerDuty."""
        return next(alert.summary for alert in self.pager.alerts if alert.dedup_key == dedup_key).partition(". ")[0]

    def _fresh(self, kind: str, things: dict[Any, Any]) -> list[Any]:
        texts = {f"{kind} {key}": repr(thing) for key, thing in things.items()}
        fresh = [thing for key, thing in things.items() if self._seen.get(f"{kind} {key}") != texts[f"{kind} {key}"]]
        self._seen |= texts
        return fresh


@contextmanager
def opened(folder: Path, models: Registry, github: GitHubStandIn, log: TextIO) -> Iterator[Shop]:
    """Start what the step calls besides the registry and GitHub."""
    with ExitStack() as services:
        yield Shop(
            folder=folder,
            log=log,
            models=models,
            github=github,
            artifacts=services.enter_context(ArtifactServiceStandIn(github.repository)),
            slack=services.enter_context(SlackStandIn()),
            pager=services.enter_context(PagerDutyEventsStandIn()),
        )
