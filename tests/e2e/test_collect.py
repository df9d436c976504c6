"""`python -m flowjoy collect`: the newest trusted report of each service, from GitHub into the folder of a roll-up."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowjoy.cli.collect import collect
from flowjoy.cli.rollup import rollup
from flowjoy.domain.bundle import Bundle
from flowjoy.ledger.bundle_format import to_json
from tests.builders import a_deploy, a_ship, at
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn, Repository
from tests.fakes.github_rest import message
from tests.fakes.http_base import Answer
from tests.organisation import a_report

TOKEN = "ghs_canary_of_the_app"
A, B = "a" * 40, "b" * 40


def shop_bundle(hours: float = 100, **changes: object) -> Bundle:
    return a_report([a_deploy(0)], [a_ship(5)], until=at(hours), **changes)


def zipped(bundle: Bundle, name: str = "flowjoy-bundle.json") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, to_json(bundle))
    return buffer.getvalue()


class Organisation:
    """Two repositories at GitHub, and a folder that reports are collected into."""

    def __init__(self, github: GitHubStandIn, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.shop, self.search = github.repositories
        for repository in github.repositories:
            repository.add_commit(A, at(0))

    def upload(
        self, repository: Repository, content: bytes, *, name: str, event: str = "schedule", **more: object
    ) -> int:
        run = repository.add_run(sha=A, created_at=at(1), event=event, workflow="flowjoy.yml", **more)  # type: ignore[arg-type]
        return repository.add_artifact(run_id=run, name=name, content=content, created_at=at(1))

    def collect(self, *arguments: str, token: str = TOKEN) -> tuple[int, str]:
        environ = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": self.github.graphql_url,
            "GITHUB_TOKEN": token,
        }
        stream = io.StringIO()
        given = ["--org", "acme", "--into", str(self.folder), *arguments]
        return collect(environ, given, stream), stream.getvalue()

    def stored(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.json"))

    def paths(self) -> list[str]:
        return [request.path for request in self.github.requests]


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Organisation]:
    with GitHubStandIn(Repository(), Repository(full_name="acme/search"), token=TOKEN) as github:
        yield Organisation(github, tmp_path / "lake")


def test_collect__stores_the_newest_trusted_report_of_each_service_for_the_roll_up(acme: Organisation) -> None:
    acme.upload(acme.shop, zipped(shop_bundle(90)), name="flowjoy-shop")
    acme.upload(acme.shop, zipped(shop_bundle(100)), name="flowjoy-shop")
    acme.upload(acme.shop, zipped(shop_bundle(95, service="cart")), name="flowjoy-cart")
    acme.upload(acme.search, zipped(shop_bundle(80, repository="acme/search", service="search")), name="flowjoy-search")
    acme.upload(acme.search, b"something else", name="coverage")
    code, log = acme.collect()
    assert (code, "2 repositories read, 3 new reports" in log) == (0, True), log
    assert acme.stored() == [
        "repository=acme%2Fsearch/service=search/20240606T170000Z.json",
        "repository=acme%2Fshop/service=cart/20240607T080000Z.json",
        "repository=acme%2Fshop/service=shop/20240607T130000Z.json",
    ]
    assert TOKEN not in log
    out = acme.folder.parent / "out"
    assert rollup([str(acme.folder), "--output-dir", str(out), "--strict", "--jobs", "1"], io.StringIO()) == 0


def test_collect__asks_about_four_requests_a_service_and_one_a_repository_again(acme: Organisation) -> None:
    acme.upload(acme.shop, zipped(shop_bundle()), name="flowjoy-shop")
    acme.collect()
    first = [path for path in acme.paths() if not path.startswith("/blob/") and "search" not in path]
    assert len(first) == 1 + 4  # the repositories once; then artifacts, run, commit, and where the zip is
    before = len(acme.paths())
    assert acme.collect()[0] == 0
    assert len(acme.paths()[before:]) == 1 + 2


def test_untrusted_reports__are_passed_over_for_an_older_trusted_one_and_not_asked_for_again(
    acme: Organisation,
) -> None:
    acme.upload(acme.shop, zipped(shop_bundle(90)), name="flowjoy-shop")
    acme.shop.add_commit(B, at(2), parent=A, branch="feature")
    acme.upload(acme.shop, zipped(shop_bundle(100)), name="flowjoy-shop", event="pull_request", branch="feature")
    acme.upload(acme.shop, zipped(shop_bundle(100)), name="flowjoy-shop", head_repository="mallory/shop")
    acme.upload(acme.shop, zipped(shop_bundle(100, repository="acme/other")), name="flowjoy-shop")
    acme.upload(acme.shop, zipped(shop_bundle(100), "other.json"), name="flowjoy-shop")
    assert acme.collect()[0] == 0
    assert acme.stored() == ["repository=acme%2Fshop/service=shop/20240607T030000Z.json"]
    before = len(acme.paths())
    acme.collect()
    assert not any("/zip" in path or "/actions/runs/" in path for path in acme.paths()[before:])


def test_interrupted_collection__goes_on_where_it_ended(acme: Organisation) -> None:
    acme.upload(acme.shop, zipped(shop_bundle(90)), name="flowjoy-shop")
    acme.upload(acme.shop, zipped(shop_bundle(100, repository="acme/other")), name="flowjoy-shop")
    acme.upload(acme.shop, zipped(shop_bundle(95, service="cart")), name="flowjoy-cart")
    # The newest artifact of the shop is refused and remembered; then GitHub fails.
    acme.github.fail("/actions/runs/", None, skip=2, fault=NOT_ACCESSIBLE)
    code, log = acme.collect()
    assert (code, "acme/shop: GitHub /actions/runs/" in log) == (1, True), log
    acme.github.heal()
    assert acme.collect()[0] == 0
    assert len(acme.stored()) == 2


def test_rate_limit__is_waited_for(acme: Organisation) -> None:
    acme.upload(acme.shop, zipped(shop_bundle()), name="flowjoy-shop")
    limit = message(403, "You have exceeded a secondary rate limit")
    acme.github.fail("/actions/artifacts", fault=Answer(403, limit.body, {"Retry-After": "1"}))
    assert acme.collect()[0] == 0
    assert len(acme.stored()) == 1


def test_hostile_names__stay_below_the_folder(acme: Organisation) -> None:
    for number, service in enumerate(("../../x", "..", "a/b", "x" * 300, "\u202e=1+1\n")):
        acme.upload(acme.shop, zipped(shop_bundle(90 + number, service=service)), name=f"flowjoy-{number}")
    assert acme.collect()[0] == 0
    assert len(acme.stored()) == 4
    assert all(len(Path(path).parts) == 3 for path in acme.stored())
    assert [path.name for path in acme.folder.parent.iterdir()] == ["lake"]


def test_mistakes__end_with_2(acme: Organisation) -> None:
    assert "GITHUB_TOKEN: expected the token of a GitHub App's installation" in acme.collect(token="")[1]
    code, log = acme.collect("--org", "nobody")
    assert (code, "--org 'nobody': the App's installation has no repository of it" in log) == (2, True)
    code, log = acme.collect(token="wrong")
    assert (code, "GitHub" in log) == (2, True)
    code, log = acme.collect("--hours", "0")
    assert (code, "--hours 0: expected more than 0" in log) == (2, True)
    code, log = acme.collect("--hours", "1e-9")
    assert (code, "the time for the whole run was used up (raise --hours)" in log) == (2, True), log


def test_archived_repository__is_left_out(acme: Organisation) -> None:
    acme.search.archived = True
    acme.upload(acme.search, zipped(shop_bundle(repository="acme/search", service="search")), name="flowjoy-search")
    code, log = acme.collect()
    assert (code, "1 repository read" in log, acme.stored()) == (0, True, [])
