"""Which commits lie on the default branch, and which names are tags: many at once, by one GraphQL query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import GitHubApi
from flowjoy.transport import MalformedAnswerError

BATCH = 25
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def query(commits: int, names: int) -> str:
    """Return the query for so many commits and names of refs."""
    given = "".join(f", $commit{n}: String!" for n in range(commits))
    given += "".join(f", $branch{n}: String!, $tag{n}: String!" for n in range(names))
    compared = "".join(f"\n      commit{n}: compare(headRef: $commit{n}) {{ aheadBy }}" for n in range(commits))
    named = "".join(
        f"\n    {kind}{n}: ref(qualifiedName: ${kind}{n}) {{ name }}"
        for n in range(names)
        for kind in ("branch", "tag")
    )
    return (
        f"query FlowJoyDefaultBranch($owner: String!, $name: String!, $base: String!{given}) {{\n"
        f"  repository(owner: $owner, name: $name) {{\n"
        f"    base: ref(qualifiedName: $base) {{\n      name{compared}\n    }}{named}\n  }}\n}}\n"
    )


@dataclass(frozen=True, kw_only=True)
class DefaultBranch:
    """The default branch `name` of a repository, asked about commits and refs; each is asked for once.

    `commit`: one that the run's own ref proves to lie on it, so that GitHub need not be asked.
    """

    github: GitHubApi
    name: str
    commit: str | None = None
    _holds: dict[str, bool] = field(default_factory=dict)
    _tags: dict[str, bool] = field(default_factory=dict)

    def holds(self, commit: str, *others: str) -> bool:
        """Return whether a full sha lies on the branch; `others` are asked for with it. Raises HarvestError."""
        if commit == self.commit:
            return True
        if _FULL_SHA.fullmatch(commit) and commit not in self._holds:
            self._learn([commit, *others], ())
        return self._holds.get(commit, False)

    def is_tag(self, name: str) -> bool:
        """Return whether a short name is a tag, and no branch. Raises HarvestError."""
        if name not in self._tags:
            self._learn((), [name])
        return self._tags[name]

    def _learn(self, commits: Iterable[str], names: Iterable[str]) -> None:
        unknown = (sha for sha in commits if _FULL_SHA.fullmatch(sha) and sha not in self._holds)
        wanted, refs = list(dict.fromkeys(unknown))[:BATCH], list(names)
        try:
            self._ask(wanted, refs)
        except HarvestError as problem:
            # One commit that is gone must not hide what is true of the others.
            if len(wanted) < 2 or problem.passing:
                raise
            self._ask(wanted[:1], refs)

    def _ask(self, commits: list[str], names: list[str]) -> None:
        variables = {"base": f"refs/heads/{self.name}"}
        variables |= {f"commit{n}": sha for n, sha in enumerate(commits)}
        variables |= {f"branch{n}": f"refs/heads/{name}" for n, name in enumerate(names)}
        variables |= {f"tag{n}": f"refs/tags/{name}" for n, name in enumerate(names)}
        self.github.graphql(
            "default branch",
            query(len(commits), len(names)),
            lambda answer: self._keep(answer, commits, names),
            **variables,
        )

    def _keep(self, answer: Mapping[str, Any], commits: list[str], names: list[str]) -> None:
        base = answer.get("base")
        refs = [f"{kind}{n}" for n in range(len(names)) for kind in ("branch", "tag")]
        if not isinstance(base, dict) or not all(name in answer for name in refs):
            raise MalformedAnswerError("the answer does not hold the default branch and every ref that was asked for")
        self._holds.update({sha: _is_behind(base, f"commit{n}") for n, sha in enumerate(commits)})
        self._tags.update(
            {name: answer[f"tag{n}"] is not None and answer[f"branch{n}"] is None for n, name in enumerate(names)}
        )


def _is_behind(base: Mapping[str, Any], key: str) -> bool:
    """Whether a commit has nothing that the branch lacks; null says that GitHub does not know the commit."""
    if key not in base:
        raise MalformedAnswerError("the answer does not compare every commit that was asked for")
    compared = base[key]
    if compared is None:
        return False
    ahead = compared.get("aheadBy") if isinstance(compared, dict) else None
    if type(ahead) is not int:
        raise MalformedAnswerError("the answer does not say how far a commit is ahead")
    return ahead == 0
