"""The repositories that a GitHub App's installation may read."""

from __future__ import annotations

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Many, Response, Text, reader
from flowjoy.errors import HarvestError

MAX_PAGES = 100


class InstalledRepository(Response):
    """One repository of the installation."""

    full_name: Text
    default_branch: Text
    archived: bool


class _Page(Response):
    total_count: Count
    repositories: Many[InstalledRepository]


def repositories_of(github: GitHubApi, owner: str) -> tuple[InstalledRepository, ...]:
    """Return the repositories of an owner that are not archived, by name. Raise HarvestError if the list ends early."""
    listed: dict[str, InstalledRepository] = {}
    for page in range(1, MAX_PAGES + 1):
        answer = github.get_path("/installation/repositories", reader(_Page), per_page=PER_PAGE, page=page)
        listed.update({item.full_name.lower(): item for item in answer.repositories})
        if len(listed) >= answer.total_count or not answer.repositories:
            break
    if len(listed) < answer.total_count:
        raise HarvestError(f"GitHub: the list ends after {len(listed)} of {answer.total_count} repositories")
    home = f"{owner.lower()}/"
    return tuple(listed[name] for name in sorted(listed) if name.startswith(home) and not listed[name].archived)
