"""The sinks, in the order in which they deliver. A new sink is one file and one line here."""

from __future__ import annotations

from flowjoy.sinks.base import Sink
from flowjoy.sinks.check_run import CheckRuns
from flowjoy.sinks.pull_comment import PullComment

SINKS: tuple[Sink, ...] = (CheckRuns(), PullComment())
