"""The services that should report, from a CSV file with the columns repository, service and team."""

from __future__ import annotations

import csv
from pathlib import Path

from flowjoy.domain.rollup_rows import ExpectedService
from flowjoy.errors import InputError

_REPOSITORY, _SERVICE, _TEAM = "repository", "service", "team"
_MAX_CHARACTERS = 64 << 20


def read(path: Path) -> tuple[ExpectedService, ...]:
    """Return the services in the file. Raise InputError, with every mistake, for one that cannot be meant."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.read(_MAX_CHARACTERS).splitlines()
    except OSError as problem:
        raise InputError(f"--services: {path} cannot be read ({problem.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"--services: {path} is not UTF-8. Save it as CSV in UTF-8") from None
    table = csv.DictReader(lines)
    missing = {_REPOSITORY, _SERVICE} - set(table.fieldnames or ())
    if missing:
        lacks = " and ".join(sorted(missing))
        raise InputError(
            f"--services: {path} lacks {lacks}. Begin it with the line {_REPOSITORY},{_SERVICE},{_TEAM}, with commas"
        )
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
