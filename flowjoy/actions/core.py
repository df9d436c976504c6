"""The Actions runner: its log format, escaping, redaction, outputs, annotations. Nobody else prints.

The runner executes `::command::` at the start of a line and the old `##[command]` anywhere in one, on both streams;
so every line that leaves goes through `safe_line`.
"""

from __future__ import annotations

import io
import logging
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NoReturn, TextIO

from flowjoy.actions.redaction import Redactor

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LONGEST_LINE = 4000


def safe_line(text: str) -> str:
    """One line that no runner takes for a command, whatever a server put into it."""
    line = _ANSI.sub("", text)
    line = _CONTROL.sub(" ", line.replace("\r\n", " ").replace("\n", " "))
    line = line.replace("##[", "# #[")
    if line.lstrip().startswith("::"):
        line = f"| {line.lstrip()}"
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def escape_data(text: str) -> str:
    """The message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """A property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


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
        # Python has no stdout where the caller closed it.
        self._stream: TextIO = stream or sys.stdout or io.StringIO()
        self._lock = threading.Lock()
        self._is_over = False

    def taken_over(self) -> Console:
        """Return a console in place of this one, which writes no more: the thread that uses it was left behind."""
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
        """Redact everything that follows by it."""
        self._redact = redact

    @property
    def redact(self) -> Redactor:
        """The redaction in force, for text that leaves by other doors."""
        return self._redact

    def log(self, text: str = "") -> None:
        """One line of progress."""
        self._write(self._clean(text))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A foldable part of the log."""
        title = self._clean(title)
        self._write(f"::group::{escape_data(title)}" if self._on_actions else title)
        try:
            yield
        finally:
            if self._on_actions:
                self._write("::endgroup::")

    def notice(self, text: str, *, title: str = "FlowJoy") -> None:
        """Something worth knowing."""
        self._annotate("notice", title, text)

    def warning(self, text: str, *, title: str = "FlowJoy") -> None:
        """Something that went wrong and did not decide."""
        self._annotate("warning", title, text)

    def error(self, text: str, *, title: str = "FlowJoy") -> None:
        """Something that decided."""
        self._annotate("error", title, text)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Append step outputs. Raises OSError when they cannot be written: then nobody may read a pass."""
        if self._output is None:
            return
        blocks = []
        for name, value in values.items():
            text = self._redact(value)
            if len(text.splitlines()) <= 1 and not text.endswith(("\n", "\r")):
                blocks.append(f"{name}={text}\n")
            else:
                fence = f"flowjoy_{secrets.token_hex(16)}"  # which no server can guess
                blocks.append(f"{name}<<{fence}\n{text}\n{fence}\n")
        if not self._may_write():
            return
        with self._output.open("a", encoding="utf-8", errors="replace") as file:
            # A line that an earlier step left open would take the first output with it.
            file.write("\n" * _is_open(self._output) + "".join(blocks))

    def summary(self, markdown: str) -> None:
        """Append to the job summary."""
        if self._summary is not None and self._may_write():
            with self._summary.open("a", encoding="utf-8", errors="replace") as file:
                # A blank line ends what an earlier step began, also its HTML.
                file.write("\n\n" * _is_open(self._summary) + self._redact(markdown))

    def _annotate(self, level: str, title: str, text: str) -> None:
        line = self._clean(text)
        if self._on_actions:
            heading = escape_property(self._clean(title))
            self._write(f"::{level} title={heading}::{escape_data(line)}")
        else:
            self._write(safe_line(f"{level.upper()}: {line}"))

    def _clean(self, text: str) -> str:
        """One harmless line. Redacted on both sides: cleaning may cut a secret short, or join one that was parted."""
        return self._redact(safe_line(self._redact(text)))

    def _may_write(self) -> bool:
        with self._lock:
            return not self._is_over

    def _write(self, line: str) -> None:
        with self._lock:
            if self._is_over:
                return
            try:
                encoding = getattr(self._stream, "encoding", None) or "utf-8"
                self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
                self._stream.flush()
            except OSError:
                # The reader has left (`| head`), or the disk is full: a log that is lost decides nothing.
                self._stream = io.StringIO()


def _is_open(path: Path) -> bool:
    """Return whether the last line of a file lacks its end."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() != b"\n"


def leave(code: int) -> NoReturn:
    """End the process. Threads of requests that were given up must not keep it, nor a reader that has left."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(code)


class LibraryLog(logging.Handler):
    """What libraries log and warn goes out by the same door, one safe line each, without tracebacks."""

    def __init__(self, console: Console, *, debug: bool) -> None:
        super().__init__(logging.DEBUG if debug else logging.ERROR)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """One line; a record that its library filled wrongly is dropped, as by every handler."""
        try:
            self._console.log(f"[{record.name}] {record.getMessage()}")
        except (TypeError, ValueError, LookupError):
            self.handleError(record)


class LibraryPrint(io.TextIOBase):
    """What libraries print, or log by handlers of their own (PyGithub and MLflow bring some), by the same door."""

    encoding = "utf-8"

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = ""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Whole lines go out, the rest waits for its end."""
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
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
