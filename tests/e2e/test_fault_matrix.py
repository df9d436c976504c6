"""Every fault at every stage of the harvest, once and for ever: no false green, no false red, no hang.

The truth of this world is a broken promise: two releases kept theirs, one did not. Whatever a server does, a run
either could not decide (exit 2), or it knows exactly what a run without any fault knows.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.actions import event
from flowjoy.actions.context import read_context
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.cli.run import run
from flowjoy.clients import github_deployments, github_runs, mlflow_registry, transport
from flowjoy.clients.github_files import WantedStubs
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import read_settings
from flowjoy.pipeline import run_context, run_parameters
from flowjoy.pipeline.collect import collect
from flowjoy.pipeline.collected import Collected
from flowjoy.sources import github_releases
from flowjoy.sources.base import Clients
from tests.fakes.actions_runner import outputs_in
from tests.fakes.aimed import Aimed, Hits, query_of, rest
from tests.fakes.faults import Drip, Edited, EmptyBody, Garbage, Redirect, Reset, Stall, Truncate
from tests.fakes.github import Attempt, GitHubStandIn
from tests.fakes.http_base import Answer, Fault
from tests.fakes.mlflow_faults import GET_MODEL, SEARCH_VERSIONS, MlflowStandIn

pytestmark = pytest.mark.matrix

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(hours=60)
SHAS = ["a" * 40, "b" * 40, "c" * 40]


@dataclass(frozen=True)
class Stage:
    """One kind of request: of which code source, which of the requests, and to which server."""

    source: str
    hits: Hits
    server: str = "github"


def deployments(*, first_page: bool) -> Hits:
    """Those of the environment; not the second look, which proves that there is none in any."""
    picked = query_of("FlowJoyDeployments", first_page=first_page)
    return lambda request: picked(request) and request.json()["variables"]["environments"] is not None


def versions(*, first_page: bool) -> Hits:
    return lambda request: request.path == SEARCH_VERSIONS and ("page_token" not in request.query) is first_page


RUNS = "/actions/workflows/release.yml/runs"
STAGES = {
    "deployments, page 1": Stage("deployments", deployments(first_page=True)),
    "deployments, page 2": Stage("deployments", deployments(first_page=False)),
    "statuses, page 1": Stage("deployments", query_of("FlowJoyStatuses", first_page=True)),
    "statuses, page 2": Stage("deployments", query_of("FlowJoyStatuses", first_page=False)),
    "stubs": Stage("deployments", query_of("FlowJoyStubs")),
    "repository": Stage("workflow-runs", rest("/repos/acme/shop")),
    "runs, page 1": Stage("workflow-runs", rest(RUNS, page=1, filtered=True)),
    "runs, page 2": Stage("workflow-runs", rest(RUNS, page=2)),
    "attempts": Stage("workflow-runs", rest("/attempts/1")),
    "tag of the branch's name": Stage("workflow-runs", query_of("FlowJoyTag")),
    "releases, page 1": Stage("releases", query_of("FlowJoyReleases", first_page=True)),
    "releases, page 2": Stage("releases", query_of("FlowJoyReleases", first_page=False)),
    "registered model": Stage("deployments", lambda request: request.path == GET_MODEL, "mlflow"),
    "versions, page 1": Stage("deployments", versions(first_page=True), "mlflow"),
    "versions, page 2": Stage("deployments", versions(first_page=False), "mlflow"),
}

LIMITED = {"message": "You have exceeded a secondary rate limit"}
PASSING: dict[str, Fault] = {
    "500": Answer(500, b"oops"),
    "502": Answer(502, b"<html>Bad Gateway</html>"),
    "503": Answer(503, {"message": "unavailable"}),
    "504": Answer(504),
    "429 short": Answer(429, LIMITED, {"Retry-After": "0"}),
    "204": Answer(204),
    "302 elsewhere": Redirect(302, "http://elsewhere.example/login"),
    "empty body": EmptyBody(),
    "{}": Answer(200, {}),
    "[]": Answer(200, []),
    "null": Answer(200, b"null"),
    "a text": Answer(200, "ok"),
    "a number": Answer(200, 0),
    "HTML": Garbage(),
    "cut in half": Truncate(0.5),
    "head only": Truncate(0),
    "reset": Reset(),
    "stall": Stall(60),
    "no UTF-8": Answer(200, b'{"data": "\xff\xfe'),
    "no gzip": Answer(200, b"{}", {"Content-Encoding": "gzip"}),
    "deep": Answer(200, b'{"data":' * 20_000),
    "null inside": Answer(200, {"data": None, "workflow_runs": None, "registered_model": None, "model_versions": None}),
    "wrong types": Answer(
        200,
        {
            "data": {"repository": [], "node": 7},
            "total_count": "3",
            "workflow_runs": {"id": 1},
            "registered_model": [7],
            "model_versions": [{"name": {}, "version": []}],
        },
    ),
}
"""Worth another try: once, nothing changes; for ever, nobody can tell."""

OF_GITHUB: dict[str, Fault] = {
    "403 limit, short": Answer(403, LIMITED, {"Retry-After": "0"}),
    "errors with 200": Answer(200, {"errors": [{"message": "Something went wrong while executing your query."}]}),
}
REFUSED: dict[str, Fault] = {
    "401": Answer(401, {"message": "Bad credentials"}),
    "403": Answer(403, {"message": "Resource not accessible by integration", "error_code": "PERMISSION_DENIED"}),
    "404": Answer(404, {"message": "Not Found"}),
    "400": Answer(400, {"message": "Bad Request"}),
    "410": Answer(410, {"message": "Gone"}),
    "451": Answer(451, b"Unavailable for legal reasons"),
    "429 for an hour": Answer(429, LIMITED, {"Retry-After": "3600"}),
    "403 limit, for an hour": Answer(403, LIMITED, {"Retry-After": "3600"}),
    "301 elsewhere": Redirect(301, "http://elsewhere.example/moved"),
    "308 elsewhere": Redirect(308, "http://elsewhere.example/moved"),
}
"""Final: the run may say so at the first sight."""


def edited(edit: Callable[[dict[str, Any]], object]) -> Edited:
    """The right answer with every list in it, of whatever API, put through `edit`."""

    def change(body: Any) -> Any:
        for current in _lists_in(body):
            edit(current)
        return body

    return Edited(change)


def _lists_in(body: Any) -> Iterator[dict[str, Any]]:
    """Whatever holds items: a GraphQL connection, or the page of a REST API."""
    if isinstance(body, dict):
        if any(isinstance(body.get(key), list) for key in ITEMS):
            yield body
        for value in body.values():
            yield from _lists_in(value)
    elif isinstance(body, list):
        for value in body:
            yield from _lists_in(value)


ITEMS = ("nodes", "workflow_runs", "model_versions", "latest_versions")
COUNTS = ("totalCount", "total_count")
TIMES = ("createdAt", "publishedAt", "created_at", "updated_at", "creation_timestamp")


def items(change: Callable[[list[Any]], list[Any]]) -> Edited:
    return edited(lambda held: held.update({key: change(held[key]) for key in ITEMS if key in held}))


def counts(change: Callable[[int], object]) -> Edited:
    return edited(lambda held: held.update({key: change(held[key]) for key in COUNTS if key in held}))


def times(value: object) -> Edited:
    """Every time anywhere in the answer replaced."""

    def change(body: Any) -> Any:
        if isinstance(body, dict):
            return {key: value if key in TIMES and current else change(current) for key, current in body.items()}
        return [change(current) for current in body] if isinstance(body, list) else body

    return Edited(change)


def without(*keys: str) -> Edited:
    return edited(lambda held: [held.pop(key, None) for key in keys])


def _nothing(held: dict[str, Any]) -> dict[str, Any]:
    return {key: [] for key in ITEMS if key in held} | {key: 0 for key in COUNTS if key in held}


def _with_page_info(held: dict[str, Any], **changes: object) -> None:
    if "pageInfo" in held:
        held["pageInfo"].update(changes)


def _end(held: dict[str, Any]) -> None:
    held.pop("next_page_token", None)
    _with_page_info(held, hasNextPage=False, endCursor=None)


def _end_empty(held: dict[str, Any]) -> None:
    held.update(_nothing(held))
    _end(held)


def _endless(held: dict[str, Any]) -> None:
    _with_page_info(held, hasNextPage=True)
    if "model_versions" in held:
        held["next_page_token"] = "eyJvZmZzZXQiOiAwfQ=="  # back to the start


LIES: dict[str, Fault] = {
    "no items": items(lambda _: []),
    "no items, count 0": edited(lambda held: held.update(_nothing(held))),
    "nothing, and no more": edited(_end_empty),
    "one item less": items(lambda found: found[1:]),
    "last item less": items(lambda found: found[:-1]),
    "items twice": items(lambda found: found + found),
    "items turned round": items(lambda found: found[::-1]),
    "items null": items(lambda found: [None] * len(found)),
    "items texts": items(lambda found: ["x"] * len(found)),
    "count higher": counts(lambda total: total + 3),
    "count lower": counts(lambda _: 1),
    "count 0": counts(lambda _: 0),
    "count negative": counts(lambda _: -1),
    "count a text": counts(str),
    "no count": without(*COUNTS),
    "no page info": without("pageInfo"),
    "ends here": edited(_end),
    "no cursor": edited(lambda held: _with_page_info(held, endCursor=None)),
    "says not whether more follow": edited(lambda held: _with_page_info(held, hasNextPage="no")),
    "never ends": edited(_endless),
    "garbage dates": times("yesterday"),
    "naive dates": times("2026-03-02T09:00:00"),
    "dates of 1970": times("1970-01-20T21:00:00Z"),
    "dates of 9999": times("9999-12-31T23:59:59Z"),
    "dates numbers": times(17),
    "dates null": times(None),
    "errors beside data": Edited(lambda body: {**body, "errors": [{"message": "Timeout", "type": "X"}]}),
}
"""Valid JSON of a server that lies: nobody can tell, or it changes nothing."""


NO_COUNT = {("versions, page 1", "one item less"), ("versions, page 1", "last item less")}
"""MLflow counts nothing: a page in the middle that leaves one out looks like one without it."""


class World:
    """A GitHub that tells one history as deployments, runs and releases, and a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.github, self.mlflow = GitHubStandIn(), MlflowStandIn()
        self.truth, self.right = functools.cache(self.read), functools.cache(self.run)
        (folder / "report").write_text("in the way: what files hold is told elsewhere")
        shop = self.github.repository
        for number, (sha, hours) in enumerate(zip(SHAS, (0, 5, 7), strict=True)):
            at = T0 + timedelta(hours=hours)
            shop.add_commit(sha, at)
            later = [("inactive", at + timedelta(hours=n)) for n in range(1, 5)]
            shop.add_deployment(sha=sha, created_at=at, statuses=[("success", at), *later], run_id=number + 1)
            failed = Attempt(conclusion="failure", started_at=at, updated_at=at)
            shop.add_run(sha=sha, created_at=at, run_attempt=2, attempts=[failed])
            shop.add_release(tag=f"v{number}", sha=sha, published_at=at)
        self.mlflow.add_model()
        for hours in (-100, -90, 1):
            self.mlflow.add_version(T0 + timedelta(hours=hours))

    def environment(self, source: str) -> dict[str, str]:
        return {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "INPUT_GITHUB-TOKEN": "canary-token-of-github",
            "INPUT_MODELS": "recommender",
            "INPUT_MLFLOW-TRACKING-URI": self.mlflow.url,
            "INPUT_OUTPUT-DIR": "report",
            "INPUT_CODE-SOURCE": source,
            "INPUT_WORKFLOW": "release.yml",
            "INPUT_WEEKS": "2",
        }

    def run(self, source: str) -> dict[str, str]:
        """The outputs of a whole run."""
        output = self.folder / "output"
        output.write_text("")
        log = io.StringIO()
        code = run(self.environment(source), [], now=NOW, stream=log)
        result = outputs_in(output.read_text())
        assert code == {"pass": 0, "fail": 1, "error": 2}[result["verdict"]], log.getvalue()
        return result

    def read(self, source: str) -> Collected | None:
        """What a run knows when it judges, read as `cli.run` reads it; None: a required source is not proved."""
        runner = read_context(self.environment(source))
        settings = read_settings(self.environment(source), [], runner)
        transport = Transport(Budget(60))
        github = run_context.github_of(settings, runner, transport)
        home = run_context.repository_info_of(settings, runner, github, lambda _: None)
        pushed = event.read("push", {}, sha=None, ref=None, repository="acme/shop", default_branch=None)
        query = run_context.query_of(settings, runner, home, NOW, NOW)
        access = Clients(transport=transport, progress=lambda _: None, github=github)
        result = collect(query, access, pushed, run_parameters.terms_of(settings, home.default_branch))
        unread = unproved(result.records.coverage)
        return None if unread else replace(result, records=replace(result.records, coverage=()))

    def struck(self, stage: Stage, fault: Fault, times: int | None, act: Callable[[str], Any] | None = None) -> Any:
        """What is known (or what `act` gives) when the stage meets the fault so many times; None: always."""
        server = self.github if stage.server == "github" else self.mlflow
        aimed = Aimed(stage.hits, fault, times)
        server.fail("", times=None, fault=aimed)
        try:
            result = (act or self.read)(stage.source)
        finally:
            server.heal()
        assert aimed.struck > 0, "this stage was never reached"
        if isinstance(fault, Stall | Drip):
            assert aimed.finished == 0, "the run waited for a silent server"
        return result

    def close(self) -> None:
        self.github.close()
        self.mlflow.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = World(tmp_path_factory.mktemp("world"))
    yield built
    built.close()


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few items a page, so that every list has a second one; and requests that are given up soon."""
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.7)
    query = github_deployments._query

    def short_pages(wanted: WantedStubs) -> str:
        # One: both ends of the list meet on the second page.
        return query(wanted).replace("first: 100,", "first: 1,").replace("first: 20", "first: 1")

    monkeypatch.setattr(github_deployments, "_query", short_pages)
    for module, name in ((github_deployments, "STATUSES_QUERY"), (github_releases, "RELEASES_QUERY")):
        monkeypatch.setattr(module, name, getattr(module, name).replace("first: 100", "first: 2"))
    monkeypatch.setattr(github_runs, "PER_PAGE", 2)
    monkeypatch.setattr(mlflow_registry, "_PAGE", 2)


def cells(faults: dict[str, Fault], server: str = "") -> pytest.MarkDecorator:
    result = [
        pytest.param(stage, fault, id=f"{stage_name}: {name}")
        for stage_name, stage in STAGES.items()
        for name, fault in faults.items()
        if server in ("", stage.server) and (stage_name, name) not in NO_COUNT
    ]
    return pytest.mark.parametrize(("stage", "fault"), result)


@pytest.mark.parametrize("source", ["deployments", "workflow-runs", "releases"])
def test_truth__is_one_broken_promise_of_three(world: World, source: str) -> None:
    result = world.run(source)
    assert (result["verdict"], result["sla-met"], result["sla-breached"]) == ("fail", "2", "1")
    known = world.truth(source)
    assert known is not None
    assert ([record.sha for record in known.records.code], len(known.records.models)) == (SHAS, 3)


@cells(PASSING)
def test_cell__a_fault_that_passes_changes_nothing_and_one_that_stays_is_never_decided(
    world: World, stage: Stage, fault: Fault
) -> None:
    assert world.struck(stage, fault, 1) == world.truth(stage.source)
    assert world.struck(stage, fault, None) is None


@cells(OF_GITHUB, "github")
def test_cell__a_fault_of_github_that_passes_changes_nothing(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, 1) == world.truth(stage.source)
    assert world.struck(stage, fault, None) is None


@cells(REFUSED)
def test_cell__a_refusal_is_never_decided(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, 1) in (None, world.truth(stage.source))
    assert world.struck(stage, fault, None) is None


@cells(LIES)
def test_cell__a_lie_is_found_out_or_changes_nothing(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, None) in (None, world.truth(stage.source))


SAMPLE: dict[str, Fault] = {
    "502": PASSING["502"],
    "empty body": PASSING["empty body"],
    "401": REFUSED["401"],
    "nothing, and no more": LIES["nothing, and no more"],
}


@cells(SAMPLE)
def test_whole_run__says_error_or_the_truth_and_nothing_else(world: World, stage: Stage, fault: Fault) -> None:
    result = world.struck(stage, fault, None, world.run)
    assert (result["verdict"], result["sla-status"]) == ("error", "unknown") or result == world.right(stage.source)
    assert result["verdict"] != "pass"


@cells({"502": PASSING["502"], "empty body": PASSING["empty body"]})
def test_whole_run__is_the_same_with_one_fault_that_passes(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, 1, world.run) == world.right(stage.source)


@cells({"drip": Drip(30)})
def test_drip__ends_at_the_requests_deadline(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, None) is None
