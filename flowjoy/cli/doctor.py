"""`doctor` command: shows which permissions are missing, and why each of the last ten deployments counted or not.

It only reads.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TextIO

from flowjoy.actions.context import ActionsContext, on_actions, read_context
from flowjoy.actions.core import Console, adopt_libraries, leave
from flowjoy.cli import doctor_releases
from flowjoy.cli.doctor_checks import TITLES, DoctorChecks
from flowjoy.cli.doctor_deployments import lines
from flowjoy.cli.prepared_run import refuse_the_future
from flowjoy.config.given_inputs import command_line
from flowjoy.config.inputs import declared
from flowjoy.config.settings import Settings, read_settings, redactor
from flowjoy.errors import InputError
from flowjoy.pipeline.run_context import query_of
from flowjoy.pipeline.run_parameters import terms_of

_FAILED, _WRONG_INPUTS = 1, 2
_NO_REPOSITORY, _NO_TOKEN = "owner/name", "no-token-was-given"  # placeholders


def doctor(environ: Mapping[str, str], argv: Sequence[str], *, now: datetime, stream: TextIO | None = None) -> int:
    """Try everything that a run needs. Return 0 if all works, 1 if a check failed, 2 for a wrong input or a bug."""
    console = Console(on_actions=on_actions(environ), stream=stream)
    try:
        runner = read_context(environ)
        console.hide(redactor(environ))
        settings, absent = _inputs(environ, argv, runner)
        console.hide(redactor(environ, settings))
        refuse_the_future(settings, now)
        with adopt_libraries(console, debug=runner.debug):
            return _examine(settings, runner, absent, console, now)
    except InputError as problem:
        with console.group("Inputs"):
            for sentence in problem.problems:
                console.error(sentence, title="FlowJoy input")
        return problem.exit_code
    except Exception as problem:  # noqa: BLE001  (a bug ends in one line; a traceback could show what a server sent)
        at = traceback.extract_tb(problem.__traceback__)[-1]
        console.error(f"doctor failed ({type(problem).__name__} in {at.name}, line {at.lineno}): please report this")
        return _WRONG_INPUTS


def entry() -> NoReturn:
    """Run with the real environment and clock. The entry point of the command line."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        parser = command_line(declared(Path.cwd()))
        parser.prog, parser.description = (
            "python -m flowjoy doctor",
            "Show what a run lacks, and why deploys count.",
        )
        parser.print_help()
        leave(0)
    try:
        code = doctor(os.environ, sys.argv[1:], now=datetime.now(UTC))
    except KeyboardInterrupt:
        code = 130
    leave(code)


def _inputs(
    environ: Mapping[str, str], argv: Sequence[str], runner: ActionsContext
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and a message for the repository and the token if they are absent: the rest can be tried.

    Raise InputError with every other wrong input at once.
    """
    try:
        return read_settings(environ, argv, runner), ()
    except InputError as problem:
        original = problem
    lent = {**environ, "GITHUB_TOKEN": environ.get("GITHUB_TOKEN") or _NO_TOKEN}
    try:
        settings = read_settings(lent, argv, replace(runner, repository=runner.repository or _NO_REPOSITORY))
    except InputError:
        raise original from None
    absent = []
    asks_github = settings.reads_github or settings.incident_label is not None
    if not asks_github:
        absent.append("no service is named: give --service, or set GITHUB_REPOSITORY=owner/name in the environment")
    elif not runner.repository:
        absent.append("no repository is named: set GITHUB_REPOSITORY=owner/name in the environment")
    if settings.github_token is not None and settings.github_token.reveal() == _NO_TOKEN:
        settings = replace(settings, github_token=None)
        if asks_github:
            absent.append("no token for GitHub: give --github-token, or set GITHUB_TOKEN (gh auth token prints one)")
    return settings, tuple(absent)


def _examine(
    settings: Settings, runner: ActionsContext, absent: tuple[str, ...], console: Console, now: datetime
) -> int:
    with console.group("Inputs"):
        for sentence in absent:
            console.error(sentence, title="FlowJoy input")
        if not absent:
            console.log(f"ok       code from {settings.code_source}, models from {settings.model_source}")
        if settings.ship is not None:
            console.notice("ship is ignored: doctor only reads")
    checks = DoctorChecks(settings, runner, console)
    with console.group("Access"):
        home = checks.of_repository()
        query = query_of(settings, runner, home, settings.as_of or now, now)
        code = checks.of_code(query)
        terms = terms_of(settings, home.default_branch)
        stubs = checks.of_stub(code, query)
        checks.of_releases(code, stubs, query, terms)
        checks.of_github(query)
        checks.of_incidents(query)
        checks.of_models(doctor_releases.models(code, stubs, query), query)
        checks.of_alerts()
    with console.group(f"The last ten {TITLES[settings.code_source]}"):
        if code is None:
            console.log("not known, see above")
        elif not code.entries:
            console.log("there are none")
        elif not code.complete and any(entry.is_ours for entry in code.entries):
            console.log("(earlier deploys are not known: the source was not read to its end)")
        if code is not None:
            for line in lines(code, stubs, query, terms):
                console.log(line)
    return _WRONG_INPUTS if absent else _FAILED if checks.failed else 0
