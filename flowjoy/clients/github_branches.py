"""Commits on the default branch, and names of tags: many at once, with one GraphQL query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, GraphQL, Many, Response, Sha, Text, read_named, reader
from flowjoy.domain import commit_sha
from flowjoy.errors import HarvestError


class _Ref(GraphQL):
    name: Text


class _Tagged(GraphQL):
    ref: _Ref | None


class _Compared(GraphQL):
    ahead_by: Count


class _Repository(Response):
    full_name: Text


class _Run(Response):
    event: Text
    head_branch: str | None  # the fork is gone
    head_sha: Sha
    head_repository: _Repository | None  # the fork is gone


class _Runs(Response):
    workflow_runs: Many[_Run]


class _Activity(Response):
    ref: Text
    after: Sha


class _Target(GraphQL):
    oid: Sha


class _Head(GraphQL):
    target: _Target


class _Repo(GraphQL):
    ref: _Head | None


HEAD_QUERY = """
query FlowJoyBranchHead($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $branch) { target { oid } }
  }
}
"""

TAG_QUERY = """
query FlowJoyTag($owner: String!, $name: String!, $tag: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $tag) { name }
  }
}
"""

BATCH = 25


def query(commits: int, names: int) -> str:
    """Return the query for this many commits and names of refs."""
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


def head_of(github: GitHubApi, branch: str) -> str:
    """Return the commit at the head of a branch. Raise HarvestError if it does not exist."""
    answer = github.graphql("branch", HEAD_QUERY, reader(_Repo), branch=f"refs/heads/{branch}")
    if answer.ref is None:
        raise HarvestError(f"the branch {branch!r} does not exist", hint="set another base branch, and run again")
    return answer.ref.target.oid


def has_tag(github: GitHubApi, name: str) -> bool:
    """Return whether a tag has this short name. Raise HarvestError."""
    return github.graphql("tag", TAG_QUERY, reader(_Tagged), tag=f"refs/tags/{name}").ref is not None


@dataclass(frozen=True, kw_only=True)
class DefaultBranch:
    """The default branch `name` of a repository. GitHub is asked about each commit and ref once.

    `commit`: a commit that the run's own ref proves to be on the branch, so that GitHub need not be asked.
    """

    github: GitHubApi
    name: str
    commit: str | None = None
    _holds: dict[str, bool] = field(default_factory=dict)
    _tags: dict[str, bool] = field(default_factory=dict)
    _heads: dict[str, frozenset[str]] = field(default_factory=dict)
    _shared: list[bool] = field(default_factory=list)
    _pushed: list[frozenset[str] | None] = field(default_factory=list)

    def holds(self, commit: str, *others: str) -> bool:
        """Return whether a full sha is on the branch; `others` are asked for with it. Raise HarvestError."""
        if commit == self.commit:
            return True
        if commit_sha.is_full(commit) and commit not in self._holds:
            self._look_up([commit, *others], ())
        return self._holds.get(commit, False)

    def is_tag(self, name: str) -> bool:
        """Return whether a short name is a tag and not a branch. Raise HarvestError."""
        if name not in self._tags:
            self._look_up((), [name])
        return self._tags[name]

    def look_up_names(self, names: Sequence[str]) -> None:
        """Ask about these names before `is_tag` does, many at once. Raise HarvestError."""
        unknown = [name for name in names if name not in self._tags]
        for start in range(0, len(unknown), BATCH):
            self._look_up((), unknown[start : start + BATCH])

    def was_head(self, commit: str) -> bool:
        """Return whether a push made a commit the head of the branch, whatever the name of a tag. Raise HarvestError.

        GitHub's activity shows the newest pushes. Before them, and on servers without it, only the absence of a tag of
        the same name proves it.
        """
        if commit == self.commit:
            return True
        if not self._pushed:
            self._pushed.append(self._newest_heads())
        heads = self._pushed[0]
        if heads is not None and (commit in heads or len(heads) < PER_PAGE):
            return commit in heads
        if not self._shared:
            self._shared.append(has_tag(self.github, self.name))
        return not self._shared[0]

    def _newest_heads(self) -> frozenset[str] | None:
        """Return the commits that the newest pushes made the head; None if this server does not show them."""
        ref = f"refs/heads/{self.name}"
        try:
            listed = self.github.get("/activity", reader(list[_Activity]), ref=ref, per_page=PER_PAGE)
        except HarvestError as problem:
            if problem.is_transient:
                raise
            return None
        return frozenset(item.after for item in listed if item.ref == ref)

    def events_of_head(self, commit: str) -> frozenset[str]:
        """Return the events of this repository's runs of the branch with the commit as its head. Raise HarvestError."""
        if commit not in self._heads:
            listed = self.github.get(
                "/actions/runs", reader(_Runs), branch=self.name, head_sha=commit, per_page=PER_PAGE
            )
            self._heads[commit] = frozenset(run.event for run in listed.workflow_runs if self._is_of(run, commit))
        return self._heads[commit]

    def _is_of(self, run: _Run, commit: str) -> bool:
        home = "" if run.head_repository is None else run.head_repository.full_name
        is_ours = home.lower() == self.github.repository.lower()
        return is_ours and run.head_branch == self.name and run.head_sha == commit

    def _look_up(self, commits: Iterable[str], names: Iterable[str]) -> None:
        unknown = (sha for sha in commits if commit_sha.is_full(sha) and sha not in self._holds)
        wanted, refs = list(dict.fromkeys(unknown))[:BATCH], list(names)
        try:
            self._ask(wanted, refs)
        except HarvestError as problem:
            # One commit that is gone must not hide the answer for the others.
            if len(wanted) < 2 or problem.is_transient:
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
        base = read_named(dict[str, object], answer, ["base"])["base"]
        refs = read_named(_Ref | None, answer, [f"{kind}{n}" for n in range(len(names)) for kind in ("branch", "tag")])
        compared = read_named(_Compared | None, base, [f"commit{n}" for n in range(len(commits))])
        # A commit that is ahead by nothing is on the branch; null means that GitHub does not know the commit.
        on_branch = (result is not None and not result.ahead_by for result in compared.values())
        self._holds.update(zip(commits, on_branch, strict=True))
        self._tags.update({name: bool(refs[f"tag{n}"] and not refs[f"branch{n}"]) for n, name in enumerate(names)})
