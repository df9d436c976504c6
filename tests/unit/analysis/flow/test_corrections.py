"""What commits say about each other: git's sentence, GitHub's reference, and who may say it."""

from __future__ import annotations

import pytest

from flowjoy.analysis.flow.corrections import Reverts, corrections
from flowjoy.domain.corrections import Correction, CorrectionKind

CHANGE, REVERT, AGAIN, OTHER = "a" * 40, "b" * 40, "c" * 40, "d" * 40
BY_PULL = "Rank by clicks (#12)\n\nMore words"


def reverts(messages: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return Reverts(messages, "acme/shop").of(messages)


@pytest.mark.parametrize(
    "message",
    [
        f'Revert "Rank by clicks"\n\nThis reverts commit {CHANGE}.',
        f'Revert "Rank by clicks"\r\n\r\nThis reverts commit {CHANGE[:7]}.\r\n',
        f"Revert\n\nThis reverts commit {CHANGE}, reversing\nchanges made to {OTHER}.",
        'Revert "Rank by clicks" (#13)\n\nReverts acme/shop#12',
        'Revert "Rank by clicks" (#13)\n\nReverts Acme/Shop#12\r\n',
        'Revert "Rank by clicks" (#13)\n\nReverts #12',
    ],
)
def test_revert__names_the_change_by_its_commit_or_its_pull_request(message: str) -> None:
    assert reverts({CHANGE: BY_PULL, REVERT: message}) == {REVERT: (CHANGE,)}


def test_pull_request__is_found_by_its_merge_commit() -> None:
    merge = "Merge pull request #12 from acme/clicks\n\nRank by clicks"
    assert reverts({CHANGE: merge, REVERT: "Revert\n\nReverts acme/shop#12"}) == {REVERT: (CHANGE,)}


@pytest.mark.parametrize(
    "message",
    [
        "Ship it",
        "",
        "Reverts acme/other#12",
        "Reverts acme/shop#99",
        "Reverts acme/shop#12 and more",
        "We talked about it: This reverts commit aaaaaaa, or does it?",
        f"This reverts commit {CHANGE[:6]}.",
        f"This reverts commit {REVERT}.",
        f"This reverts commit {'f' * 40}.",
        "x" * 20_000 + f"\nThis reverts commit {CHANGE}.",
    ],
)
def test_message__that_names_no_known_commit_reverts_none(message: str) -> None:
    assert reverts({CHANGE: BY_PULL, REVERT: message}) == {}


def test_abbreviation__of_two_commits_names_neither() -> None:
    twin = CHANGE[:-1] + "b"
    assert reverts({CHANGE: "", twin: "", REVERT: f"This reverts commit {CHANGE[:10]}."}) == {}


def test_revert__of_a_revert_applies_the_change_again() -> None:
    messages = {CHANGE: "", REVERT: f"This reverts commit {CHANGE}.", AGAIN: f"This reverts commit {REVERT}."}
    assert reverts(messages) == {REVERT: (CHANGE,)}
    assert reverts({**messages, OTHER: f"This reverts commit {AGAIN}."}) == {REVERT: (CHANGE,), OTHER: (AGAIN,)}


def test_messages__that_name_each_other_end() -> None:
    messages = {CHANGE: f"This reverts commit {REVERT}.", REVERT: f"This reverts commit {CHANGE}."}
    assert reverts(messages) == {}


def test_correction__is_of_the_deploy_that_shipped_the_change_first() -> None:
    known = Reverts({CHANGE: "", REVERT: f"This reverts commit {CHANGE}.", OTHER: ""}, "acme/shop")
    shipped = {"deploy-1": (CHANGE,), "deploy-2": (REVERT, OTHER)}
    revert = Correction(kind=CorrectionKind.REVERT, deployed="deploy-2", commit=REVERT, failed="deploy-1")
    hotfix = Correction(kind=CorrectionKind.HOTFIX, deployed="deploy-2", commit=OTHER, pull_request=7)
    found, unplaced = corrections(known, {OTHER: 7, AGAIN: 8}, shipped, {"deploy-2"})
    assert (set(found), unplaced) == ({revert, hotfix}, 0)
    assert corrections(known, {}, shipped, {"deploy-1"}) == ((), 0)


def test_revert__in_the_deploy_of_its_change_corrects_none_and_one_of_an_unknown_deploy_is_counted() -> None:
    known = Reverts({CHANGE: "", REVERT: f"This reverts commit {CHANGE}."}, "acme/shop")
    assert corrections(known, {}, {"deploy-1": (CHANGE, REVERT)}, {"deploy-1"}) == ((), 0)
    assert corrections(known, {}, {"deploy-2": (REVERT,)}, {"deploy-2"}) == ((), 1)
