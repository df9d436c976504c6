"""The nodes of a workflow file.

Files are untrusted: YAML is composed into nodes but never constructed, and its size is bounded.
"""

from __future__ import annotations

import yaml

MAX_CHARACTERS = 64 * 1024


class WorkflowError(Exception):
    """A workflow file that cannot be read."""


def root(text: str) -> dict[str, yaml.Node]:
    """Return the top level of a file. Raise WorkflowError for one that is too large or is not YAML."""
    if len(text) > MAX_CHARACTERS:
        raise WorkflowError(f"it is larger than {MAX_CHARACTERS >> 10} KiB")
    try:
        return mapping(yaml.compose(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise WorkflowError("it is not YAML that can be read") from None


def mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return the values of a mapping by key; empty for any other node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {scalar(key): value for key, value in node.value}


def sequence(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a sequence; empty for any other node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def scalar(node: yaml.Node | None) -> str:
    """Return the text of a scalar; empty for any other node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
