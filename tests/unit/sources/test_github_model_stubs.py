"""The stub at many commits: each file is read once, and a remembered one only where GitHub gives it the same id."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.promise import model_stub
from flowjoy.domain import FileAtCommit
from flowjoy.sources import github_model_stubs
from flowjoy.sources.github_model_stubs import BATCH
from tests.fakes.github import GitHubStandIn
from tests.fakes.github_state import blob_oid
from tests.unit.sources.asking import api_of

PATH = "flowjoy.json"
OLD, NEW = (f'{{"models": {{"recommender": "{rule}"}}}}' for rule in (">=1", "any"))


def commits(github: GitHubStandIn, text: str | None, first: int, count: int) -> list[str]:
    """Commits with this stub, or without one."""
    shas = [f"{first + n:040x}" for n in range(count)]
    for sha in shas:
        github.repository.add_commit(sha)
        github.repository.add_file(sha, PATH, text)
    return shas


def read(github: GitHubStandIn, shas: list[str], **known: Any) -> dict[str, str | None]:
    stubs = github_model_stubs.read(api_of(github), PATH, shas, **known)
    return {sha: stub.file.problem or stub.file.text for sha, stub in stubs.items()}


def test_stubs__that_many_commits_share_are_read_once(github: GitHubStandIn) -> None:
    old, new, without = (commits(github, text, n * 1000, 60) for n, text in enumerate((OLD, NEW, None)))
    expected = dict.fromkeys(old, OLD) | dict.fromkeys(new, NEW) | dict.fromkeys(without)
    assert read(github, [*old, *new, *without]) == expected
    assert len(github.requests) == 2
    assert github.requests[1].json()["query"].count("byteSize") == 2


def test_stubs__of_a_few_commits_take_one_request(github: GitHubStandIn) -> None:
    old = commits(github, OLD, 0, BATCH - 1)
    assert set(read(github, ["HEAD", *old]).values()) == {OLD}
    assert len(github.requests) == 1


def test_ids__that_github_has_given_already_are_not_asked_for(github: GitHubStandIn) -> None:
    shas = commits(github, OLD, 0, 200)
    ids: dict[str, str | None] = dict.fromkeys(shas, blob_oid(OLD.encode()))
    assert set(read(github, shas, ids=ids).values()) == {OLD}
    assert len(github.requests) == 1


def test_remembered_text__serves_wherever_github_gives_its_id(github: GitHubStandIn) -> None:
    first, *others = commits(github, OLD, 0, 60)
    remembered = {first: model_stub.read(FileAtCommit(text=OLD))}
    assert set(read(github, [first, *others], remembered=remembered).values()) == {OLD}
    assert [request.json()["query"].count("byteSize") for request in github.requests] == [0]


@pytest.mark.parametrize("text", [NEW, None], ids=["another file", "no file"])
def test_remembered_text__that_github_refutes_is_read_again(github: GitHubStandIn, text: str | None) -> None:
    (sha,) = commits(github, text, 0, 1)
    assert read(github, [sha], remembered={sha: model_stub.read(FileAtCommit(text=OLD))}) == {sha: text}


def test_file__that_cannot_be_read_is_said_of_each_commit(github: GitHubStandIn) -> None:
    shas = commits(github, "\0", 1, 60)
    assert read(github, shas) == {sha: f"{PATH} at {sha[:12]} is not text" for sha in shas}


def test_commit__that_is_gone_is_said_among_many(github: GitHubStandIn) -> None:
    shas, gone = commits(github, OLD, 0, 60), "f" * 40
    assert read(github, [*shas, gone])[gone] == f"the commit {gone[:12]} is gone from the repository"
