"""Every fault at every stage of the harvest, once and for ever: no false green, no false red, no hang.

The truth of this world is a broken promise: two releases kept theirs, one did not. Whatever a server does, a run
either could not decide (exit 2), or its outputs are exactly those of a run without any fault.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy import transport
from flowjoy.main import run
from flowjoy.sources import github_deployments, github_releases, github_runs, mlflow_registry
from tests.core.actions_runner import outputs_in
from tests.stand_ins.aimed import Aimed, Hits, query_of, rest
from tests.stand_ins.faults import Drip, Edited, EmptyBody, Garbage, Redirect, Reset, Stall, Truncate
from tests.stand_ins.github import Attempt, GitHubStandIn
from tests.stand_ins.http_base import Answer, Fault, Request
from tests.stand_ins.mlflow_faults import GET_MODEL, SEARCH_VERSIONS, MlflowStandIn

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(hours=60)
LONGEST_SECONDS = 10
SHAS = ["a" * 40, "b" * 40, "c" * 40]


@dataclass(frozen=True)
class Stage:
    """One kind of request: of which code source, to which server, and which of its requests."""

    source: str
    server: str
    hits: Hits


def of_registry(path: str, *, later: bool | None = None) -> Hits:
    def hits(request: Request) -> bool:
        return request.path == path and later in (None, "page_token" in request.query)

    return hits


RUNS = "/actions/workflows/release.yml/runs"
STAGES = {
    "deployments, page 1": Stage("deployments", "github", query_of("FlowJoyDeployments", first_page=True)),
    "deployments, page 2": Stage("deployments", "github", query_of("FlowJoyDeployments", first_page=False)),
    "statuses, page 1": Stage("deployments", "github", query_of("FlowJoyStatuses", first_page=True)),
    "statuses, page 2": Stage("deployments", "github", query_of("FlowJoyStatuses", first_page=False)),
    "stubs": Stage("deployments", "github", query_of("FlowJoyStubs")),
    "repository": Stage("workflow-runs", "github", rest("/repos/acme/shop")),
    "runs, page 1": Stage("workflow-runs", "github", rest(RUNS, page=1)),
    "runs, page 2": Stage("workflow-runs", "github", rest(RUNS, page=2)),
    "attempts": Stage("workflow-runs", "github", rest("/attempts/1")),
    "releases, page 1": Stage("releases", "github", query_of("FlowJoyReleases", first_page=True)),
    "releases, page 2": Stage("releases", "github", query_of("FlowJoyReleases", first_page=False)),
    "registered model": Stage("deployments", "mlflow", of_registry(GET_MODEL)),
    "versions, page 1": Stage("deployments", "mlflow", of_registry(SEARCH_VERSIONS, later=False)),
    "versions, page 2": Stage("deployments", "mlflow", of_registry(SEARCH_VERSIONS, later=True)),
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

GITHUB_ONLY: dict[str, Fault] = {
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
        for held in _lists_in(body):
            edit(held)
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
            return {key: value if key in TIMES and body[key] else change(held) for key, held in body.items()}
        return [change(held) for held in body] if isinstance(body, list) else body

    return Edited(change)


def without(*keys: str) -> Edited:
    return edited(lambda held: [held.pop(key, None) for key in keys])


END = {"hasNextPage": False, "endCursor": None}
LIES: dict[str, Fault] = {
    "no items": items(lambda _: []),
    "no items, count 0": edited(
        lambda held: held.update(
            {key: [] for key in ITEMS if key in held} | {key: 0 for key in COUNTS if key in held}
        )
    ),
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
    "ends here": edited(lambda held: (held.pop("next_page_token", 0), "pageInfo" in held and held.update(pageInfo=END))),
    "no cursor": edited(lambda held: "pageInfo" in held and held["pageInfo"].update(endCursor=None)),
    "never ends": edited(
        lambda held: held.update(next_page_token="bm93aGVyZQ==")
        if "model_versions" in held
        else "pageInfo" in held and held["pageInfo"].update(hasNextPage=True, endCursor="x")
    ),
    "garbage dates": times("yesterday"),
    "naive dates": times("2026-03-02T09:00:00"),
    "dates of 1970": times("1970-01-20T21:00:00Z"),
    "dates of 9999": times("9999-12-31T23:59:59Z"),
    "dates numbers": times(17),
    "dates null": times(None),
    "errors beside data": Edited(lambda body: {**body, "errors": [{"message": "Timeout", "type": "X"}]}),
}
"""Valid JSON of a server that lies: nobody can tell, or it changes nothing."""


class World:
    """A GitHub that tells one history as deployments, runs and releases, and a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.github, self.mlflow = GitHubStandIn(), MlflowStandIn()
        self._truths: dict[str, dict[str, str]] = {}
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

    def run(self, source: str) -> dict[str, str]:
        """The outputs of one run. It has a token, so it is asked what the commits' stubs say, too."""
        output = self.folder / "output"
        output.write_text("")
        environ = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_OUTPUT": str(output),
            "INPUT_GITHUB-TOKEN": "canary-token-of-github",
            "INPUT_MODELS": "recommender",
            "INPUT_MLFLOW-TRACKING-URI": self.mlflow.url,
            "INPUT_OUTPUT-DIR": "report",
            "INPUT_CODE-SOURCE": source,
            "INPUT_WORKFLOW": "release.yml",
            "INPUT_WEEKS": "2",
        }
        log = io.StringIO()
        code = run(environ, [], now=NOW, stream=log)
        told = outputs_in(output.read_text())
        assert code == {"pass": 0, "fail": 1, "error": 2}[told["verdict"]], log.getvalue()
        return told

    def truth(self, source: str) -> dict[str, str]:
        if source not in self._truths:
            self._truths[source] = self.run(source)
        return self._truths[source]

    def struck(self, stage: Stage, fault: Fault, times: int | None) -> dict[str, str]:
        """The outputs of a run in which the stage met the fault so many times (None: always)."""
        server = self.github if stage.server == "github" else self.mlflow
        aimed = Aimed(stage.hits, fault, times)
        server.fail("", times=None, fault=aimed)
        begun = time.monotonic()
        try:
            told = self.run(stage.source)
        finally:
            server.heal()
        assert aimed.struck > 0, "this stage was never reached"
        assert time.monotonic() - begun < LONGEST_SECONDS
        return told

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
    """Two items a page, so that every list has a second one; and requests that are given up soon."""
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.7)
    deployments = github_deployments.DEPLOYMENTS_QUERY.replace("first: 100,", "first: 2,").replace("first: 20", "first: 1")
    monkeypatch.setattr(github_deployments, "DEPLOYMENTS_QUERY", deployments)
    for module, name in ((github_deployments, "STATUSES_QUERY"), (github_releases, "RELEASES_QUERY")):
        monkeypatch.setattr(module, name, getattr(module, name).replace("first: 100", "first: 2"))
    monkeypatch.setattr(github_runs, "PER_PAGE", 2)
    monkeypatch.setattr(mlflow_registry, "_PAGE", 2)


def undecided(told: dict[str, str]) -> bool:
    return (told["verdict"], told["sla-status"]) == ("error", "unknown")


def cells(faults: dict[str, Fault], server: str = "") -> Any:
    found = [
        pytest.param(stage, fault, id=f"{stage_name}: {name}")
        for stage_name, stage in STAGES.items()
        for name, fault in faults.items()
        if server in ("", stage.server)
    ]
    return pytest.mark.parametrize(("stage", "fault"), found)


@pytest.mark.parametrize("source", ["deployments", "workflow-runs", "releases"])
def test_truth__is_one_broken_promise_of_three(world: World, source: str) -> None:
    told = world.truth(source)
    assert (told["verdict"], told["sla-met"], told["sla-breached"], told["code-deploys"]) == ("fail", "2", "1", "0")


@cells(PASSING)
def test_cell__a_fault_that_passes_changes_nothing_and_one_that_stays_is_never_decided(
    world: World, stage: Stage, fault: Fault
) -> None:
    assert world.struck(stage, fault, 1) == world.truth(stage.source)
    assert undecided(world.struck(stage, fault, None))


@cells(GITHUB_ONLY, "github")
def test_cell__a_fault_of_github_that_passes_changes_nothing(world: World, stage: Stage, fault: Fault) -> None:
    assert world.struck(stage, fault, 1) == world.truth(stage.source)
    assert undecided(world.struck(stage, fault, None))


@cells(REFUSED)
def test_cell__a_refusal_is_never_decided(world: World, stage: Stage, fault: Fault) -> None:
    assert undecided(world.struck(stage, fault, None))


@cells(LIES)
def test_cell__a_lie_is_found_out_or_changes_nothing(world: World, stage: Stage, fault: Fault) -> None:
    told = world.struck(stage, fault, None)
    assert undecided(told) or told == world.truth(stage.source)
