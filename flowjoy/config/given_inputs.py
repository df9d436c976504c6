"""The inputs that a user gave, as flags and as environment variables, and the names among them that do not exist."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from flowjoy.config.option import Input
from flowjoy.errors import InputError

_PREFIX = "INPUT_"
_OF_EVERY_CONTAINER = frozenset({"INPUT_ARGS", "INPUT_ENTRYPOINT"})
"""GitHub's own inputs of a docker action."""

_RUNNERS_THAT_PASS_FOREIGN_INPUTS = ("ACT", "GITEA_ACTIONS", "FORGEJO_ACTIONS")
"""Variables of runners that pass the inputs of an enclosing composite action on to the steps in it."""

_CURE = ". Remove it, or use a name from the list of inputs"
_SIMILARITY = 0.75
_SUGGESTIONS = 3
_LONGEST_NAME = 80
_SHOWN = 60


def command_line(known: Sequence[Input]) -> argparse.ArgumentParser:
    """Return a parser that accepts every input as a flag of the same name."""
    parser = _Parser(prog="python -m flowjoy run", description="One run of the step, here.", allow_abbrev=False)
    for item in known:
        meaning = item.meaning.replace("%", "%%")
        default = f" (default {item.default})" if item.default and "${{" not in item.default else ""
        parser.add_argument(f"--{item.name}", dest=item.field, metavar="VALUE", help=meaning + default)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises InputError where argparse would print a message and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError. The only mistake that flags with values allow is a missing value."""
        flag = re.search(r"--[\w-]+", message)
        raise InputError(f"{flag[0] if flag else 'command line'}: expected a value after it")


def flags(argv: Sequence[str], known: Sequence[Input]) -> tuple[dict[str, str], list[str]]:
    """Return the values of the flags by field, and a message for each argument that is not a known flag.

    A message never contains a value, which may be a credential.
    """
    values, unknown = command_line(known).parse_known_args(list(argv))
    names = [item.name for item in known]
    problems: list[str] = []
    is_value = False
    for argument in unknown:
        if argument.startswith("-"):
            name = argument.partition("=")[0].lstrip("-")
            problems.append(f"--{_printable(name)}: unknown flag{_suggestion(name, names, '--') or _CURE}")
        elif not is_value:
            problems.append("command line: expected flags with values, not an argument without a flag")
        is_value = argument.startswith("-") and "=" not in argument
    return {field: value for field, value in vars(values).items() if value is not None}, problems


def unknown_variables(environ: Mapping[str, str], known: Sequence[Input]) -> Iterator[str]:
    """Yield a message for each `INPUT_…` that is not an input: of a typo in `with:`, the runner only warns.

    Where a runner passes the inputs of an enclosing action on, only a name close to one of ours is a mistake.
    """
    lenient = any(environ.get(name) == "true" for name in _RUNNERS_THAT_PASS_FOREIGN_INPUTS)
    ours, names = {item.variable for item in known} | _OF_EVERY_CONTAINER, [item.name for item in known]
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or variable in ours:
            continue
        # A wrapper may set both spellings, because a shell drops names with hyphens; the one with hyphens counts.
        hyphenated = _PREFIX + variable.removeprefix(_PREFIX).replace("_", "-")
        if hyphenated in ours and hyphenated in environ:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        suggestion = _suggestion(name, names, "")
        if suggestion or not lenient:
            yield f"{_printable(name)}: unknown input{suggestion or _CURE}"


def _suggestion(name: str, names: Sequence[str], prefix: str) -> str:
    """Return the question whether a similar name was meant; empty where none is similar."""
    name = name.lower().replace("_", "-")[:_LONGEST_NAME]
    similar = (
        difflib.get_close_matches(name, names, n=1, cutoff=_SIMILARITY)
        or [other for other in names if name in other.split("-") or other in name.split("-")][:_SUGGESTIONS]
        or difflib.get_close_matches(name, names, n=1)
    )
    return f". Did you mean {' or '.join(f'{prefix}{other}' for other in similar)}?" if similar else ""


def _printable(name: str) -> str:
    return re.sub(r"[^\w.-]", "?", name)[:_SHOWN] or "?"
