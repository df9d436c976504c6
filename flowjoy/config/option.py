"""The declaration of an input as a dataclass field: its default, parser and meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowjoy.config import address_parsers, list_parsers, parsers

_Parser = Callable[[str], Any]
_SECRETS = (
    parsers.secret,
    address_parsers.secret_url,
    address_parsers.slack_webhook,
    address_parsers.teams_webhook,
)


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the step: its name, default as users see it, parser, and meaning."""

    name: str
    default: str
    parse: _Parser
    meaning: str

    @property
    def field(self) -> str:
        """The name of its field in `Settings`."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable by which the Actions runner passes it: hyphens are kept."""
        return f"INPUT_{self.name.upper()}"

    @property
    def empty(self) -> tuple[()] | None:
        """The value of the input where it is not given and has no default."""
        return () if self.parse in list_parsers.LISTS else None

    @property
    def is_secret(self) -> bool:
        """Whether the value is a credential."""
        return self.parse in _SECRETS


def option(default: str, parse: _Parser, meaning: str) -> Any:
    """Declare a field of a dataclass as an input."""
    return field(metadata={"default": default, "parse": parse, "meaning": meaning})


def path_option(default: str, meaning: str) -> Any:
    """Declare a field of a dataclass as an input that is a path in the workspace."""
    return field(metadata={"default": default, "parse": None, "meaning": meaning})
