"""The inventory at GitHub, open pull requests and branches, read by one GraphQL query. It never changes the verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Connection, GraphQL, Id, Instant, Text, reader
from flowjoy.domain import Branch, Inventory, OpenPull

INVENTORY_QUERY = """
query FlowJoyInventory($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { name }
    pullRequests(states: OPEN, first: 100, orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { number title createdAt isDraft reviewDecision headRefName isCrossRepository }
    }
    refs(refPrefix: "refs/heads/", first: 100, orderBy: {field: TAG_COMMIT_DATE, direction: ASC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { name target { __typename ... on Commit { committedDate } } }
    }
  }
}
"""
_DECIDED = {"APPROVED": "approved", "CHANGES_REQUESTED": "changes requested"}


class _Pull(GraphQL):
    number: Id
    title: str
    created_at: Instant
    is_draft: bool
    review_decision: Literal["APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"] | None  # no review is asked for
    head_ref_name: Text
    is_cross_repository: bool


class _Commit(GraphQL):
    typename: Literal["Commit"] = Field(alias="__typename")
    committed_date: Instant


class _Other(GraphQL):
    typename: Literal["Blob", "Tag", "Tree"] = Field(alias="__typename")


class _Branch(GraphQL):
    name: Text
    target: Annotated[_Commit | _Other, Field(discriminator="typename")]


class _Default(GraphQL):
    name: Text


class _Inventory(GraphQL):
    default_branch_ref: _Default | None  # the repository is empty
    pull_requests: Connection[_Pull]
    refs: Connection[_Branch]


def read(github: GitHubApi, now: datetime) -> Inventory:
    """Return the oldest hundred open pull requests, and the branches without one among the first hundred.

    GitHub orders only tags by commit date: of more than a hundred branches some old ones may be missing.
    """
    listed = github.graphql("inventory", INVENTORY_QUERY, reader(_Inventory))
    pulls, refs = listed.pull_requests, listed.refs
    others = {pull.head_ref_name for pull in pulls.nodes if not pull.is_cross_repository}
    others |= {listed.default_branch_ref.name} if listed.default_branch_ref is not None else set()
    branches = (
        Branch(name=branch.name, committed_at=branch.target.committed_date)
        for branch in refs.nodes
        if branch.name not in others and branch.target.typename == "Commit"
    )
    return Inventory(
        read_at=now,
        pulls=tuple(sorted(map(_open, pulls.nodes), key=lambda pull: (pull.created_at, pull.number))),
        pulls_total=pulls.total_count,
        branches=tuple(sorted(branches, key=lambda branch: (branch.committed_at, branch.name))),
        branches_total=refs.total_count,
    )


def _open(pull: _Pull) -> OpenPull:
    decided = _DECIDED.get(pull.review_decision or "", "waiting for review")
    state = "draft" if pull.is_draft else decided
    return OpenPull(number=pull.number, title=pull.title, created_at=pull.created_at, state=state)
