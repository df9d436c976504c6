"""How the Actions runner reads a step: its log for commands, its output file for outputs.

Written after `ActionCommand.cs`, `ActionCommandManager.cs` and `FileCommandManager.cs` of actions/runner. Knows no
flowjoy. Stricter than the runner where that depends on its version: every command name counts as registered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_ENDS = re.compile(r"\r\n|\n|\r")  # StreamReader.ReadLine


class Command(NamedTuple):
    """One workflow command that the runner would execute."""

    name: str
    properties: dict[str, str]
    data: str


class OutputFileError(Exception):
    """The runner refuses the output file, and the step fails."""


def commands_in(log: str) -> list[Command]:
    """The commands in a step's log. `::stop-commands::` holds back all others until its token comes."""
    result: list[Command] = []
    stop_token = None
    for line in _LINE_ENDS.split(log):
        for command in _commands_of(line):
            if stop_token is None:
                result.append(command)
                stop_token = command.data if command.name == "stop-commands" else None
            elif command.name == stop_token:
                stop_token = None
    return result


def _commands_of(line: str) -> Iterator[Command]:
    command = _with_colons(line) or _with_brackets(line)
    if command is not None:
        yield command


def _with_colons(line: str) -> Command | None:
    """`::name key=value,key=value::data`, after white space at the start of the line (TryParseV2)."""
    message = line.lstrip()
    if not message.startswith("::"):
        return None
    end = message.find("::", 2)
    if end < 0:
        return None
    name, _, listed = message[2:end].partition(" ")
    pairs = (pair.split("=", 1) for pair in listed.strip().split(",") if pair)
    properties = {pair[0]: _unescaped(pair[1], property_too=True) for pair in pairs if len(pair) == 2}
    return Command(name, properties, _unescaped(message[end + 2 :])) if name else None


def _with_brackets(line: str) -> Command | None:
    """`##[name key=value;key=value]data`, anywhere in the line (TryParse)."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, listed = line[start + 3 : end].partition(" ")
    pairs = (pair.split("=", 1) for pair in listed.strip().split(";") if pair)
    return Command(name, {pair[0]: pair[1] for pair in pairs if len(pair) == 2}, line[end + 1 :])


def _unescaped(text: str, *, property_too: bool = False) -> str:
    if property_too:
        text = text.replace("%2C", ",").replace("%3A", ":")
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def outputs_in(text: str) -> dict[str, str]:
    """`name=value` lines and `name<<delimiter` blocks of GITHUB_OUTPUT. The last value of a name counts."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    rest, result = iter(lines), {}
    for line in rest:
        if not line:
            continue
        equals, block = line.find("="), line.find("<<")
        if block >= 0 and (equals < 0 or block < equals):
            name, delimiter = line.split("<<", 1)
            if not name or not delimiter:
                raise OutputFileError(f"Invalid format {line!r}")
            result[name] = "\n".join(_until(delimiter, rest))
        elif equals >= 0:
            name, result[line[:equals]] = line[:equals], line[equals + 1 :]
        else:
            raise OutputFileError(f"Invalid format {line!r}")
    return result


def _until(delimiter: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise OutputFileError(f"Matching delimiter not found {delimiter!r}")
