"""Check runs as GitHub answers them."""

from __future__ import annotations

from flowjoy.clients.responses import Count, Id, Many, Response, Text


class _Output(Response):
    title: str | None  # another app's may have none
    annotations_count: Count


class CheckRun(Response):
    """One check run, of any app."""

    id: Id
    name: Text
    external_id: str | None  # another app's may have none
    conclusion: str | None  # it is under way
    html_url: str | None
    output: _Output


class ListedChecks(Response):
    """One page of the check runs of a commit."""

    total_count: Count
    check_runs: Many[CheckRun]


class SavedCheck(Response):
    """A check run after it was written."""

    id: Id
    html_url: str | None = None
