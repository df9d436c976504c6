"""The services that should report, from a CSV file with the columns repository, service and team."""

from __future__ import annotations

import csv
from pathlib import Path

from flowjoy.domain.rollup import ExpectedService
from flowjoy.errors import InputError

_REPOSITORY, _SERVICE, _TEAM = "repository", "service", "team"
_MAX_CHARACTERS = 64 << 20


def read(path: Path) -> tuple[ExpectedService, ...]:
    """Return the services in the file. Raise InputError, with every mistake, for one that cannot be meant."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.read(_MAX_CHARACTERS).splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"--services: {path} cannot be read ({type(problem).__name__})") from None
    table = csv.DictReader(lines)
    missing = {_REPOSITORY, _SERVICE} - set(table.fieldnames or ())
    if missing:
        raise InputError(f"--services: {path} lacks the column {min(missing)}. Name {_REPOSITORY},{_SERVICE},{_TEAM}")
    services: dict[tuple[str, str], ExpectedService] = {}
    mistakes = []
    for row in table:
        repository, service, team = ((row.get(name) or "").strip() for name in (_REPOSITORY, _SERVICE, _TEAM))
        repository = repository.lower()
        if repository.count("/") != 1 or not service:
            mistakes.append(f"--services: line {table.line_num}: expected owner/name and a service")
        elif (repository, service) in services:
            mistakes.append(f"--services: line {table.line_num}: {repository} {service} is listed twice")
        services[repository, service] = ExpectedService(repository=repository, service=service, team=team)
    if mistakes:
        raise InputError(*mistakes)
    return tuple(services.values())
