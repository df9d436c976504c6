"""`collect`: fetches the newest trusted report of every service of an organisation into a folder for `rollup`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TextIO

from flowjoy.actions.context import read_context
from flowjoy.actions.core import Console, ProgressLine, adopt_libraries, seconds_left
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_installation import InstalledRepository, repositories_of
from flowjoy.clients.parallel import side_by_side
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import redactor
from flowjoy.domain.plurals import grouped, plural
from flowjoy.domain.secret import Secret
from flowjoy.errors import FlowJoyError, HarvestError, InputError
from flowjoy.sinks.bundle_folder import BundleFolder
from flowjoy.sources.report_artifacts import TrustedReport, newest_reports

_DONE, _INCOMPLETE, _MISTAKE = 0, 1, 2
_HOUR = 3600.0
_TOKEN = "GITHUB_TOKEN"  # noqa: S105  # nosec B105  (the name of the variable)


@dataclass
class _Tally:
    """Counts of what was collected, shown while it happens."""

    line: ProgressLine
    total: int
    done: int = 0
    stored: int = 0
    problems: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)

    def add(self, stored: int, problems: Sequence[str]) -> None:
        """Count one repository."""
        with self.lock:
            self.done += 1
            self.stored += stored
            self.problems += problems
            left = seconds_left(self.began, self.done, self.total)
            repositories = grouped(self.total, "repository", "repositories")
            self.line.show(f"{self.done:,} of {repositories}, {self.stored:,} reports, {left:.0f} s left")


def collect(
    environ: Mapping[str, str], argv: Sequence[str], stream: TextIO | None = None, watched: TextIO | None = None
) -> int:
    """Fetch the reports and return the exit code.

    0: all repositories were read. 1: some were not: run it again. 2: a mistake, or no list of repositories.
    """
    console = Console(on_actions=False, stream=stream)
    console.hide(redactor(environ))
    arguments = _parser().parse_args(list(argv))
    try:
        with adopt_libraries(console, debug=False):
            return _collect(arguments, environ, console, ProgressLine(watched))
    except FlowJoyError as problem:
        console.error(problem.advised)
    except OSError as problem:
        console.error(f"{problem.filename}: cannot be written ({problem.strerror})")
    return _MISTAKE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flowjoy collect",
        description=f"{__doc__} The variable {_TOKEN} has the token of a GitHub App's installation.",
        allow_abbrev=False,
    )
    parser.add_argument("--org", required=True, help="the organisation (or user) that owns the repositories")
    parser.add_argument("--into", required=True, type=Path, metavar="FOLDER", help="the folder for the bundles")
    parser.add_argument("--hours", type=float, default=6.0, help="the time limit, waiting for GitHub's limits included")
    return parser


def _collect(arguments: argparse.Namespace, environ: Mapping[str, str], console: Console, line: ProgressLine) -> int:
    if not arguments.hours > 0:
        raise InputError(f"--hours {arguments.hours:g}: expected more than 0")
    folder, github = BundleFolder(arguments.into), _github(environ, arguments.hours)
    repositories = repositories_of(github, arguments.org)
    if not repositories:
        raise InputError(f"--org {arguments.org!r}: the App's installation has no repository of it. Install it there")
    tally = _Tally(line, len(repositories))
    side_by_side(partial(_of_repository, github, folder, tally), repositories)
    line.show("")
    for problem in sorted(tally.problems):
        console.warning(problem)
    read = plural(tally.total - len(tally.problems), "repository", "repositories")
    console.log(f"{read} read, {plural(tally.stored, 'new report')} in {arguments.into}")
    return _INCOMPLETE if tally.problems else _DONE


def _github(environ: Mapping[str, str], hours: float) -> GitHubApi:
    """Return a client that waits as long as GitHub's limits ask for. Raise InputError without a token."""
    token = environ.get(_TOKEN, "").strip()
    if not token:
        raise InputError(f"{_TOKEN}: expected the token of a GitHub App's installation. Set it in the environment")
    context = read_context(environ)
    return GitHubApi(
        repository="",
        token=Secret(token),
        api_url=context.api_url,
        graphql_url=context.graphql_url,
        transport=Transport(Budget(hours * _HOUR, "--hours"), max_pause_seconds=_HOUR + 60),
    )


def _of_repository(github: GitHubApi, folder: BundleFolder, tally: _Tally, repository: InstalledRepository) -> None:
    """Store the new reports of one repository. One that cannot be read does not keep the others from being read."""
    name, stored, problems = repository.full_name, 0, []
    try:
        for item in newest_reports(github.of(name), repository.default_branch, partial(folder.knows, name)):
            if isinstance(item, TrustedReport):
                stored += folder.store(name, item.artifact, item.bundle, item.raw) is not None
            else:
                folder.refuse(name, item.artifact)
    except HarvestError as problem:
        problems.append(f"{name}: {problem.advised}")
    tally.add(stored, problems)
