"""`python -m flowjoy doctor`: what is missing and its cure, and why each of the last ten deployments counted or not."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.cli import doctor as subject
from flowjoy.cli.doctor import doctor
from flowjoy.sources import github_inventory
from tests.e2e.in_process import TOKEN, A, B, C, World, at, new_world
from tests.fakes.aimed import Aimed, query_of, rest, said
from tests.fakes.faults import Stall
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer, Fault, Request
from tests.fakes.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.fakes.pagerduty import PagerDutyStandIn
from tests.fakes.pagerduty_events import ROUTING_KEY
from tests.fakes.slack import CHANNEL, SlackStandIn
from tests.fakes.slack import TOKEN as SLACK_TOKEN

ROOT = Path(__file__).resolve().parents[2]
NOW = at(24 * 8)
FORBIDDEN = Answer(
    200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]}
)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What doctor said."""

    code: int
    log: str

    @property
    def lines(self) -> list[str]:
        return self.log.splitlines()

    def line(self, part: str) -> str:
        """The one line that holds `part`."""
        (result,) = [line for line in self.lines if part in line]
        return result

    @property
    def last_ten(self) -> list[str]:
        """The lines of the last group, without their instant."""
        start = next(n for n, line in enumerate(self.lines) if "The last ten " in line)
        return [re.sub(r"^\S+Z\s+", "", line) for line in self.lines[start + 1 :] if not line.startswith("::endgroup")]

    @property
    def reasons(self) -> list[str]:
        return [re.split(r"\s{2,}", line)[-1] for line in self.last_ten]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.registry.add_version(at(2))
        yield made
        assert written(github.requests) == []


@pytest.fixture
def pagerduty(world: World) -> Iterator[PagerDutyStandIn]:
    with PagerDutyStandIn() as stand_in:
        world.inputs |= {"pagerduty-token": PAGERDUTY_TOKEN, "pagerduty-api-url": stand_in.url}
        yield stand_in
        assert written(stand_in.requests) == []


def written(requests: list[Request]) -> list[str]:
    """Requests that could change anything: all but GET, and but GraphQL queries."""
    return [
        f"{request.method} {request.path}"
        for request in requests
        if request.method != "GET"
        and not (request.path.endswith("/graphql") and request.json()["query"].lstrip().startswith("query "))
    ]


def examine(
    world: World, *argv: str, now: datetime = NOW, variables: dict[str, str] | None = None, **inputs: str
) -> Told:
    """Doctor on a laptop, with the inputs of the world; `variables` beside it, an empty one takes one away."""
    given = {"github-token": TOKEN, "mlflow-tracking-uri": world.registry.uri, **world.inputs}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    environ = {
        "GITHUB_API_URL": world.github.url,
        "GITHUB_GRAPHQL_URL": world.github.graphql_url,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(world.workspace),
        "GITHUB_OUTPUT": str(world.workspace / "output"),
        "GITHUB_STEP_SUMMARY": str(world.workspace / "summary"),
        **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        **(variables or {}),
    }
    before = {path.name for path in world.workspace.iterdir()}
    stream = io.StringIO()
    code = doctor(environ, list(argv), now=now, stream=stream)
    assert {path.name for path in world.workspace.iterdir()} == before
    assert TOKEN not in stream.getvalue()
    assert PAGERDUTY_TOKEN not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    return Told(code=code, log=stream.getvalue())


def deny(world: World, query: str, fault: Fault = FORBIDDEN) -> None:
    world.github.fail("/graphql", times=None, fault=Aimed(query_of(query), fault))


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


def in_slack(world: World, slack: SlackStandIn, *, token: str = SLACK_TOKEN, channel: str = CHANNEL) -> World:
    """The same world, with alerts turned on."""
    world.inputs |= {"slack-token": token, "slack-channel": channel, "slack-api-url": slack.api_url}
    world.inputs["pagerduty-routing-key"] = ROUTING_KEY
    return world


def test_all_well__ends_with_0_and_names_all_it_tried(
    world: World, pagerduty: PagerDutyStandIn, slack: SlackStandIn
) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": ">=1"}}')
    world.github.repository.add_issue(labels=["incident"], created_at=at(5), closed_at=at(7))
    (world.workspace / "incidents.csv").write_text("start,end\n2026-03-02T18:00:00Z,2026-03-02T21:00:00Z\n")
    pagerduty.add(at(3), at(4))
    in_slack(world, slack)
    world.inputs |= {"teams-webhook-url": "https://example.com/canary", "cdevents-url": "https://example.com/canary"}
    world.github.repository.add_issue(labels=["hotfix"], created_at=at(5))
    ran = examine(world, incident_label="incident", incident_file="incidents.csv", pagerduty_services="PSHOP")
    assert ran.code == 0, ran.log
    assert not {"FAILED", "not set", "WARNING"} & {word for word in ("FAILED", "not set", "WARNING") if word in ran.log}
    assert "acme/shop, public, default branch main" in ran.line("repository:")
    assert "1 deploy went live, 0 never did or not yet" in ran.line("code (GitHub deployments)")
    assert "valid, names recommender (>=1)" in ran.line("model stub (flowjoy.json)")
    assert "1 version, 1 READY, 1 shipped by registered" in ran.line("model recommender (MLflow registry)")
    assert ran.line("incidents (PagerDuty)").endswith("1 incident since 2025-12-22T00:00:00Z")
    assert "1 incident since" in ran.line("incidents (GitHub issues)")
    assert "1 incident since" in ran.line("incidents (incident file)")
    assert ran.line("alerts (Slack)").endswith(f"flowjoy in acme, channel {CHANNEL}")
    assert "only an event shows whether it works" in ran.line("alerts (PagerDuty)")
    assert "only a message shows whether teams-webhook-url works" in ran.line("alerts (Teams)")
    assert "only a batch shows whether cdevents-url works" in ran.line("CDEvents")
    assert ran.line("hotfix-label").endswith("the label 'hotfix' exists")
    assert "canary" not in ran.log
    assert "checks: write" in ran.line("checks:")
    assert "pull-requests: write" in ran.line("pull requests:")
    assert ran.last_ten == [f"production  {A[:12]}  deploy: opened a 48 h clock for recommender"]


def test_label_of_hotfixes__that_does_not_exist_is_named_and_no_failure(world: World) -> None:
    world.release(A, at())
    ran = examine(world, hotfix_label="urgent")
    assert ran.code == 0
    assert "the repository has no label 'urgent', so no hotfix is seen" in ran.line("hotfix-label")
    assert ran.line("alerts (Teams)").endswith("teams-webhook-url turns it on")


def test_flags__serve_as_for_run(world: World) -> None:
    world.release(A, at())
    ran = examine(world, "--models", "recommender", "--sla-hours", "24", models="")
    assert ran.code == 0
    assert ran.last_ten == [f"production  {A[:12]}  deploy: opened a 24 h clock for recommender"]


def test_deployments__not_readable_are_named_with_the_permission_and_the_rest_goes_on(world: World) -> None:
    world.release(A, at())
    deny(world, "FlowJoyDeployments")
    ran = examine(world)
    assert ran.code == 1
    failed = ran.line("code (GitHub deployments)")
    assert failed.startswith("FAILED")
    assert "permissions:" in failed.partition("Fix: ")[2]
    assert failed.endswith("this one needs deployments: read")
    assert all(ran.line(part).startswith("ok") for part in ("repository:", "artifacts:", "checks:", "pull requests:"))
    assert ran.line("model recommender").startswith("ok")
    assert ran.last_ten == ["not known, see above"]


@pytest.mark.parametrize(
    ("path", "tried", "needs"),
    [
        ("/actions/artifacts", "artifacts:", "actions: read"),
        ("/check-runs", "checks:", "checks: write"),
    ],
)
def test_rest__not_readable_is_named_with_the_permission(world: World, path: str, tried: str, needs: str) -> None:
    world.release(A, at())
    world.github.fail(path, times=None, fault=NOT_ACCESSIBLE)
    ran = examine(world)
    assert ran.code == 1
    assert [line for line in ran.lines if line.startswith("FAILED")] == [ran.line(tried)]
    assert ran.line(tried).endswith(f"this one needs {needs}")


@pytest.mark.parametrize(
    ("query", "tried", "needs"),
    [
        ("FlowJoyInventory", "pull requests:", "pull-requests: write"),
        ("FlowJoyStubs", "model stub", "contents: read"),
        ("FlowJoyIssues", "incidents (GitHub issues)", "issues: read"),
    ],
)
def test_graphql__not_readable_is_named_with_the_permission(world: World, query: str, tried: str, needs: str) -> None:
    world.release(A, at())
    world.github.repository.add_issue(labels=["incident"], created_at=at(5))
    deny(world, query)
    ran = examine(world, incident_label="incident")
    assert ran.code == 1
    assert [line for line in ran.lines if line.startswith("FAILED")] == [ran.line(tried)]
    assert ran.line(tried).endswith(f"this one needs {needs}")


def test_token__that_github_refuses_is_named_and_other_services_are_still_tried(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    world.github.token = "another"
    ran = examine(world)
    assert ran.code == 1
    assert "github-token" in ran.line("repository:").partition("(401). Fix: ")[2]
    assert ran.line("model recommender").startswith("ok")
    assert ran.line("incidents (PagerDuty)").startswith("ok")


def test_model__misspelt_is_named_and_the_others_are_told(world: World) -> None:
    world.release(A, at())
    ran = examine(world, models="recommendr,recommender")
    assert ran.code == 1
    assert "check the spelling in `models`" in ran.line("model recommendr ")
    assert ran.line("model recommender ").startswith("ok")


def test_models__of_the_stub_are_asked_for_too(world: World) -> None:
    world.release(A, at())
    text = '{"models": {"ranker": "any", "toxicity": {"requires": "none", "reason": "rules only"}}}'
    world.github.repository.add_file(A, "flowjoy.json", text)
    ran = examine(world)
    assert ran.line("model ranker").startswith("FAILED")
    assert ran.line("model recommender").startswith("ok")
    assert "model toxicity" not in ran.log


def test_registry__counts_what_is_ready_and_what_the_signal_shipped(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(3), tags={"live": "2026-03-02T13:00:00Z"})
    world.registry.add_version(at(4), status="PENDING_REGISTRATION")
    ran = examine(world, model_signal="tag:live")
    assert "3 versions, 2 READY, 1 shipped by tag:live" in ran.line("model recommender")


def test_alias__tells_which_version_it_names_now(world: World) -> None:
    world.release(A, at())
    assert "alias:production names none now" in examine(world, model_signal="alias:production").log
    world.registry.client.set_registered_model_alias("recommender", "production", "1")
    ran = examine(world, model_signal="alias:production")
    assert "alias:production names 1 now" in ran.log
    assert ran.line("model recommender").startswith("ok")


@pytest.mark.parametrize("signal", ["alias:prod", "tag:deployed", "stage:Archived"])
def test_signal__that_no_version_shows_is_not_ok(world: World, signal: str) -> None:
    world.release(A, at())
    assert examine(world, model_signal=signal).line("model recommender").startswith("not set")
    client = world.registry.client
    client.set_registered_model_alias("recommender", "production", "1")
    client.set_model_version_tag("recommender", "1", "deployed_on", "2026-03-02T13:00:00Z")
    ran = examine(world, model_signal=signal)
    state = "not set" if signal == "stage:Archived" else "FAILED"  # a stage cannot be misspelt
    assert ran.line("model recommender").startswith(state)
    assert (ran.code, "Fix: set model-signal to one that is there" in ran.log) == (state == "FAILED",) * 2


def test_registry__down_is_named_with_the_address_to_check(world: World) -> None:
    world.release(A, at())
    ran = examine(world, mlflow_tracking_uri="http://127.0.0.1:9")
    assert ran.code == 1
    assert ran.line("model recommender").startswith("FAILED")
    assert "Fix: check " in ran.line("model recommender")
    assert ran.last_ten == [f"production  {A[:12]}  deploy: opened a 48 h clock for recommender"]


def test_registry__not_named_is_named(world: World) -> None:
    ran = examine(world, mlflow_tracking_uri="")
    assert ran.code == 1
    assert "Fix: set mlflow-tracking-uri" in ran.line("model recommender")


def test_registry__embedded_that_is_not_there_is_not_made(world: World) -> None:
    database = world.workspace.parent / "misspelt.db"
    ran = examine(world, mlflow_tracking_uri=f"sqlite:///{database}")
    assert ran.code == 1
    assert "does not exist" in ran.line("model recommender")
    assert not database.exists()


def test_model_file__tells_how_many_versions_shipped(world: World) -> None:
    (world.workspace / "m.csv").write_text("ts,name,version\n2026-03-02T11:00:00Z,recommender,1\n")
    ran = examine(world, model_source="file", model_file="m.csv", models="recommender,ranker")
    assert "ranker shipped 0 versions; recommender shipped 1 version" in ran.line("models (model file)")


def test_stub__that_is_invalid_is_named_with_its_line(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {\n"recommender": "latest"}}')
    ran = examine(world)
    assert ran.code == 1
    assert "flowjoy.json, line 2" in ran.line("FAILED   model stub (")
    assert "opened a 48 h clock, for models that are not known: flowjoy.json at aaaaaaaaaaaa, line 2" in ran.log


def a_run(world: World, now: datetime) -> int:
    """The exit code of a run on B that writes nothing."""
    return world.run(now, event="schedule", sha=B, as_of=now.isoformat()).code


@pytest.mark.parametrize("later", [0, 24 * 100], ids=["live", "live for long"])
def test_stub__that_is_broken_at_the_live_commit_is_named_with_the_cure(world: World, later: float) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", "{")
    world.github.repository.add_commit(B, at(1), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", '{"models": {"recommender": "any"}}')
    assert a_run(world, NOW + timedelta(hours=later)) == 2
    ran = examine(world, now=NOW + timedelta(hours=later))
    assert ran.code == 1
    assert ran.line("model stub (").startswith("ok")
    line = ran.line(f"FAILED   model stub at {A[:12]}: flowjoy.json at {A[:12]}, line 1: ")
    assert line.endswith("Fix: deploy a commit whose stub is valid, or set sla-since to a later day")


def test_stub__that_was_broken_in_a_release_judged_long_ago_fails_nothing(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", "{")
    world.release(B, at(5), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", '{"models": {"recommender": "any"}}')
    world.registry.add_version(at(6))
    now = at(24 * 31)
    assert (a_run(world, now), examine(world, now=now).code) == (0, 0)


def test_model__that_only_the_live_commit_names_is_tried(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"ghost": "any"}}')
    world.github.repository.add_commit(B, at(1), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", '{"models": {"recommender": "any"}}')
    assert a_run(world, NOW) == 2
    ran = examine(world)
    assert ran.code == 1
    assert "does not know the model 'ghost'" in ran.line("FAILED   model ghost")
    assert ran.line("model recommender").startswith("ok")


def test_stub__under_the_former_default_name_is_named_with_the_cure(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "models.json", '{"models": {"recommender": "any"}}')
    ran = examine(world)
    assert "models.json there is a valid stub: rename it to flowjoy.json" in ran.line("ok       model stub")


# Files of that name which other tools keep at the root: 50bhan/registry-tabby, Adtrac/pi-config.
@pytest.mark.parametrize("foreign", ['[{"name": "small", "provider": "acme"}]', '{"providers": {}}', "not JSON"])
def test_stub__a_foreign_file_of_the_former_default_name_is_passed_by(world: World, foreign: str) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "models.json", foreign)
    ran = examine(world)
    assert ran.code == 0
    assert ran.line("ok       model stub").endswith("there is none on the default branch")


def test_dependence__declared_nowhere_is_a_warning_and_no_failure(world: World) -> None:
    world.release(A, at())
    ran = examine(world, models="")
    assert ran.code == 0
    assert ran.line("WARNING").endswith(
        "no dependence is declared: set models, or add flowjoy.json to the default branch"
    )
    assert ran.line("models (MLflow registry)").startswith("not set")
    assert ran.last_ten == [f"production  {A[:12]}  deploy: opens no clock, no dependence is declared"]


def test_pagerduty__refusing_the_token_is_named(world: World, pagerduty: PagerDutyStandIn) -> None:
    world.release(A, at())
    ran = examine(world, pagerduty_token="canary-of-another-account")
    assert ran.code == 1
    assert "pagerduty-token" in ran.line("incidents (PagerDuty)").partition("(401). Fix: ")[2]
    assert "canary-of-another-account" not in ran.log


def test_pagerduty__service_without_any_incident_is_doubted(world: World, pagerduty: PagerDutyStandIn) -> None:
    ran = examine(world, pagerduty_services="PSHOP")
    assert "0 incidents since" in ran.line("incidents (PagerDuty)")
    assert "none of PSHOP (is the id right?)" in ran.line("incidents (PagerDuty)")


def test_slack__refusing_the_token_is_named(world: World, slack: SlackStandIn) -> None:
    ran = examine(in_slack(world, slack, token="xoxb-of-another-app"))
    assert ran.code == 1
    assert "Slack refused (invalid_auth). Fix: check slack-token" in ran.line("alerts (Slack)")


def test_slack__channel_without_the_bot_is_named_with_the_cure(world: World, slack: SlackStandIn) -> None:
    ran = examine(in_slack(world, slack, channel="C0ELSEWHERE"))
    assert "Slack refused (channel_not_found). Fix: invite the bot" in ran.line("alerts (Slack)")


def test_slack__app_that_lacks_a_scope_is_told_what_it_cannot_do(world: World, slack: SlackStandIn) -> None:
    slack.scopes = {"chat:write"}
    line = examine(in_slack(world, slack)).line("alerts (Slack)")
    assert line.startswith("ok")
    assert "without files:write the chart is not attached" in line
    slack.scopes = {"channels:history"}
    assert "without chat:write no alert can be sent" in examine(in_slack(world, slack)).line("alerts (Slack)")


def test_alerts__that_show_only_by_telling_are_said_to(world: World, slack: SlackStandIn) -> None:
    ran = examine(world, slack_webhook_url=slack.webhook_url, pagerduty_routing_key="of-the-rest-api")
    assert "only a message shows whether the webhook works" in ran.line("alerts (Slack)")
    assert "Integration Key of an Events API v2 integration" in ran.line("alerts (PagerDuty)")
    assert (slack.requests, slack.hooked) == ([], [])


def test_label__misspelt_is_named(world: World) -> None:
    world.release(A, at())
    ran = examine(world, incident_label="incidnt")
    assert ran.code == 1
    assert "the repository has no label 'incidnt'. Fix: check incident-label" in ran.line("GitHub issues")


def test_incident_file__missing_is_named(world: World) -> None:
    world.release(A, at())
    ran = examine(world, incident_file="incidents.csv")
    assert ran.code == 1
    assert "Fix: check the path" in ran.line("incidents (incident file)")


def test_inputs__that_are_wrong_are_all_named_and_end_with_2(world: World) -> None:
    ran = examine(world, sla_hours="soon", weeks="0", github_token="")
    assert ran.code == 2
    assert "sla-hours 'soon': expected" in ran.line("sla-hours")
    assert "weeks '0': expected" in ran.line("weeks")
    assert "github-token" in ran.log
    assert world.github.requests == []


def test_promise__that_begins_in_the_future_is_a_wrong_input(world: World) -> None:
    for day in ("2027-01-01", (NOW.date() + timedelta(days=1)).isoformat()):
        ran = examine(world, sla_since=day)
        assert (ran.code, f"sla-since '{day}'" in ran.log) == (2, True)


def test_laptop__without_repository_and_token_is_told_what_to_set_and_the_rest_is_tried(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    ran = examine(world, github_token="", variables={"GITHUB_REPOSITORY": "", "GITHUB_API_URL": ""})
    assert ran.code == 2
    assert "set GITHUB_REPOSITORY=owner/name" in ran.line("no repository is named")
    assert "--github-token" in ran.line("no token for GitHub")
    assert ran.line("repository:").startswith("not set")
    assert ran.line("code (GitHub deployments)").startswith("not set")
    assert ran.line("model recommender").startswith("ok")
    assert ran.line("incidents (PagerDuty)").startswith("ok")
    assert world.github.requests == []


def test_laptop__with_files_alone_needs_no_github(world: World) -> None:
    (world.workspace / "code.csv").write_text("ts,sha\n2026-03-02T10:00:00Z,aaaaaaa\n")
    ran = examine(
        world,
        code_source="file",
        code_file="code.csv",
        service="shop",
        github_token="",
        variables={"GITHUB_REPOSITORY": ""},
    )
    assert ran.code == 0, ran.log
    assert ran.last_ten == ["production  aaaaaaa       deploy: opened a 48 h clock for recommender"]


def test_laptop__with_files_alone_and_no_service_asks_for_the_service_only(world: World) -> None:
    (world.workspace / "code.csv").write_text("ts,sha\n2026-03-02T10:00:00Z,aaaaaaa\n")
    ran = examine(world, code_source="file", code_file="code.csv", github_token="", variables={"GITHUB_REPOSITORY": ""})
    assert ran.code == 2
    assert "give --service" in ran.line("no service is named")
    assert "no token" not in ran.log
    assert "no repository" not in ran.log


def test_workflow__whose_failures_flowjoy_may_have_made_is_named_with_the_cure(world: World) -> None:
    repository = world.github.repository
    repository.add_commit(A, at(-1))
    promise = "jobs: {promise: {steps: [{uses: acme/flowjoy@v1}]}}"
    repository.add_file(A, ".github/workflows/release.yml", promise)
    repository.add_run(sha=A, created_at=at(), conclusion="failure")
    ran = examine(world, code_source="workflow-runs", workflow="release.yml")
    assert ran.code == 1
    assert "set deploy-job to the job that deploys" in ran.line("code (GitHub workflow runs)")


def test_deploy_job__that_is_misspelt_leaves_the_last_ten_to_be_listed(world: World) -> None:
    run = world.github.repository.add_run(sha=A, created_at=at())
    world.github.repository.add_job(run, "deploy-us", at())
    ran = examine(world, code_source="workflow-runs", workflow="release.yml", deploy_job="deploy-usa")
    assert ran.code == 1
    assert "set deploy-job to one of: deploy-us" in ran.line("code (GitHub workflow runs)")
    assert ran.reasons == ["not counted: its job deploy-usa was not read"]


def test_ship__is_ignored_with_a_note_and_stamps_nothing(world: World) -> None:
    world.release(A, at())
    ran = examine(world, ship="recommender=1")
    assert (ran.code, "ship is ignored" in ran.line("NOTICE")) == (0, True)
    assert world.registry.client.get_model_version("recommender", "1").tags == {}


def test_staging_only__is_named_with_the_cure_and_every_line_says_why(world: World) -> None:
    for hours in range(12):
        world.github.repository.add_deployment(
            sha=A, created_at=at(hours), environment="staging", statuses=[("success", at(hours))]
        )
    ran = examine(world)
    assert ran.code == 1
    assert "Fix: set environment to one of: staging" in ran.line("code (GitHub deployments)")
    assert ran.last_ten == [f"staging  {A[:12]}  not counted: environment staging, not production"] * 10


def test_busy_previews__do_not_push_production_out_of_sight(world: World) -> None:
    shop = world.github.repository
    for hours, sha in ((0, A), (1, B)):
        world.release(sha, at(hours))
    for hours in range(2, 150):
        shop.add_deployment(sha=C, created_at=at(hours), environment="preview", statuses=[])
    places = [line.split()[0] for line in examine(world).last_ten]
    assert places == ["preview"] * 8 + ["production"] * 2


def test_last_ten__what_puts_nothing_live_says_why(world: World) -> None:
    shop = world.github.repository
    world.release(A, at())
    shop.add_deployment(sha=B, created_at=at(1), statuses=[("success", at(1))], ref="refs/pull/7/merge")
    shop.add_deployment(
        sha=C,
        created_at=at(2),
        environment="staging",
        statuses=[("success", at(2)), ("in_progress", at(3), None, "production")],
    )
    assert examine(world).reasons == [
        "not counted: succeeded only in another environment (staging)",
        "not counted: for a pull request (#7)",
        "deploy: opened a 48 h clock for recommender",
    ]


def test_runs__without_their_deploy_job_say_so(world: World) -> None:
    shop = world.github.repository
    for number, (sha, conclusion) in enumerate(((A, "success"), (B, "skipped"))):
        run = shop.add_run(sha=sha, created_at=at(number), updated_at=at(number))
        shop.add_job(run, "deploy", at(number), conclusion=conclusion)
    ran = examine(world, code_source="workflow-runs", workflow="release.yml", deploy_job="deploy")
    assert ran.reasons == [
        "not counted: without a success of the job 'deploy'",
        "deploy: opened a 48 h clock for recommender",
    ]


def test_releases__of_other_tags_say_so(world: World) -> None:
    for number, tag in enumerate(("shop-v1", "billing-v1")):
        world.github.repository.add_release(sha=(A, B)[number], tag=tag, published_at=at(number))
    ran = examine(world, code_source="releases", release_tags="shop-v*")
    assert ran.reasons[0] == "not counted: without a matching tag (release-tags shop-v*)"


def test_last_ten__each_deployment_says_why_it_counted_or_not(world: World) -> None:
    shop = world.github.repository
    first = shop.add_deployment(sha=A, created_at=at(), run_id=77, statuses=[("success", at())])
    shop.add_deployment(sha=A, created_at=at(), run_id=77, statuses=[("success", at(0.1))])
    shop.add_deployment(sha=A, created_at=at(), run_id=77, statuses=[("failure", at(0.2))])
    world.release(B, at(1))
    world.release(B, at(2))
    world.release(A, at(3))
    shop.add_deployment(sha=C, created_at=at(4), statuses=[("in_progress", at(4)), ("failure", at(4))])
    shop.add_deployment(sha=C, created_at=at(5), statuses=[("queued", at(5)), ("in_progress", at(5.5))])
    shop.add_deployment(sha=C, created_at=at(6))
    shop.add_deployment(sha=C, created_at=at(7), environment="staging", statuses=[("success", at(7))])
    ran = examine(world)
    assert ran.code == 0
    assert ran.reasons == [
        "not counted: environment staging, not production",
        "not counted: still in progress (it has no status)",
        "not counted: still in progress (last status in_progress)",
        "not counted: never succeeded (last status failure)",
        "rollback to a sha of 2026-03-02T09:00:00Z: opens no clock, ends those of what it rolled back",
        "redeploy: this sha was live already",
        "deploy: opened a 48 h clock for recommender",
        f"not counted: never succeeded (last status failure; another job of run 77, counted as deployment {first})",
        f"not counted: another job of run 77 (counted as deployment {first})",
        "deploy: opened a 48 h clock for recommender",
    ]
    assert ran.lines[-10].startswith("2026-03-02T16:00:00Z  staging     cccccccccccc  ")


def test_last_ten__before_sla_since_opens_no_clock(world: World) -> None:
    world.release(A, at())
    world.release(B, at(24))
    ran = examine(world, sla_since="2026-03-03")
    assert [line.partition("deploy: ")[2] for line in ran.last_ten] == [
        "opened a 48 h clock for recommender",
        "before sla-since: opens no clock",
    ]


def test_last_ten__after_as_of_was_not_there_yet(world: World) -> None:
    world.release(A, at())
    world.release(B, at(24))
    ran = examine(world, as_of=at(12).isoformat())
    assert ran.last_ten[0].endswith("not counted: succeeded only after as-of")


def test_runs__of_other_branches_events_and_ends_say_why_they_do_not_count(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    shop.add_run(sha=A, created_at=at(0), updated_at=at(1))
    shop.add_job(shop.add_run(sha=B, created_at=at(2), conclusion="failure"), "test", at(2), conclusion="failure")
    shop.add_job(shop.add_run(sha=B, created_at=at(3), branch="feature"), "deploy", at(3), conclusion="skipped")
    shop.add_pull_request(head_sha=B, base_sha=A, created_at=at(4))
    shop.add_run(sha=B, created_at=at(4), event="pull_request")
    shop.add_run(sha=B, created_at=at(5), head_repository="mallory/shop")
    shop.add_job(shop.add_run(sha=B, created_at=at(6), status="in_progress", conclusion=None), "test", None)
    ran = examine(world, code_source="workflow-runs", workflow="release.yml")
    assert ran.code == 0, ran.log
    assert ran.reasons == [
        "not counted: still in progress (status in_progress)",
        "not counted: from another repository, mallory/shop",
        "not counted: event pull_request, which releases nothing",
        "not counted: branch feature, not main",
        "not counted: conclusion failure",
        "deploy: opened a 48 h clock for recommender",
    ]


@pytest.mark.parametrize("is_read", [True, False], ids=["the source was read", "it was not"])
def test_runs__of_another_branch_are_judged_by_their_deploy_job_as_the_source_does(
    world: World, *, is_read: bool
) -> None:
    shop = world.github.repository
    for number, (sha, branch, conclusion) in enumerate(
        ((A, "main", "success"), (B, "hotfix", "success"), (C, "feature", "skipped"))
    ):
        run = shop.add_run(sha=sha, created_at=at(number), updated_at=at(number), branch=branch)
        shop.add_job(run, "deploy", at(number), conclusion=conclusion)
    if not is_read:
        world.github.fail("/jobs", times=None, fault=Answer(502))
    inputs: dict[str, Any] = {"code_source": "workflow-runs", "workflow": "release.yml", "deploy_job": "deploy"}
    unread = "not counted: its job deploy was not read"
    counted = "deploy: opened a 48 h clock for recommender"
    failed = "not counted: branch feature, no success of the job 'deploy' is known"
    assert examine(world, **inputs).reasons == ([failed, counted, counted] if is_read else [unread] * 3)
    if is_read:
        left_out = [f"not counted: branch {branch}, not main" for branch in ("feature", "hotfix")]
        assert examine(world, **inputs, branch="main").reasons == [*left_out, counted]


def test_runs__only_of_another_branch_are_named_with_the_cure(world: World) -> None:
    world.github.repository.add_run(sha=A, created_at=at(), branch="trunk")
    ran = examine(world, code_source="workflow-runs", workflow="release.yml")
    assert ran.code == 1
    assert "Fix: set branch to one of: trunk" in ran.line("code (GitHub workflow runs)")
    assert ran.last_ten == [f"trunk  {A[:12]}  not counted: branch trunk, not main"]


def test_workflow__that_is_not_there_is_named(world: World) -> None:
    world.github.repository.add_commit(A, at())
    ran = examine(world, code_source="workflow-runs", workflow="relase.yml")
    assert ran.code == 1
    assert "Fix: check GITHUB_REPOSITORY, workflow" in ran.line("code (GitHub workflow runs)")


def test_releases__drafts_and_pre_releases_do_not_count(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    shop.add_release(tag="v1", sha=A, published_at=at(1))
    shop.add_release(tag="v2-rc", sha=B, published_at=at(2), prerelease=True)
    shop.add_release(tag="v2", sha=C, published_at=None, created_at=at(3), draft=True)
    ran = examine(world, code_source="releases")
    assert ran.reasons == [
        "not counted: not published yet",
        "not counted: marked as pre-release",
        "deploy: opened a 48 h clock for recommender",
    ]


@pytest.mark.matrix
def test_file__rows_of_other_environments_are_listed(world: World) -> None:
    rows = "ts,sha,environment\n2026-03-02T10:00:00Z,aaaaaaa,production\n2026-03-02T11:00:00Z,b,staging\n"
    (world.workspace / "code.csv").write_text(rows)
    ran = examine(world, code_source="file", code_file="code.csv")
    assert ran.last_ten == [
        "staging     b             not counted: environment staging, not production",
        "production  aaaaaaa       deploy: opened a 48 h clock for recommender",
    ]


def test_file__rows_that_do_not_count_say_why(world: World) -> None:
    rows = ("10:00:00Z,aaaaaaa,shop,success", "11:00:00Z,b,billing,success", "12:00:00Z,c,shop,failure")
    (world.workspace / "code.csv").write_text(
        "\n".join(["ts,sha,service,status", *(f"2026-03-02T{row}" for row in rows)])
    )
    ran = examine(world, code_source="file", code_file="code.csv", service="shop")
    assert ran.last_ten == [
        "production  c             not counted: a row that did not succeed (failure)",
        "production  b             not counted: a row of another service (billing)",
        "production  aaaaaaa       deploy: opened a 48 h clock for recommender",
    ]


@pytest.mark.matrix
@pytest.mark.parametrize(
    "name",
    ["::set-output name=verdict::pass", "##[set-output name=verdict]pass", "a\r\n::error::b", "\x1b[2J\x00evil\u202e"],
)
@pytest.mark.parametrize("on_actions", ["true", ""])
def test_hostile__environment_name_is_inert(world: World, name: str, on_actions: str) -> None:
    world.github.repository.add_deployment(sha=A, created_at=at(), environment=name, statuses=[("success", at())])
    world.release(B, at(1))
    ran = examine(world, variables={"GITHUB_ACTIONS": on_actions})
    alone = examine(world, environment="live", variables={"GITHUB_ACTIONS": on_actions})
    ran = replace(ran, log=ran.log + alone.log)
    assert (ran.code, alone.code) == (0, 1)
    assert "##[" not in ran.log
    assert not [line for line in ran.lines if re.match(r"\s*::(?!group::|endgroup::)", line)]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", ran.log)


def test_token__that_servers_send_back_never_shows(world: World) -> None:
    world.release(A, at())
    deny(world, "FlowJoyInventory", Answer(200, {"errors": [{"message": f"no such token: {TOKEN}"}]}))
    ran = examine(world)
    assert "no such token: ***" in ran.line("pull requests:")


def test_answer__that_is_malformed_is_one_line_and_stops_nothing(world: World) -> None:
    world.release(A, at())
    deny(world, "FlowJoyInventory", said("refs", nodes=1))
    ran = examine(world)
    assert (ran.code, ran.line("pull requests:").startswith("FAILED")) == (1, True)
    assert ran.line("model recommender").startswith("ok")


def test_bug__in_a_probe_is_one_line_and_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.release(A, at())
    monkeypatch.setattr(github_inventory, "read", broken)
    ran = examine(world)
    assert ran.code == 1
    assert ran.line("pull requests:").endswith("KeyError while reading. Fix: please report this")
    assert "what a server said" not in ran.log
    assert ran.line("model recommender").startswith("ok")


def broken(*_: object) -> None:
    raise KeyError("what a server said")


def test_bug__anywhere_else_ends_in_one_line_and_2(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "query_of", broken)
    ran = examine(world)
    assert ran.code == 2
    assert ran.lines[-1].startswith("ERROR: doctor failed (KeyError in broken, line ")
    assert "what a server said" not in ran.log


@pytest.mark.matrix
def test_stalled__server_holds_doctor_no_longer_than_the_whole_run_may_take(world: World) -> None:
    world.release(A, at())
    world.github.fail("/", times=None, fault=Stall(60))
    ran = examine(world, timeout_seconds="10")
    assert world.github.answered == 0
    assert ran.code == 1
    assert ran.line("repository:").startswith("FAILED")


@pytest.mark.matrix
def test_stalled__services_leave_what_no_time_is_left_for_untried_and_named(world: World) -> None:
    world.github.fail("/", times=None, fault=Stall(60))
    ran = examine(world, timeout_seconds="10")
    assert ran.line("model recommender").endswith("not tried: timeout-seconds are used up. Fix: raise timeout-seconds")


# pypa/pip#11608: `pip list | head` ends in the traceback of a broken pipe.
@pytest.mark.matrix
@pytest.mark.parametrize("command", ["doctor", "run", "run --help", "doctor --help", "replay --help", "--help", "x"])
def test_reader__that_leaves_early_ends_a_command_quietly(command: str) -> None:
    line = f"{sys.executable} -m flowjoy {command} | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == (0 if "--help" in command else 2)
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


@pytest.mark.matrix
@pytest.mark.parametrize("command", ["doctor >&-", "doctor >/dev/full", "run >&-", "run >/dev/full"])
def test_log__that_cannot_be_written_decides_nothing(command: str) -> None:
    ended = subprocess.run(
        ["/bin/bash", "-c", f"{sys.executable} -m flowjoy {command}"],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("--help", "flowjoy reference"), ("help", "flowjoy doctor"), ("run --help", "--model-stub VALUE"),
        ("doctor --help", "--model-stub VALUE"), ("replay -h", "--output-dir"), ("reference -h", "--run-id"),
    ],
)  # fmt: skip
def test_help__is_there_for_every_command_whatever_the_environment_says(command: str, named: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flowjoy", *command.split()],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "GITHUB_API_URL": "no address", "INPUT_WEEKS": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert named in ended.stdout


def test_command__that_does_not_exist_names_the_nearest() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flowjoy", "docter"], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "'docter' is not a command. Did you mean doctor?" in ended.stderr


def test_wide_list__alone_that_fails_is_told_and_leaves_what_is_known(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    shop.add_run(sha=A, created_at=at(0))
    fault = Aimed(rest("/runs", filtered=False), Answer(500))
    world.github.fail("/runs", times=None, fault=fault)
    ran = examine(world, code_source="workflow-runs", workflow="release.yml")
    assert ran.code == 1
    assert ran.line("runs of every branch").startswith("FAILED")
    assert ran.last_ten == [f"main  {A[:12]}  deploy: opened a 48 h clock for recommender"]


@pytest.mark.matrix
def test_command__is_there_with_its_flags() -> None:
    command = [sys.executable, "-m", "flowjoy", "doctor"]
    environment = {"PATH": os.environ["PATH"]}
    helped = subprocess.run(
        [*command, "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "python -m flowjoy doctor" in helped.stdout
    assert "--models" in helped.stdout
    alone = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (alone.returncode, "Traceback" in alone.stderr) == (2, False)
    assert "set GITHUB_REPOSITORY=owner/name" in alone.stderr
