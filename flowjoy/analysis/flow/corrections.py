"""The deploys that correct an earlier one: by git's own sentence, GitHub's reference to a pull request, or a label."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from flowjoy.domain import commit_sha
from flowjoy.domain.corrections import Correction, CorrectionKind
from flowjoy.domain.deduplication import distinct

_SEARCHED = 16_384
"""The characters of a message that are searched. Any author can write a longer one."""

_LONGEST_CHAIN = 20
_GIT = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE | re.ASCII)
_GITHUB = re.compile(r"^Reverts (?:([\w.-]{1,100}/[\w.-]{1,100}))?#([1-9]\d{0,9})[ \t\r]*$", re.MULTILINE | re.ASCII)
_MERGED = re.compile(r"Merge pull request #([1-9]\d{0,9}) from ", re.ASCII)
_SQUASHED = re.compile(r"\(#([1-9]\d{0,9})\)$", re.ASCII)


def corrections(
    reverts: Reverts, hotfixes: Mapping[str, int], shipped: Mapping[str, Collection[str]], wanted: Collection[str]
) -> tuple[tuple[Correction, ...], int]:
    """Return the corrections by the wanted deploys, and how many reverts are of a commit that no deploy shipped.

    `hotfixes`: pull requests with the hotfix label, by the commit that merged them. `shipped`: the commits that each
    deploy, by its sha, was the first to ship.
    """
    deploy_of = {commit: sha for sha, commits in shipped.items() for commit in commits}
    ours = [commit for commit, sha in deploy_of.items() if sha in wanted]
    unplaced = 0
    proved: set[Correction] = set()
    for commit, changes in reverts.of(ours).items():
        unplaced += sum(change not in deploy_of for change in changes)
        failed = {deploy_of[change] for change in changes if change in deploy_of} - {deploy_of[commit]}
        kind, deployed = CorrectionKind.REVERT, deploy_of[commit]
        proved |= {Correction(kind=kind, deployed=deployed, commit=commit, failed=sha) for sha in failed}
    for commit in hotfixes.keys() & set(ours):
        kind, deployed = CorrectionKind.HOTFIX, deploy_of[commit]
        proved.add(Correction(kind=kind, deployed=deployed, commit=commit, pull_request=hotfixes[commit]))
    return distinct(proved), unplaced


class Reverts:
    """The reverts that commit messages name. `messages`: by the full sha of every known commit."""

    def __init__(self, messages: Mapping[str, str], repository: str) -> None:
        self._messages, self._home = messages, repository.lower()
        self._full = commit_sha.full_names({*messages, *self._abbreviated()})
        self._merged = {number: sha for sha in sorted(messages) if (number := _merged(messages[sha]))}

    def of(self, commits: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the changes that each of these commits reverts, by its sha; without commits that revert none.

        Only known commits are returned. A commit that reverts a revert applies the change again: it reverts none.
        """
        every = {sha: tuple(item for item in self._targets(sha) if self._is_change(item)) for sha in commits}
        return {sha: changes for sha, changes in every.items() if changes}

    def _is_change(self, sha: str) -> bool:
        """Return whether a commit is a change: one that reverts none, or reverts a revert."""
        for length in range(_LONGEST_CHAIN):
            targets = self._targets(sha)
            if not targets:
                return length % 2 == 0
            sha = targets[0]
        return False

    def _targets(self, sha: str) -> tuple[str, ...]:
        """Return the known commits that a message says it reverts, sorted."""
        text = self._messages[sha][:_SEARCHED]
        named = {self._full[short] for short in _GIT.findall(text)}
        pulls = (number for home, number in _GITHUB.findall(text) if home.lower() in ("", self._home))
        named |= {self._merged[number] for number in pulls if number in self._merged}
        return tuple(sorted(item for item in named if item in self._messages and item != sha))

    def _abbreviated(self) -> set[str]:
        return {short for text in self._messages.values() for short in _GIT.findall(text[:_SEARCHED])}


def _merged(message: str) -> str | None:
    """Return the number of the pull request that a commit merged, from the first line that GitHub writes."""
    first = message[:_SEARCHED].partition("\n")[0].strip()
    match = _MERGED.match(first) or _SQUASHED.search(first)
    return None if match is None else match[1]
