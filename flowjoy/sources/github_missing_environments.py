"""Refuses a list of deployments that a wrong name of an environment would make empty or too short."""

from __future__ import annotations

from collections.abc import Iterable

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_environments
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_deployments import Deployment, DeploymentStatus, Ends, read_page
from flowjoy.clients.github_files import WantedStubs
from flowjoy.clients.responses import Connection
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery


def is_ours(status: DeploymentStatus, node: Deployment, query: HarvestQuery) -> bool:
    """Return whether a status is of a wanted environment; without one it is of its deployment's."""
    return github_environments.is_meant(status.environment or node.environment, query.settings.environment)


def newest_deployments(github: GitHubApi, query: HarvestQuery) -> Connection[Deployment]:
    """Return the newest deployments to any environment."""
    page, _, _ = read_page(github, Ends(), None, WantedStubs(path=query.settings.model_stub, commits=[HEAD]))
    return page.deployments


def prove_empty(github: GitHubApi, query: HarvestQuery) -> tuple[str, ...]:
    """Return the notes on environments without a deployment. Raise HarvestError if a name may be wrong.

    A second answer must show that the repository does not have any deployment, or that GitHub knows the environment:
    then it waits for its first release, which the merge gate must not block.
    """
    asked = query.settings.environment
    listed = newest_deployments(github, query)
    if not listed.total_count:
        return ()
    others = {node.environment for node in listed.nodes}
    _refuse_promoted(listed.nodes, query)
    waiting = github_environments.without_deployment(github, asked)
    missing = github_environments.absent(asked, waiting)
    if missing:
        raise HarvestError(
            f"there are deployments, but none in the environment {','.join(missing)!r}",
            hint=github_environments.proposal(github, others, asked),
        )
    where, elsewhere = ", ".join(waiting), ", ".join(sorted(others))
    return (f"no deployment yet in {where}, an environment of this repository; others are in {elsewhere}",)


def _refuse_promoted(nodes: Iterable[Deployment], query: HarvestQuery) -> None:
    """Raise HarvestError if deployments to the environment were promoted to another one, which alone lists them."""
    reached = {
        node.environment
        for node in nodes
        for status in node.statuses.nodes
        if status.environment
        and is_ours(status, node, query)
        and not github_environments.is_meant(node.environment, query.settings.environment)
    }
    if reached:
        onward = ", ".join(sorted(reached))
        problem = f"the deployments to the environment {query.settings.environments!r} went on to another one: {onward}"
        raise HarvestError(problem, hint=f"set environment to {onward}")


def refuse_absent(github: GitHubApi, query: HarvestQuery, nodes: Iterable[Deployment]) -> None:
    """Raise HarvestError if neither GitHub nor the ledger knows one of several environments.

    A misspelt name would leave out every deployment to it.
    """
    nodes = tuple(nodes)
    seen = {node.environment for node in nodes} | query.known_environments
    seen |= {status.environment for node in nodes for status in node.statuses.nodes if status.environment}
    missing = github_environments.absent(query.settings.environment, seen)
    missing = github_environments.unlisted(github, missing) if missing else []
    if missing:
        named = ",".join(missing)
        others = {node.environment for node in newest_deployments(github, query).nodes}
        cure = github_environments.proposal(github, others, missing, query.settings.environment)
        problem = f"there are deployments, but none in the environment {named!r}"
        raise HarvestError(problem, hint=f"{cure}; or leave {named} out")
