"""The GitHub stand-in answers what GitHub would: read with the models made from GitHub's own REST description."""

from __future__ import annotations

import base64
import importlib
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.fakes.faults import Drip, Edited, EmptyBody, Garbage, Meanwhile, Redirect, Reset, Slow, Stall, Truncate
from tests.fakes.github import NOT_ACCESSIBLE, Attempt, GitHubStandIn, Repository
from tests.fakes.http_base import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

SHA, OTHER_SHA, FORK_SHA = "a" * 40, "b" * 40, "f" * 40
DAY = "2024-06-03T10:00:00Z"
RUN, ARTIFACT = 1001, 1002


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def shop(github: GitHubStandIn) -> Repository:
    """One of everything. The ids count up from 1001 in the order of the calls."""
    shop = github.repository
    assert shop.add_run(sha=SHA, created_at=DAY, run_attempt=2) == RUN
    assert shop.add_artifact(run_id=RUN, name="flowjoy-shop", content=b"PK") == ARTIFACT
    shop.add_deployment(sha=SHA, created_at=DAY, statuses=[("queued", DAY), ("success", DAY)], run_id=RUN)  # 1003
    shop.add_release(tag="v1", sha=SHA, published_at=DAY)
    shop.add_release(tag="v2", sha=SHA, published_at=None, draft=True)
    shop.add_file(SHA, "flowjoy.json", '{"models": {}}')
    shop.add_issue(labels=["incident"], created_at=DAY, closed_at=DAY)
    shop.add_pull_request(
        head_sha=FORK_SHA,
        base_sha=SHA,
        head_repository="forker/shop",
        labels=["feature-flag"],
        files={"flowjoy.json": "modified", "flags/new.yml": "added"},
    )
    shop.add_comment(2, "hello")  # 1010
    shop.add_commit(OTHER_SHA, DAY, parent=SHA)
    for attempt in (1, 2):
        shop.add_job(RUN, "deploy", DAY, attempt=attempt)
    return shop


def get(github: GitHubStandIn, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{github.url}/repos/acme/shop{path}", params=query, timeout=5, allow_redirects=False)


def ask(github: GitHubStandIn, query: str, **variables: Any) -> Any:
    return requests.post(github.graphql_url, json={"query": query, "variables": variables}, timeout=5).json()


ROUTES: dict[str, str | list[str]] = {
    "": "FullRepository",
    "/commits/main": "Commit",
    "/activity": ["Activity"],
    "/contents/flowjoy.json": "ContentFile",
    "/actions/workflows/release.yml": "Workflow",
    "/actions/workflows/release.yml/runs": "ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200",
    "/actions/runs": "ReposOwnerRepoActionsRunsGetResponse200",
    f"/actions/runs/{RUN}": "WorkflowRun",
    f"/actions/runs/{RUN}/attempts/1": "WorkflowRun",
    f"/actions/runs/{RUN}/jobs": "ReposOwnerRepoActionsRunsRunIdJobsGetResponse200",
    f"/actions/runs/{RUN}/attempts/1/jobs": "ReposOwnerRepoActionsRunsRunIdAttemptsAttemptNumberJobsGetResponse200",
    f"/actions/runs/{RUN}/artifacts": "ReposOwnerRepoActionsRunsRunIdArtifactsGetResponse200",
    "/actions/artifacts": "ReposOwnerRepoActionsArtifactsGetResponse200",
    f"/actions/artifacts/{ARTIFACT}": "Artifact",
    "/deployments": ["Deployment"],
    "/deployments/1003": "Deployment",
    "/deployments/1003/statuses": ["DeploymentStatus"],
    "/environments": "ReposOwnerRepoEnvironmentsGetResponse200",
    "/releases": ["Release"],
    "/issues?state=all": ["Issue"],
    "/issues/1": "Issue",
    "/issues/2/comments": ["IssueComment"],
    "/pulls/2": "PullRequest",
    "/pulls/2/files": ["DiffEntry"],
    "/pulls?head=forker:feature&state=all": ["PullRequestSimple"],
    f"/compare/{SHA}...{OTHER_SHA}": "CommitComparison",
    f"/commits/{SHA}/check-runs": "ReposOwnerRepoCommitsRefCheckRunsGetResponse200",
}


def parsed(model: str | list[str], answer: requests.Response) -> Any:
    """The answer as githubkit reads it; a list must not be empty, nor the items of an envelope."""
    models = importlib.import_module("githubkit_schemas.latest.models")
    validate = importlib.import_module("githubkit.compat").type_validate_json
    body = answer.json()
    assert body
    assert not isinstance(body, dict) or body.get("total_count") != 0
    if isinstance(model, str):
        return validate(getattr(models, model), answer.content)
    return validate(list[getattr(models, model[0])], answer.content)  # type: ignore[misc]  # a type made at run time


@pytest.mark.matrix
@pytest.mark.parametrize("prefix", ["", "/api/v3"])
@pytest.mark.parametrize("path", ROUTES)
def test_rest__every_body_is_one_of_githubs_own(
    github: GitHubStandIn, shop: Repository, path: str, prefix: str
) -> None:
    check(github, name="FlowJoy", head_sha=SHA)
    answer = requests.get(f"{github.url}{prefix}/repos/acme/shop{path}", timeout=5)
    assert answer.status_code == 200
    assert parsed(ROUTES[path], answer)


def test_rest__every_written_body_is_one_of_githubs_own(github: GitHubStandIn, shop: Repository) -> None:
    root = f"{github.url}/repos/acme/shop"
    made = check(github, name="FlowJoy", head_sha=SHA, status="in_progress")
    edited = requests.patch(made.json()["url"], json={"conclusion": "failure"}, timeout=5)
    comment = requests.post(f"{root}/issues/2/comments", json={"body": "one"}, timeout=5)
    changed = requests.patch(comment.json()["url"], json={"body": "two"}, timeout=5)
    assert [made.status_code, edited.status_code, comment.status_code, changed.status_code] == [201, 200, 201, 200]
    assert parsed("CheckRun", made).status == "in_progress"
    assert parsed("CheckRun", edited).conclusion == "failure"
    assert parsed("IssueComment", comment).body == "one"
    assert parsed("IssueComment", changed).body == "two"
    assert [c.body for c in shop.issues[2].comments] == ["hello", "two"]


def test_rest__links_in_bodies_lead_back_to_the_server_by_the_prefix_that_was_asked(
    github: GitHubStandIn, shop: Repository
) -> None:
    run = requests.get(f"{github.url}/api/v3/repos/acme/shop/actions/runs/{RUN}", timeout=5).json()
    assert requests.get(run["previous_attempt_url"], timeout=5).json()["run_attempt"] == 1
    assert run["artifacts_url"].startswith(f"{github.url}/api/v3/")
    assert requests.get(run["artifacts_url"], timeout=5).json()["total_count"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/actions/runs/9",
        f"/actions/runs/{RUN}/attempts/3",
        "/actions/workflows/none.yml/runs",
        "/pulls/1",
        "/issues/9",
        "/deployments/9/statuses",
        "/contents/none.json",
        "/actions/artifacts/9/zip",
    ],
)
def test_rest__a_missing_resource_is_404_with_githubs_message(
    github: GitHubStandIn, shop: Repository, path: str
) -> None:
    answer = get(github, path)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_rest__a_renamed_repository_redirects_to_its_number(github: GitHubStandIn, shop: Repository) -> None:
    shop.former_names = ["acme/store"]
    answer = requests.get(f"{github.url}/repos/acme/store/releases", params={"per_page": 1}, timeout=5)
    assert [a.status_code for a in answer.history] == [301]
    assert [release["tag_name"] for release in answer.json()] == ["v1"]


# Listings


def with_runs(github: GitHubStandIn, count: int) -> None:
    for n in range(count):
        github.repository.add_run(sha=SHA, created_at=f"2024-06-{n % 28 + 1:02}T{n % 24:02}:00:00Z", branch="main")


def walk(github: GitHubStandIn, path: str, **query: Any) -> list[requests.Response]:
    pages = [get(github, path, **query)]
    while "next" in pages[-1].links:
        pages.append(requests.get(pages[-1].links["next"]["url"], timeout=5))
    return pages


def test_runs__filtered_listing_stops_at_1000(github: GitHubStandIn) -> None:
    with_runs(github, 1050)
    pages = walk(github, "/actions/runs", branch="main", per_page=100)
    assert [len(page.json()["workflow_runs"]) for page in pages] == [100] * 10
    assert {page.json()["total_count"] for page in pages} == {1050}
    assert get(github, "/actions/runs", branch="main", per_page=100, page=11).json()["workflow_runs"] == []


def test_runs__unfiltered_listing_goes_to_its_end(github: GitHubStandIn) -> None:
    with_runs(github, 1050)
    pages = walk(github, "/actions/runs", per_page=100)
    runs = [run for page in pages for run in page.json()["workflow_runs"]]
    assert len({run["id"] for run in runs}) == 1050
    assert [run["created_at"] for run in runs] == sorted((run["created_at"] for run in runs), reverse=True)


def test_paging__thirty_unless_asked_and_never_more_than_a_hundred(github: GitHubStandIn) -> None:
    with_runs(github, 120)
    sizes = [len(get(github, "/actions/runs", per_page=n).json()["workflow_runs"]) for n in ("", 7, 500)]
    assert sizes == [30, 7, 100]


def test_paging__links_name_the_pages_around(github: GitHubStandIn) -> None:
    with_runs(github, 25)
    links = get(github, "/actions/runs", per_page=10, page=2, event="push").links
    assert {rel: re.findall(r"&page=(\d+)", link["url"]) for rel, link in links.items()} == {
        "prev": ["1"],
        "next": ["3"],
        "last": ["3"],
        "first": ["1"],
    }
    assert "event=push" in links["next"]["url"]
    assert "Link" not in get(github, "/actions/runs").headers


@pytest.mark.parametrize(
    ("created", "days"),
    [
        ("2024-06-02..2024-06-03", [3, 2]),
        ("2024-06-02T10:00:00Z..2024-06-03T09:59:59Z", [2]),
        ("2024-06-02T12:00:00+02:00..*", [4, 3, 2]),
        ("*..2024-06-02T10:00:00Z", [2, 1]),
        (">=2024-06-03T10:00:00Z", [4, 3]),
        (">2024-06-03T10:00:00Z", [4]),
        ("<2024-06-02", [1]),
        ("<=2024-06-02", [2, 1]),
        ("2024-06-03", [3]),
    ],
)
def test_runs__created_takes_githubs_date_syntax(github: GitHubStandIn, created: str, days: list[int]) -> None:
    for day in (1, 2, 3, 4):
        github.repository.add_run(sha=SHA, created_at=f"2024-06-0{day}T10:00:00Z")
    runs = get(github, "/actions/runs", created=created).json()["workflow_runs"]
    assert [int(run["created_at"][8:10]) for run in runs] == days


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"branch": "main"}, {1, 2, 3}),
        ({"event": "pull_request"}, {4}),
        ({"status": "success"}, {1, 4}),
        ({"status": "completed"}, {1, 2, 4}),
        ({"status": "in_progress"}, {3}),
        ({"head_sha": OTHER_SHA}, {4}),
        ({"branch": "main", "status": "success"}, {1}),
    ],
)
def test_runs__filters_are_joined(github: GitHubStandIn, wish: dict[str, str], expected: set[int]) -> None:
    add = github.repository.add_run
    add(sha=SHA, created_at=DAY)
    add(sha=SHA, created_at=DAY, conclusion="failure")
    add(sha=SHA, created_at=DAY, conclusion=None, status="in_progress")
    add(sha=OTHER_SHA, created_at=DAY, branch="feature", event="pull_request", head_repository="forker/shop")
    assert {run["id"] - 1000 for run in get(github, "/actions/runs", **wish).json()["workflow_runs"]} == expected


def test_runs__each_attempt_keeps_its_own_end(github: GitHubStandIn) -> None:
    first = Attempt(conclusion="success", started_at=DAY, updated_at="2024-06-03T10:05:00Z")
    run = github.repository.add_run(
        sha=SHA, created_at=DAY, updated_at="2024-06-04T08:00:00Z", conclusion="failure", attempts=[first]
    )
    last, earlier = get(github, f"/actions/runs/{run}").json(), get(github, f"/actions/runs/{run}/attempts/1").json()
    assert (last["run_attempt"], last["conclusion"], last["updated_at"]) == (2, "failure", "2024-06-04T08:00:00Z")
    assert (earlier["run_attempt"], earlier["conclusion"], earlier["updated_at"]) == (
        1,
        "success",
        "2024-06-03T10:05:00Z",
    )


def test_runs__a_workflow_without_runs_is_not_an_unknown_one(github: GitHubStandIn) -> None:
    github.repository.add_workflow("nightly.yml")
    answer = get(github, "/actions/workflows/nightly.yml/runs")
    assert (answer.status_code, answer.json()["total_count"]) == (200, 0)


def test_deployments__filters_by_environment_and_sha(github: GitHubStandIn) -> None:
    for environment, sha in (("production", SHA), ("production", OTHER_SHA), ("staging", SHA)):
        github.repository.add_deployment(sha=sha, created_at=DAY, environment=environment)
    assert len(get(github, "/deployments", environment="production").json()) == 2
    assert len(get(github, "/deployments", environment="production", sha=SHA).json()) == 1


def test_issues__pull_requests_are_listed_among_them_and_marked(github: GitHubStandIn, shop: Repository) -> None:
    issues = get(github, "/issues", state="all").json()
    assert {issue["number"]: "pull_request" in issue for issue in issues} == {1: False, 2: True}
    assert [issue["number"] for issue in get(github, "/issues", state="closed", labels="incident").json()] == [1]


def test_contents__are_inherited_from_the_parent_commit(github: GitHubStandIn, shop: Repository) -> None:
    shop.add_commit("c" * 40, DAY, parent=OTHER_SHA)
    shop.add_file("c" * 40, "flowjoy.json", None)
    body = get(github, "/contents/flowjoy.json", ref=OTHER_SHA).json()
    assert base64.b64decode(body["content"]) == b'{"models": {}}'
    assert get(github, "/contents/flowjoy.json", ref="main").status_code == 404


def test_contents__over_a_megabyte_only_the_raw_type_has_them(github: GitHubStandIn, shop: Repository) -> None:
    shop.add_file(SHA, "flowjoy.json", b"x" * 1_000_001)
    body = get(github, "/contents/flowjoy.json").json()
    assert (body["encoding"], body["content"], body["size"]) == ("none", "", 1_000_001)
    raw = {"Accept": "application/vnd.github.raw+json"}
    answer = requests.get(f"{github.url}/repos/acme/shop/contents/flowjoy.json", headers=raw, timeout=5)
    assert len(answer.content) == 1_000_001


# Check runs and artifacts


def check(github: GitHubStandIn, **fields: Any) -> requests.Response:
    return requests.post(f"{github.url}/repos/acme/shop/check-runs", json=fields, timeout=5)


def test_checks__listing_shows_the_latest_of_a_name_unless_all_are_wanted(
    github: GitHubStandIn, shop: Repository
) -> None:
    for name in ("FlowJoy", "FlowJoy", "Tests"):
        check(github, name=name, head_sha=SHA)
    path = f"/commits/{SHA}/check-runs"
    assert get(github, path).json()["total_count"] == 2
    assert get(github, path, check_name="FlowJoy").json()["total_count"] == 1
    assert get(github, path, filter="all").json()["total_count"] == 3
    assert get(github, path, filter="all", per_page=2).links["next"]


def test_checks__a_conclusion_completes_and_annotations_add_up(github: GitHubStandIn, shop: Repository) -> None:
    note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note]}
    made = check(github, name="FlowJoy", head_sha=SHA, output=output).json()
    done = requests.patch(made["url"], json={"conclusion": "success", "output": output}, timeout=5).json()
    assert (done["status"], done["output"]["annotations_count"]) == ("completed", 2)
    assert done["completed_at"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "FlowJoy"},
        {"name": "FlowJoy", "head_sha": "0" * 40},
        {"name": "FlowJoy", "head_sha": SHA, "status": "completed"},
        {"name": "FlowJoy", "head_sha": SHA, "conclusion": "broken"},
        {"name": "FlowJoy", "head_sha": SHA, "output": {"title": "t"}},
        {"name": "FlowJoy", "head_sha": SHA, "output": {"title": "t", "summary": "s" * 65_536}},
        {"name": "FlowJoy", "head_sha": SHA, "output": {"title": "t", "summary": "s", "annotations": [{}] * 51}},
    ],
)
def test_checks__what_github_refuses_is_refused(
    github: GitHubStandIn, shop: Repository, fields: dict[str, Any]
) -> None:
    assert check(github, **fields).status_code == 422
    assert not shop.check_runs


def test_artifacts__a_download_is_redirected_to_a_host_that_takes_no_second_credential(
    github: GitHubStandIn, shop: Repository
) -> None:
    artifact = get(github, "/actions/artifacts", name="flowjoy-shop").json()["artifacts"][0]
    redirect = requests.get(artifact["archive_download_url"], timeout=5, allow_redirects=False)
    assert redirect.status_code == 302
    assert requests.get(redirect.headers["Location"], timeout=5).content == b"PK"
    assert (
        requests.get(redirect.headers["Location"], headers={"Authorization": "token x"}, timeout=5).status_code == 401
    )
    assert get(github, "/actions/artifacts", name="other").json()["total_count"] == 0


def test_artifacts__name_the_run_and_the_repository_they_come_from(github: GitHubStandIn) -> None:
    shop = github.repository
    run = shop.add_run(sha=FORK_SHA, created_at=DAY, branch="main", event="pull_request", head_repository="forker/shop")
    shop.add_artifact(run_id=run, name="flowjoy-shop", content=b"")
    source = get(github, "/actions/artifacts").json()["artifacts"][0]["workflow_run"]
    assert (source["id"], source["head_branch"], source["head_sha"]) == (run, "main", FORK_SHA)
    assert source["repository_id"] == shop.id != source["head_repository_id"]


def test_artifacts__expired_ones_are_gone(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=SHA, created_at=DAY)
    artifact = github.repository.add_artifact(run_id=run, name="old", content=b"PK", expired=True)
    assert get(github, f"/actions/artifacts/{artifact}/zip").status_code == 410


# GraphQL

DEPLOYMENTS = """
query($first: Int, $after: String, $direction: OrderDirection = DESC, $environments: [String!]) {
  repository(owner: "acme", name: "shop") {
    deployments(
      first: $first, after: $after, environments: $environments, orderBy: {field: CREATED_AT, direction: $direction}
    ) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        id databaseId commitOid environment state latestStatus { state }
        statuses(first: 10) { totalCount nodes { state createdAt logUrl } }
      }
    }
  }
}"""


EVERYTHING = """
query($oid: GitObjectID) {
  rateLimit { cost remaining resetAt }
  repository(owner: "acme", name: "shop") {
    isPrivate databaseId defaultBranchRef { name target { oid } }
    file: object(expression: "main:flowjoy.json") { ... on Blob { oid byteSize isBinary isTruncated text } }
    none: object(expression: "main:none.json") { oid }
    commit: object(oid: $oid) { ... on Commit { committedDate history(first: 5) { nodes { oid } } } }
    releases(first: 5, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { tagName isDraft isPrerelease publishedAt url tagCommit { oid } }
    }
    pullRequest(number: 2) {
      isCrossRepository headRefOid headRepository { nameWithOwner }
      labels(first: 5) { nodes { name } } files(first: 5) { nodes { path changeType } }
    }
  }
}"""


def with_deployments(github: GitHubStandIn, count: int) -> None:
    for n in range(count):
        github.repository.add_deployment(sha=f"{n:040}", created_at=f"2024-06-01T00:{n:02}:00Z")


def test_graphql__cursors_neither_lose_nor_repeat_when_something_is_added(github: GitHubStandIn) -> None:
    with_deployments(github, 5)
    github.fail("POST /graphql", fault=Meanwhile(lambda: github.repository.add_deployment(sha=SHA, created_at=DAY)))
    seen, after = [], None
    while True:
        page = ask(github, DEPLOYMENTS, first=2, after=after)["data"]["repository"]["deployments"]
        seen += [node["commitOid"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"{n:040}" for n in (4, 3, 2, 1, 0)]
    assert page["totalCount"] == 6


def test_graphql__statuses_come_newest_first_in_capitals(github: GitHubStandIn) -> None:
    statuses = [
        ("queued", "2024-06-03T10:00:00Z"),
        ("success", "2024-06-03T10:02:00Z"),
        ("inactive", "2024-06-09T00:00:00Z"),
    ]
    github.repository.add_deployment(sha=SHA, created_at=DAY, statuses=statuses, run_id=77)
    node = ask(github, DEPLOYMENTS, first=1)["data"]["repository"]["deployments"]["nodes"][0]
    assert [status["state"] for status in node["statuses"]["nodes"]] == ["INACTIVE", "SUCCESS", "QUEUED"]
    assert node["statuses"]["nodes"][0]["logUrl"] == "https://github.com/acme/shop/actions/runs/77/job/1"
    assert (node["state"], node["latestStatus"]["state"]) == ("INACTIVE", "INACTIVE")


def test_graphql__deployments_are_chosen_by_environment_and_ordered_as_asked(github: GitHubStandIn) -> None:
    with_deployments(github, 3)
    github.repository.add_deployment(sha=SHA, created_at=DAY, environment="staging")
    answer = ask(github, DEPLOYMENTS, first=10, direction="ASC", environments=["production"])
    nodes = answer["data"]["repository"]["deployments"]["nodes"]
    assert [node["commitOid"] for node in nodes] == [f"{n:040}" for n in range(3)]


def test_graphql__a_deployment_has_a_node_id(github: GitHubStandIn, shop: Repository) -> None:
    node = ask(github, DEPLOYMENTS, first=1)["data"]["repository"]["deployments"]["nodes"][0]
    query = "query($id: ID!) { node(id: $id) { ... on Deployment { databaseId statuses(first: 1) { totalCount } } } }"
    assert ask(github, query, id=node["id"])["data"]["node"] == {"databaseId": 1003, "statuses": {"totalCount": 2}}
    lost = ask(github, query, id="DE_0")
    assert (lost["data"], lost["errors"][0]["type"]) == ({"node": None}, "NOT_FOUND")


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"first": 101}, "EXCESSIVE_PAGINATION"),
        ({}, "MISSING_PAGINATION_BOUNDARIES"),
        ({"first": 1, "after": "nonsense"}, "INVALID_CURSOR_ARGUMENTS"),
    ],
)
def test_graphql__pages_out_of_bounds_are_refused(github: GitHubStandIn, variables: dict[str, Any], kind: str) -> None:
    answer = ask(github, DEPLOYMENTS, **variables)
    assert [(error["type"], error["path"]) for error in answer["errors"]] == [(kind, ["repository", "deployments"])]
    assert answer["data"] == {"repository": None}


def test_graphql__an_unknown_repository_is_null_with_an_error(github: GitHubStandIn) -> None:
    github.repository.former_names = ["acme/store"]
    query = (
        'query($n: String!, $f: Boolean) { repository(owner: "acme", name: $n, followRenames: $f) { nameWithOwner } }'
    )
    lost = ask(github, query, n="none", f=True)
    assert lost["data"] == {"repository": None}
    assert (lost["errors"][0]["type"], lost["errors"][0]["path"]) == ("NOT_FOUND", ["repository"])
    assert ask(github, query, n="store", f=True)["data"]["repository"] == {"nameWithOwner": "acme/shop"}
    assert ask(github, query, n="store", f=False)["data"]["repository"] is None


def test_graphql__a_wrong_query_is_an_error_with_status_200(github: GitHubStandIn) -> None:
    answer = ask(github, "{ repository { nonsense } }")
    assert "data" not in answer
    assert "nonsense" in answer["errors"][0]["message"]


def test_graphql__files_commits_releases_and_pull_requests(github: GitHubStandIn, shop: Repository) -> None:
    answer = ask(github, EVERYTHING, oid=OTHER_SHA)
    assert "errors" not in answer
    repository = answer["data"]["repository"]
    assert repository["defaultBranchRef"] == {"name": "main", "target": {"oid": OTHER_SHA}}
    assert repository["file"]["text"] == '{"models": {}}'
    assert repository["none"] is None
    assert repository["commit"]["history"]["nodes"] == [{"oid": OTHER_SHA}, {"oid": SHA}]
    assert [release["tagName"] for release in repository["releases"]["nodes"] if not release["isDraft"]] == ["v1"]
    assert repository["pullRequest"]["headRepository"] == {"nameWithOwner": "forker/shop"}
    assert repository["pullRequest"]["files"]["nodes"][1] == {"path": "flags/new.yml", "changeType": "ADDED"}


def test_graphql__ghes_path_answers_too(github: GitHubStandIn) -> None:
    query = {"query": "{ rateLimit { remaining } }"}
    assert requests.post(f"{github.url}/api/graphql", json=query, timeout=5).json()["data"]["rateLimit"]


# Authorization, the request log, faults


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer right", 200),
        ("token right", 200),
        ("Basic " + base64.b64encode(b"x-access-token:right").decode(), 200),
        ("Bearer wrong", 401),
        ("", 401),
    ],
)
def test_token__only_the_right_one_opens(header: str, status: int) -> None:
    with GitHubStandIn(token="right") as github:
        headers = {"Authorization": header} if header else {}
        for ask_for in (("GET", "/repos/acme/shop"), ("POST", "/graphql")):
            answer = requests.request(ask_for[0], github.url + ask_for[1], headers=headers, json={}, timeout=5)
            assert answer.status_code == status
        assert status == 200 or answer.json()["message"] == "Bad credentials"


def test_log__holds_what_was_asked(github: GitHubStandIn) -> None:
    get(github, "/deployments", environment="production")
    ask(github, "{ rateLimit { cost } }")
    method, path, query, headers, body = github.requests[0]
    assert (method, path, query, body) == ("GET", "/repos/acme/shop/deployments", {"environment": "production"}, b"")
    assert "user-agent" in headers
    assert "rateLimit" in github.requests[1].json()["query"]
    assert (github.count(), github.count("POST"), github.count(path_contains="deployments")) == (2, 1, 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Stall(0.2), requests.ConnectionError),
        (Reset(), requests.ConnectionError),
        (Truncate(0.5), requests.exceptions.ChunkedEncodingError),
        (Garbage(), requests.JSONDecodeError),
        (EmptyBody(), requests.JSONDecodeError),
    ],
)
def test_fault__strikes_once_and_the_next_request_is_served(
    github: GitHubStandIn, fault: Any, error: type[Exception]
) -> None:
    github.fail("GET /repos", fault=fault)
    with pytest.raises(error):
        get(github, "").json()
    assert get(github, "").json()["full_name"] == "acme/shop"


def test_fault__answers_redirects_and_lies(github: GitHubStandIn) -> None:
    with_runs(github, 3)
    github.fail("GET /repos", fault=Answer(429, {"message": "slow down"}, {"Retry-After": "7"}))
    github.fail("GET /repos", fault=Redirect(302, "http://elsewhere.example/"))
    github.fail("GET /repos", fault=Edited(lambda body: body | {"total_count": 500}))
    github.fail("GET /repos", fault=NOT_ACCESSIBLE)
    answers = [get(github, "/actions/runs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 302, 200, 403]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[1].headers["Location"] == "http://elsewhere.example/"
    assert (answers[2].json()["total_count"], len(answers[2].json()["workflow_runs"])) == (500, 3)


def test_fault__skips_counts_and_tells_pages_apart(github: GitHubStandIn) -> None:
    github.fail("GET /repos", 2, skip=1, fault=Answer(502))
    assert [get(github, "").status_code for _ in range(4)] == [200, 502, 502, 200]
    github.fail("page=2", None, fault=Answer(503))
    assert [get(github, "/releases", page=page).status_code for page in (1, 2, 2, 3)] == [200, 503, 503, 200]
    github.heal()
    assert get(github, "/releases", page=2).status_code == 200


def test_fault__slow_is_right_but_late(github: GitHubStandIn) -> None:
    github.fail("GET", fault=Slow(0.2))
    began = time.monotonic()
    assert get(github, "").status_code == 200
    assert time.monotonic() - began >= 0.2


def raw_request(github: GitHubStandIn) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(github.url.rpartition(":")[2])), timeout=5)
    connection.sendall(b"GET /repos/acme/shop HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def test_fault__drip_begins_with_the_head(github: GitHubStandIn) -> None:
    github.fail("GET", fault=Drip(bytes_per_second=100))
    with raw_request(github) as connection:
        pieces = [connection.recv(100) for _ in range(4)]
    assert b"".join(pieces) == b"HTTP"


@pytest.mark.parametrize("fault", [Stall(60), Slow(60), Drip(0.1)])
def test_end__comes_at_once_whatever_is_under_way(fault: Any) -> None:
    with GitHubStandIn() as github:
        github.fail("GET", fault=fault)
        connection = raw_request(github)
        while not github.count():
            time.sleep(0.01)
    assert github.answered == 0
    with connection:
        assert len(connection.recv(100)) <= 1


def test_end__hangs_up_on_idle_clients() -> None:
    with GitHubStandIn() as github, requests.Session() as session:
        url = f"{github.url}/repos/acme/shop"
        assert session.get(url, timeout=5).status_code == 200
        assert session.get(url, timeout=5).status_code == 200
        github.close()
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=5)
