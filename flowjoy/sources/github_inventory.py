"""What waits on the shelf at GitHub: open pull requests and branches, in one GraphQL query. It decides nothing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from flowjoy.github_api import GitHubApi, connection
from flowjoy.instants import parse_iso
from flowjoy.model import Branch, Inventory, OpenPull
from flowjoy.transport import MalformedAnswerError

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


def read(github: GitHubApi, now: datetime) -> Inventory:
    """The oldest hundred open pull requests, and the branches without one, of the first hundred that GitHub names.

    It promises the order by commit date for tags alone: of more than a hundred branches some old ones may be missing.
    """
    return github.graphql("inventory", INVENTORY_QUERY, partial(_inventory, now=now))


def _inventory(repository: dict[str, Any], now: datetime) -> Inventory:
    pulls, pulls_total, _ = connection(repository, "pullRequests")
    branches, branches_total, _ = connection(repository, "refs")
    default = repository.get("defaultBranchRef")
    default_name = default.get("name") if isinstance(default, dict) else None
    in_review = {pull.get("headRefName") for pull in pulls if pull.get("isCrossRepository") is False}
    found = (_branch(node) for node in branches if node.get("name") not in {default_name, *in_review})
    return Inventory(
        read_at=now,
        pulls=tuple(sorted(map(_pull, pulls), key=lambda pull: (pull.created_at, pull.number))),
        pulls_total=pulls_total,
        branches=tuple(
            sorted((branch for branch in found if branch is not None), key=lambda b: (b.committed_at, b.name))
        ),
        branches_total=branches_total,
    )


def _pull(node: dict[str, Any]) -> OpenPull:
    if not isinstance(node.get("number"), int) or not isinstance(node.get("isDraft"), bool):
        raise MalformedAnswerError("a pull request has no number, or does not say whether it is a draft")
    decided = _DECIDED.get(str(node.get("reviewDecision")), "waiting for review")
    return OpenPull(
        number=node["number"],
        title=str(node.get("title") or ""),
        created_at=_stamp(node.get("createdAt")),
        state="draft" if node["isDraft"] else decided,
    )


def _branch(node: dict[str, Any]) -> Branch | None:
    target = node.get("target")
    if not isinstance(node.get("name"), str) or not isinstance(target, dict):
        raise MalformedAnswerError("a branch has no name, or points nowhere")
    if target.get("__typename") != "Commit":
        return None
    return Branch(name=node["name"], committed_at=_stamp(target.get("committedDate")))


def _stamp(value: object) -> datetime:
    try:
        return parse_iso(str(value))
    except ValueError as problem:
        raise MalformedAnswerError(f"the inventory carries a wrong time: {problem}") from None
