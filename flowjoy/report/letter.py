"""Notices that are told together, in words. Knows findings, no channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flowjoy.analysis.alarms import AlarmKind
from flowjoy.analysis.notices import Notice, Step
from flowjoy.analysis.signals import Spike
from flowjoy.findings import Findings
from flowjoy.model import Obligation, Week
from flowjoy.report.alarm_words import ICONS, OVER, Words, words
from flowjoy.report.words import clean, plural

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """All of one kind and step. `links`: words to addresses of ours."""

    title: str
    notices: tuple[Notice, ...]
    words: tuple[Words, ...]
    links: Mapping[str, str]

    @property
    def step(self) -> Step:
        """The step that all of them are at."""
        return self.notices[0].step

    @property
    def ref(self) -> str:
        """Where their first telling can be answered."""
        return self.notices[0].ref

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to read."""
        return self.notices[0].quiet


def letters(notices: Sequence[Notice], findings: Findings, links: Mapping[str, str], *, most: int) -> list[Letter]:
    """One letter for all notices of one kind, step, model and thread: ten releases that wait are one matter.

    `most`: so many notices in one letter at the most.
    """
    together: dict[tuple[str, ...], list[Notice]] = {}
    for notice in notices:
        place = (notice.alarm.kind, notice.step, matter(notice), notice.ref, str(notice.quiet))
        together.setdefault(place, []).append(notice)
    written = []
    for group in (part for whole in together.values() for part in parts(whole, most)):
        said = tuple(words(notice, findings) for notice in group)
        written.append(Letter(title=_title(said, group), notices=group, words=said, links=links))
    return written


def matter(notice: Notice) -> str:
    """What an alarm is about, so that those of one matter stand together: the model, else the alarm itself."""
    about = notice.alarm.about
    return notice.alarm.key if about is None or isinstance(about, Week | Spike) else about.model


def parts(items: Sequence[_Item], most: int) -> Iterator[tuple[_Item, ...]]:
    """The items in order, so many at a time at the most."""
    return (tuple(items[first : first + most]) for first in range(0, len(items), most))


def _title(said: Sequence[Words], notices: Sequence[Notice]) -> str:
    """One title for notices that are told together."""
    if len(said) == 1:
        return f"{said[0].icon} {said[0].title}"
    first = notices[0]
    models = {notice.alarm.about.model for notice in notices if isinstance(notice.alarm.about, Obligation)}
    named = f"{clean(models.pop())}: " if len(models) == 1 else ""
    releases = plural(len(said), "release")
    if first.step is Step.RECOVERY:
        return f"{OVER} {named}{releases} wait no more"
    lead = "still " if first.step is Step.REMINDER else ""
    what = "past the deadline" if first.alarm.kind is AlarmKind.BREACH else "close to the deadline"
    return f"{ICONS[first.alarm.kind]} {named}{releases} {lead}{what}"
