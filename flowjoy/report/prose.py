"""Prose with names in it: what the content says, before a renderer escapes it for its surface.

A sentence is a sequence of spans. Plain strings may hold text from outside: every renderer escapes them. Names, commits
and versions are spans of their own, so that only they are set as code, and so that a renderer can link them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter

from flowjoy.domain.timestamps import iso
from flowjoy.report.escaping import clean

SHORT_SHA = 12


@dataclass(frozen=True, slots=True)
class Name:
    """A name, version, file or input: set as code."""

    text: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the repository, shown by its first 12 characters."""

    sha: str


@dataclass(frozen=True, slots=True)
class ModelVersionName:
    """A version in the registry, shown as `recommender v7`, or as `v7` if `short`."""

    model: str
    version: str
    short: bool = False


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request of the repository, shown as `#7`."""

    number: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link to an address of our own: a check, a run, a page of the documentation; text alone if it is empty."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Countdown:
    """The time left as of the run, and the deadline that the page counts down to.

    `form`: `left` for `31 h 12 m left`, `in` for `in 31 h 12 m`.
    """

    text: str
    due: datetime
    form: str = "left"

    @property
    def iso(self) -> str:
        """The deadline for the script of the page, in ISO 8601."""
        return iso(self.due)


Span = str | Name | Commit | ModelVersionName | PullRequest | Link | Countdown
Prose = tuple[Span, ...]
Text = Span | Prose
"""The text of a block: one span, or a sentence of several."""


def spans(text: Text) -> Prose:
    """Return a text as a sentence."""
    return text if isinstance(text, tuple) else (text,)


def prose(template: str, /, *values: Text) -> Prose:
    """Return a sentence: each `{}` of our own template is replaced by the next value."""
    parts: list[Span] = []
    rest = iter(values)
    for literal, field, _, _ in Formatter().parse(template):
        parts += [literal] if literal else []
        parts += spans(next(rest)) if field is not None else ()
    return tuple(parts)


def joined(texts: Iterable[Text], separator: str = ", ") -> Prose:
    """Return several texts as one sentence, with a separator between them."""
    parts: list[Span] = []
    for text in texts:
        parts += [separator, *spans(text)] if parts else spans(text)
    return tuple(parts)


_MARKED = re.compile(r"`([^`]+)`|(<[^ ]*>)")


def own(sentence: str) -> Prose:
    """Return one of our own sentences: text in backticks or angle brackets becomes a name."""
    parts: list[Span] = []
    end = 0
    for match in _MARKED.finditer(sentence):
        parts += [sentence[end : match.start()], Name(match[1] or match[2])]
        end = match.end()
    return (*parts, sentence[end:])


def plain(text: Text) -> str:
    """Return a text as one plain line, for titles and the log; text from outside in it is cleaned, not escaped."""
    return "".join(span_text(span) for span in spans(text))


def span_text(span: Span) -> str:
    """Return one span as plain text."""
    if isinstance(span, str):
        return span
    if isinstance(span, Commit):
        return clean(span.sha[:SHORT_SHA])
    if isinstance(span, ModelVersionName):
        version = f"v{clean(span.version, 40)}"
        return version if span.short else f"{clean(span.model)} {version}"
    return f"#{span.number}" if isinstance(span, PullRequest) else clean(span.text)
