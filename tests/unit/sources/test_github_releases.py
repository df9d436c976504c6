"""GitHub's releases, read by the real PyGithub over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flowjoy.domain import CodeRecord, Outcome
from flowjoy.errors import HarvestError
from flowjoy.sources.base import SourceResult
from flowjoy.sources.github_releases import GitHubReleases
from tests.builders import at
from tests.fakes.aimed import Aimed, query_of, said
from tests.fakes.faults import Edited, Meanwhile
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, B, C, a_question, api_of, ask

INPUTS = {"code_source": "releases"}


def published(github: GitHubStandIn, prefix: str = "") -> tuple[CodeRecord, ...]:
    return ask(GitHubReleases(), api_of(github, prefix=prefix), a_question(INPUTS)).records


def add_many(github: GitHubStandIn, count: int) -> set[str]:
    for n in range(count):
        github.repository.add_release(tag=f"v{n}", sha=f"{n:040x}", published_at=at() + n * timedelta(minutes=1))
    return {f"{n:040x}" for n in range(count)}


def test_time__is_published_at_and_the_commit_that_of_the_tag(github: GitHubStandIn) -> None:
    number = github.repository.add_release(tag="v1", sha=A, published_at=at(5), created_at=at(-900))
    (record,) = published(github)
    assert (record.id, record.sha, record.shipped_at, record.outcome) == (
        f"release:{number}",
        A,
        at(5),
        Outcome.SUCCESS,
    )
    assert record.url == "https://github.com/acme/shop/releases/tag/v1"


@pytest.mark.parametrize(
    ("made", "signed_by", "bound"),
    [(40, "GitHub", 40), (40, "its author", 5), (40, None, 5), (5, "GitHub", None), (-900, None, None)],
)
def test_moved__a_tag_of_a_younger_commit_is_bounded_by_its_date_only_where_github_signed_it(
    github: GitHubStandIn, made: float, signed_by: str | None, bound: float | None
) -> None:
    """An author may choose any date: a later one must not start the clock later."""
    shop = github.repository
    number = shop.add_release(tag="latest", sha=A, published_at=at(5), created_at=at(made))
    shop.commits[A].signed_by = signed_by
    result = ask(GitHubReleases(), api_of(github), a_question({"code_source": "releases"}))
    assert result.not_yet == ({} if bound is None else {f"release:{number}@{A[:12]}": at(bound)})
    assert [record.shipped_at for record in result.records] == [at(5)]


def test_moved__a_commit_that_github_made_in_the_future_is_refused(github: GitHubStandIn) -> None:
    github.repository.add_release(tag="latest", sha=A, published_at=at(5), created_at=at(9000))
    with pytest.raises(HarvestError, match=f"commit {A[:12]} carries a wrong time"):
        ask(GitHubReleases(), api_of(github), a_question({"code_source": "releases"}))
    github.repository.commits[A].signed_by = None
    assert ask(GitHubReleases(), api_of(github), a_question({"code_source": "releases"})).not_yet


def test_event__drafts_and_pre_releases_are_none(github: GitHubStandIn) -> None:
    shop = github.repository
    shop.add_release(tag="v1", sha=A, published_at=at())
    shop.add_release(tag="v2", sha=B, published_at=None, created_at=at(1), draft=True)
    shop.add_release(tag="v3-rc1", sha=C, published_at=at(2), prerelease=True)
    assert [record.sha for record in published(github)] == [A]


def test_event__a_release_whose_tag_is_gone_is_a_commit_that_nobody_can_read(github: GitHubStandIn) -> None:
    github.repository.add_release(tag="v1", sha=A, published_at=at())
    del github.repository.commits[A]
    assert [record.sha for record in published(github)] == ["tag v1"]


@pytest.mark.parametrize(
    ("tag", "rolls_back"),
    [
        *(("v1-lts", False), ("v1.9.1", False), ("v0", False), ("v2.0", True), ("v2-rollback", True), ("v3", True)),
        *(("v10", True), ("w1", True), ("latest", True), ("1", True)),
    ],
)
def test_older_commit__under_a_lower_version_is_maintained_and_does_not_roll_back(
    github: GitHubStandIn, tag: str, *, rolls_back: bool
) -> None:
    for name, sha, hours in (("v1", A, 0), ("v2", B, 1), (tag, A, 2)):
        number = github.repository.add_release(tag=name, sha=sha, published_at=at(hours))
    result = ask(GitHubReleases(), api_of(github), a_question(INPUTS))
    assert [record.sha for record in sorted(result.records, key=lambda item: item.shipped_at)] == [
        *(A, B),
        *([A] if rolls_back else []),
    ]
    assert result.left_out == (frozenset() if rolls_back else {f"release:{number}"})
    assert any(f"left out ({tag}). If one rolled back production" in note for note in result.notes) is not rolls_back


def test_newer_commit__that_returns_after_a_rollback_counts_whatever_its_tag(github: GitHubStandIn) -> None:
    for name, sha, hours in (("v1", A, 0), ("v2", B, 1), ("v3", A, 2), ("v2-again", B, 3), ("v2.0.1", C, 4)):
        github.repository.add_release(tag=name, sha=sha, published_at=at(hours))
    assert len(published(github)) == 5


def asked(github: GitHubStandIn, tags: str) -> SourceResult[CodeRecord]:
    return ask(GitHubReleases(), api_of(github), a_question({"code_source": "releases", "release_tags": tags}))


def add_tags(github: GitHubStandIn, *tags: str) -> None:
    for number, tag in enumerate(tags):
        github.repository.add_release(tag=tag, sha=f"{number:040x}", published_at=at(number))


@pytest.mark.parametrize(
    ("tags", "counted"),
    [("shop-v*", ["0"]), ("shop@*", ["1"]), ("shop-v*,shop@*", ["0", "1"]), ("shop/v3.*", ["3"]), ("v[0-9]*", ["4"])],
)
def test_tags__of_another_package_of_the_repository_are_left_out_and_counted(
    github: GitHubStandIn, tags: str, counted: list[str]
) -> None:
    # dart-lang/source_gen#664, Songmu/tagpr#268: a monorepo tags `my_name-v1.2.3` or `modules/vpc/v1.2.3`.
    add_tags(github, "shop-v1.2.3", "shop@1.2.3", "billing-v9.0.0", "shop/v3.0.0", "v1")
    result = asked(github, tags)
    assert [f"{int(record.sha or '', 16)}" for record in result.records] == counted
    assert result.notes == (f"{5 - len(counted)} releases without a matching tag: left out",)


def test_tags__that_match_no_release_are_refused_with_those_that_there_are(github: GitHubStandIn) -> None:
    add_tags(github, "billing-v1", "shop-v1")
    with pytest.raises(HarvestError, match=r"none whose tag matches release-tags 'store-v\*'") as problem:
        asked(github, "store-v*")
    assert "billing-v1" in problem.value.hint
    assert "shop-v1" in problem.value.hint


def test_tags__of_a_line_that_matches_nothing_are_not_offered_where_other_lines_match_all(
    github: GitHubStandIn,
) -> None:
    github.repository.add_release(tag="shop-v1", sha=A, published_at=at())
    with pytest.raises(HarvestError, match="none whose tag matches release-tags 'cart-v\\*'") as problem:
        ask(
            GitHubReleases(),
            api_of(github),
            a_question({"code_source": "releases", "release_tags": "shop-v*\ncart-v*"}),
        )
    assert problem.value.hint == "correct it, or leave it out until its first release"


def test_tags__one_of_several_globs_that_matches_nothing_is_refused(github: GitHubStandIn) -> None:
    add_tags(github, "shop-v1", "web-v1")
    with pytest.raises(HarvestError, match=r"none whose tag matches release-tags 'wep-v\*'") as problem:
        asked(github, "shop-v*,wep-v*")
    assert problem.value.hint.startswith("set release-tags to globs of: web-v1")
    github.repository.add_release(tag="wep-v1", sha=B, published_at=None, created_at=at(9), draft=True)
    assert len(asked(github, "shop-v*,wep-v*").records) == 1


@pytest.mark.parametrize("change", [{"tagName": None}, {"tagCommit": {"oid": ""}}, {"tagCommit": {}}])
def test_malformed__a_release_without_tag_or_sha_is_refused(github: GitHubStandIn, change: dict[str, Any]) -> None:
    add_tags(github, "v1")

    def spoil(body: Any) -> Any:
        body["data"]["repository"]["releases"]["nodes"][0].update(change)
        return body

    github.fail("/graphql", times=None, fault=Edited(spoil))
    with pytest.raises(HarvestError, match=r"the answer.*`(tagName|oid)`.* \(releases\.nodes\.0.*, id 1001\)"):
        published(github)


def test_empty__no_release_at_all_is_believed_when_a_second_door_says_so_too(github: GitHubStandIn) -> None:
    assert published(github) == ()
    assert [request.path for request in github.requests] == ["/graphql", "/repos/acme/shop/releases"]
    add_many(github, 1)
    nothing = said("releases", nodes=[], totalCount=0, pageInfo={"hasNextPage": False, "endCursor": None})
    github.fail("/graphql", times=None, fault=nothing)
    with pytest.raises(HarvestError, match="one list of the releases is empty, the other is not"):
        published(github)


def test_pages__are_all_read_for_a_draft_may_be_published_long_after_it_was_made(github: GitHubStandIn) -> None:
    shas = add_many(github, 150)
    github.repository.add_release(tag="late", sha=A, published_at=at(400), created_at=at(-24 * 900))
    assert {record.sha for record in published(github)} == shas | {A}
    assert len(github.requests) == 2


def test_paging__a_release_that_appears_meanwhile_doubles_and_loses_none(github: GitHubStandIn) -> None:
    shas = add_many(github, 150)
    new = Meanwhile(lambda: github.repository.add_release(tag="new", sha=B, published_at=at(99)))
    github.fail("/graphql", fault=new)
    assert {record.sha for record in published(github)} == shas


def test_paging__a_count_that_is_too_high_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 3)
    github.fail("/graphql", times=None, fault=said("releases", totalCount=4))
    with pytest.raises(HarvestError, match="GitHub releases: the list ends after 3 of 4"):
        published(github)


def test_paging__a_second_page_that_is_the_first_again_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 150)
    pages: list[Any] = []

    def again(body: Any) -> Any:
        pages.append(body)
        return pages[0]

    github.fail("/graphql", times=None, fault=Edited(again))
    with pytest.raises(HarvestError, match="repeats itself without an end"):
        published(github)


def test_paging__a_second_page_that_is_refused_leaves_no_part(github: GitHubStandIn) -> None:
    add_many(github, 150)
    errors = Edited(lambda _: {"errors": [{"type": "FORBIDDEN", "message": "no"}]})
    github.fail("/graphql", times=None, fault=Aimed(query_of("FlowJoyReleases", first_page=False), errors))
    with pytest.raises(HarvestError, match="denied access"):
        published(github)


@pytest.mark.parametrize(
    "edit",
    [{"isDraft": None}, {"isPrerelease": "false"}, {"databaseId": None}, {"createdAt": None}],
    ids=["no draft flag", "flag as text", "no id", "no time"],
)
def test_shape__a_release_of_another_shape_is_refused(github: GitHubStandIn, edit: dict[str, Any]) -> None:
    add_many(github, 2)

    def bend(body: Any) -> Any:
        body["data"]["repository"]["releases"]["nodes"][0].update(edit)
        return body

    github.fail("/graphql", times=None, fault=Edited(bend))
    with pytest.raises(HarvestError, match="GitHub releases: "):
        published(github)


@pytest.mark.parametrize("wrong", ["2024-06-03T09:00:00", "1970-01-20T21:00:00Z", "9999-12-31T23:59:59Z", "x", None])
def test_stamp__a_wrong_one_stops_the_source_and_names_the_release(github: GitHubStandIn, wrong: str | None) -> None:
    number = github.repository.add_release(tag="v1", sha=A, published_at=wrong, created_at=at())
    with pytest.raises(
        HarvestError, match=f"release {number} carries a wrong time|(timestamp|not say when) .*id {number}"
    ):
        published(github)


def test_enterprise_server__is_asked_at_its_own_graphql_address(github: GitHubStandIn) -> None:
    add_many(github, 2)
    assert len(published(github, prefix="/api/v3")) == 2
    assert {request.path for request in github.requests} == {"/api/graphql"}
