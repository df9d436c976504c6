"""Which inputs were given, as flags and as variables, and which of them do not exist. Knows names, no meaning."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from flowjoy.config.inputs import Input
from flowjoy.errors import InputError

_PREFIX = "INPUT_"
_OF_EVERY_CONTAINER = frozenset({"INPUT_ARGS", "INPUT_ENTRYPOINT"})
"""GitHub's own inputs of a docker action."""

_HAND_ON_FOREIGN_INPUTS = ("ACT", "GITEA_ACTIONS", "FORGEJO_ACTIONS")
"""Runners that pass the inputs of an enclosing composite action on to the steps in it."""

_NO_NAME = ". Remove it, or take a name from the table of inputs"
_CLOSE = 0.75
_SHOWN = 3


def command_line(known: Sequence[Input]) -> argparse.ArgumentParser:
    """Return a parser that takes the same names as flags."""
    parser = _Parser(prog="python -m flowjoy run", description="One run of the step, here.", allow_abbrev=False)
    for item in known:
        meaning = item.meaning.replace("%", "%%")
        default = f" (default {item.default})" if item.default and "${{" not in item.default else ""
        parser.add_argument(f"--{item.name}", dest=item.field, metavar="VALUE", help=meaning + default)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit with."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError; the only message that flags with values can cause is of a value that is missing."""
        flag = re.search(r"--[\w-]+", message)
        raise InputError(f"{flag[0] if flag else 'command line'}: expected a value after it")


def flags(argv: Sequence[str], known: Sequence[Input]) -> tuple[dict[str, str], list[str]]:
    """Return the flags that were given, by field, and a sentence for each argument that is none of them.

    A value is never echoed: it may be a credential.
    """
    read, strange = command_line(known).parse_known_args(list(argv))
    names, problems, follows = [item.name for item in known], [], False
    for argument in strange:
        if argument.startswith("-"):
            name = argument.partition("=")[0].lstrip("-")
            problems.append(f"--{_plain(name)}: there is no such flag{_meant(name, names, '--') or _NO_NAME}")
        elif not follows:
            problems.append("command line: expected flags with values, and one argument stands alone")
        follows = argument.startswith("-") and "=" not in argument
    return {field: value for field, value in vars(read).items() if value is not None}, problems


def unknown_variables(environ: Mapping[str, str], known: Sequence[Input]) -> list[str]:
    """Return a sentence for each `INPUT_…` that is no input: the runner only warns of a slip in `with:`.

    Where a runner hands on the inputs of an enclosing action, only a name close to one of ours is a mistake.
    """
    lenient = any(environ.get(name) == "true" for name in _HAND_ON_FOREIGN_INPUTS)
    ours, names = {item.variable for item in known} | _OF_EVERY_CONTAINER, [item.name for item in known]
    problems = []
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or variable in ours:
            continue
        # A wrapper may set both spellings, because a shell drops names with hyphens; the one with hyphens counts.
        hyphenated = _PREFIX + variable.removeprefix(_PREFIX).replace("_", "-")
        if hyphenated in ours and hyphenated in environ:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        meant = _meant(name, names, "")
        if meant or not lenient:
            problems.append(f"{_plain(name)}: there is no such input{meant or _NO_NAME}")
    return problems


def _meant(name: str, names: Sequence[str], mark: str) -> str:
    """Return the question which name was meant; empty where no name is near."""
    name = name.lower().replace("_", "-")[:80]
    near = (
        difflib.get_close_matches(name, names, n=1, cutoff=_CLOSE)
        or [other for other in names if name in other.split("-") or other in name.split("-")][:_SHOWN]
    )
    near = near or difflib.get_close_matches(name, names, n=1)
    return f". Did you mean {' or '.join(f'{mark}{other}' for other in near)}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "?", name)[:60] or "?"
