"""One notice as it is sent: title, words and links. Knows findings, no channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowjoy.analysis.alerts.alert import Waiting
from flowjoy.analysis.alerts.lifecycle import Notice, Step
from flowjoy.analysis.results import Findings
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.alert_text import Words, words


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message. `links`: words to addresses of ours.

    `words` say this step; `state` says the alert as it is now, with every release, for who keeps only the last of it.
    """

    notice: Notice
    words: Words
    state: Words
    links: Mapping[str, str]

    @property
    def title(self) -> str:
        """Return the title with its icon."""
        return f"{self.words.icon} {self.words.title}"

    @property
    def step(self) -> Step:
        """Return the step that it is about."""
        return self.notice.step

    @property
    def ref(self) -> str:
        """Return where the first message can be answered."""
        return self.notice.ref

    @property
    def quiet(self) -> bool:
        """Return whether there is nothing to read."""
        return self.notice.quiet


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a destination took. `sent`: False where there was nothing to send; `ref`: where it can be answered.

    `releases`: those that the message names, which may be fewer where another run was first.
    """

    sent: bool = True
    ref: str = ""
    releases: tuple[str, ...] = ()


def letter(notice: Notice, findings: Findings, links: Mapping[str, str]) -> Letter:
    """Return the message of a notice."""
    state = replace(notice, step=Step.NEW) if notice.step is Step.UPDATE else notice
    return Letter(notice=notice, words=words(notice, findings), state=words(state, findings), links=links)


def matter(notice: Notice) -> str:
    """Return what an alert is about: the model, else the alert itself."""
    about = notice.alarm.about
    return about.model if isinstance(about, Waiting | DriftCheck) else notice.alarm.key
