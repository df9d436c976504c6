"""The log, annotations, outputs and job summary of a run, in the format of the Actions runner.

Every line is written by `Console`, the only class that prints, and goes through `safe_line`: the runner executes no
workflow command but FlowJoy's own.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NoReturn, TextIO

from flowjoy.actions.redaction import Redactor
from flowjoy.actions.workflow_commands import escape_data, escape_property, safe_line

TITLE = "FlowJoy"
"""The title of every annotation of this step."""


class Console:
    """The log, the outputs and the job summary of one run. Thread-safe."""

    def __init__(
        self,
        *,
        on_actions: bool,
        output: Path | None = None,
        summary: Path | None = None,
        redact: Redactor | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._on_actions = on_actions
        self._output = output
        self._summary = summary
        self._redact = redact or Redactor()
        # Without an open stdout, Python sets it to None.
        self._stream: TextIO = stream or sys.stdout or io.StringIO()
        # The runner reads commands from stdout; a command line keeps its problems apart from its results.
        self._problems: TextIO = stream or sys.stderr or self._stream
        self._lock = threading.Lock()
        self._is_over = False

    def taken_over(self) -> Console:
        """Return a console that replaces this one, which stops writing because its thread was given up."""
        with self._lock:
            self._is_over = True
        return Console(
            on_actions=self._on_actions,
            output=self._output,
            summary=self._summary,
            redact=self._redact,
            stream=self._stream,
        )

    def hide(self, redact: Redactor) -> None:
        """Redact everything that is written from now on."""
        self._redact = redact

    @property
    def redact(self) -> Redactor:
        """The current redactor, for text that is sent elsewhere."""
        return self._redact

    def log(self, text: str = "") -> None:
        """Write one line of progress."""
        self._write(self._clean(text))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Open a foldable part of the log."""
        title = self._clean(title)
        self._write(f"::group::{escape_data(title)}" if self._on_actions else title)
        try:
            yield
        finally:
            if self._on_actions:
                self._write("::endgroup::")

    def notice(self, text: str, *, title: str = TITLE) -> None:
        """Annotate the run with a fact worth knowing."""
        self._annotate("notice", title, text)

    def warning(self, text: str, *, title: str = TITLE) -> None:
        """Annotate the run with a failure that did not decide its result."""
        self._annotate("warning", title, text)

    def error(self, text: str, *, title: str = TITLE) -> None:
        """Annotate the run with a failure that decided its result."""
        self._annotate("error", title, text)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Append step outputs. Raise OSError where they cannot be written: a later step must not read an old pass."""
        if self._output is None:
            return
        blocks = []
        for name, value in values.items():
            text = self._redact(value)
            if len(text.splitlines()) <= 1 and not text.endswith(("\n", "\r")):
                blocks.append(f"{name}={text}\n")
            else:
                fence = f"flowjoy_{secrets.token_hex(16)}"  # a server cannot guess it
                blocks.append(f"{name}<<{fence}\n{text}\n{fence}\n")
        if not self._may_write():
            return
        with self._output.open("a", encoding="utf-8", errors="replace") as file:
            # A line that an earlier step left open would swallow the first output.
            file.write("\n" * _is_open(self._output) + "".join(blocks))

    def summary(self, markdown: str) -> None:
        """Append to the job summary. Raise OSError where it cannot be written."""
        if self._summary is not None and self._may_write():
            with self._summary.open("a", encoding="utf-8", errors="replace") as file:
                # A blank line ends the text of an earlier step, and its HTML.
                file.write("\n\n" * _is_open(self._summary) + self._redact(markdown))

    def _annotate(self, level: str, title: str, text: str) -> None:
        line = self._clean(text)
        if self._on_actions:
            heading = escape_property(self._clean(title))
            self._write(f"::{level} title={heading}::{escape_data(line)}")
        else:
            self._write(safe_line(f"{level.upper()}: {line}"), self._problems)

    def _clean(self, text: str) -> str:
        """Return one harmless line. Redacted twice, because cleaning may cut a secret short or join its parts."""
        return self._redact(safe_line(self._redact(text)))

    def _may_write(self) -> bool:
        with self._lock:
            return not self._is_over

    def _write(self, line: str, stream: TextIO | None = None) -> None:
        target = stream or self._stream
        with self._lock:
            if self._is_over:
                return
            # The reader has gone (`| head`) or the disk is full: losing the log does not change the result.
            with suppress(OSError):
                encoding = getattr(target, "encoding", None) or "utf-8"
                target.write(line.encode(encoding, "replace").decode(encoding) + "\n")
                target.flush()


def seconds_left(began: float, done: int, total: int) -> float:
    """Return how long the rest takes at the pace so far. `began`: the monotonic time of the start."""
    return (time.monotonic() - began) * max(0, total - done) / max(1, done)


class ProgressLine:
    """One line that is written over again and again, where a person watches; elsewhere nothing is written."""

    def __init__(self, stream: TextIO | None = None) -> None:
        chosen = stream or sys.stderr
        self._stream = chosen if chosen is not None and chosen.isatty() else None

    def show(self, text: str) -> None:
        """Replace the line; an empty text removes it."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.write(f"\r\x1b[K{safe_line(text)}")
                self._stream.flush()


def _is_open(path: Path) -> bool:
    """Return whether the last line of a file is not terminated."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() != b"\n"


def leave(code: int) -> NoReturn:
    """End the process at once, without waiting for abandoned requests or for a reader that has gone."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(code)


class LibraryLog(logging.Handler):
    """Writes the log records and warnings of libraries to the console, one safe line each, without tracebacks."""

    def __init__(self, console: Console, *, debug: bool) -> None:
        super().__init__(logging.DEBUG if debug else logging.ERROR)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. A record with wrong arguments is dropped, as by every handler."""
        try:
            self._console.log(f"[{record.name}] {record.getMessage()}")
        except (TypeError, ValueError, LookupError):
            self.handleError(record)


class LibraryPrint(io.TextIOBase):
    """Writes what libraries print, or log by their own handlers as PyGithub and MLflow do, to the console."""

    encoding = "utf-8"

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pending = ""

    def writable(self) -> bool:
        """Return True: libraries may write."""
        return True

    def write(self, text: str) -> int:
        """Write every complete line; keep the rest until it is terminated."""
        *complete, self._pending = (self._pending + text).split("\n")
        for line in complete:
            self._console.log(line)
        return len(text)


@contextmanager
def adopt_libraries(console: Console, *, debug: bool) -> Iterator[None]:
    """Route every library's log records, Python warnings and prints through the console."""
    root = logging.getLogger()
    root.handlers = [LibraryLog(console, debug=debug)]
    root.setLevel(logging.DEBUG if debug else logging.ERROR)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False
    with redirect_stdout(LibraryPrint(console)), redirect_stderr(LibraryPrint(console)):
        yield
