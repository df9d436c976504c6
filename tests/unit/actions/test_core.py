"""The runner's door: whatever a server says, no line becomes a command, no output another, no secret gets out."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.actions import core
from flowjoy.actions.core import Console, adopt_libraries
from flowjoy.actions.redaction import Redactor
from flowjoy.actions.workflow_commands import safe_line
from flowjoy.report.escaping import code
from tests.fakes.actions_runner import Command, OutputFileError, commands_in, outputs_in

SECRET = "ghs_canary/+0123456789=&"

PAYLOADS = [
    "::add-mask::pass",
    "  \t::add-mask::pass",
    "\u00a0\u2003::add-mask::pass",
    "::set-output name=verdict::pass",
    "##[set-output name=verdict]pass",
    "Merge: ##[set-output name=verdict]pass",
    "###[set-output name=verdict]pass",
    "##[set-output name=a]##[set-output name=verdict]pass",
    "release\n::stop-commands::x",
    "release\r::stop-commands::x",
    "release\r\n::stop-commands::x",
    "release\u2028::stop-commands::x",
    "release\u0085::stop-commands::x",
    "release\v::stop-commands::x\f::stop-commands::x",
    "\x1b[31m::add-mask::pass",
    "\x1b]0;title\x07::add-mask::pass",
    "\x1b]0;title\x1b\\::add-mask::pass",
    "\x1b]8;;\n::add-mask::pass",
    ":\x1b[0m:add-mask::pass",
    "#\x1b[0m#[set-output name=verdict]pass",
    "##\x1b[[set-output name=verdict]pass",
    "\x1b\x1b[0m[0m::add-mask::pass",
    "\x9b31m::add-mask::pass",
    "\x00::add-mask::pass",
    "\ufeff::add-mask::pass",
    "::error file=x::%0A::add-mask::pass",
    "%0A::add-mask::pass",
    "%23%23[set-output name=verdict]pass",
    "::debug::",
    "::::",
    "::",
    "##[",
    "##[group]x",
    "\ud800::add-mask::pass",
    "x" * 5000 + "\n::add-mask::pass",
    "x" * 3998 + "##[group]x",
]

HOSTILE = st.lists(
    st.sampled_from([*":#[]= \t\n\r\x1b\x00;m,%@|*0Aÿ", "\u2028", "\u00a0", "\x85", "add-mask", "##[", "::"])
).map("".join)


class Log:
    """A console and what it wrote."""

    def __init__(self, folder: Path | None = None, *, secrets: tuple[str, ...] = (), on_actions: bool = True) -> None:
        self._stream = io.StringIO()
        self.output = None if folder is None else folder / "output"
        self.summary = None if folder is None else folder / "summary.md"
        self.console = Console(
            on_actions=on_actions,
            output=self.output,
            summary=self.summary,
            redact=Redactor(secrets),
            stream=self._stream,
        )

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def outputs(self) -> dict[str, str]:
        assert self.output is not None
        return outputs_in(self.output.read_text(encoding="utf-8"))


# --- the model of the runner itself: it must execute what a runner would


@pytest.mark.parametrize(
    "line",
    ["::add-mask::pass", " \t::add-mask::pass", "\u00a0::add-mask::pass", "x\n::add-mask::pass", "x\r::add-mask::pass"],
)
def test_model__colons_at_the_start_of_a_line_are_a_command(line: str) -> None:
    assert commands_in(line) == [Command("add-mask", {}, "pass")]


@pytest.mark.parametrize("line", ["##[set-output name=verdict]pass", "a ##[set-output name=verdict]pass"])
def test_model__brackets_anywhere_are_a_command(line: str) -> None:
    assert commands_in(line) == [Command("set-output", {"name": "verdict"}, "pass")]


def test_model__stop_commands_holds_back_until_its_token() -> None:
    log = "::stop-commands::tok\n::error::lost\n::tok::\n::error::seen"
    assert [command.data for command in commands_in(log)] == ["tok", "seen"]


def test_model__an_output_file_is_read_as_the_runner_reads_it() -> None:
    assert outputs_in("a=1\nb<<EOF\nx\ny=2\nEOF\nc<<E=F\n\nE=F\n") == {"a": "1", "b": "x\ny=2", "c": ""}
    for broken in ("b<<EOF\nx\n", "nonsense\n", "<<EOF\nEOF\n"):
        with pytest.raises(OutputFileError):
            outputs_in(broken)


# --- P01, P02, P03: the log


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("prefix", ["", "GitHub workflow runs: ", "\n", " "])
def test_log__no_payload_is_a_command(payload: str, prefix: str) -> None:
    log = Log()
    log.console.log(prefix + payload)
    assert commands_in(log.text) == []
    assert log.text.count("\n") == 1


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("level", ["notice", "warning", "error"])
def test_annotation__a_payload_in_text_and_title_stays_one_annotation(payload: str, level: str) -> None:
    log = Log()
    getattr(log.console, level)(payload, title=payload)
    (only,) = commands_in(log.text)
    assert only.name == level
    assert only.properties.keys() == {"title"}
    assert "\n" not in only.data


@pytest.mark.parametrize("payload", PAYLOADS)
def test_annotation__later_ones_still_work_after_a_payload(payload: str) -> None:
    log = Log()
    with log.console.group(payload):
        log.console.log(payload)
        log.console.warning(payload, title=payload)
    log.console.error("promise broken")
    assert commands_in(log.text)[-1] == Command("error", {"title": "FlowJoy"}, "promise broken")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_log__off_actions_no_payload_is_a_command_either(payload: str) -> None:
    log = Log(on_actions=False)
    log.console.log(payload)
    log.console.error(payload, title=payload)
    with log.console.group(payload):
        log.console.notice(payload)
    assert commands_in(log.text) == []
    assert log.text.count("\n") == 4


@pytest.mark.parametrize("payload", PAYLOADS)
def test_library_log__a_payload_in_a_library_s_record_is_no_command(payload: str, own_logging: None) -> None:
    log = Log()
    with adopt_libraries(log.console, debug=True):
        logging.getLogger("urllib3").error("answer: %s", payload)
        logging.getLogger(payload).error(payload.replace("%", "%%"))
        warnings.warn(payload, stacklevel=1)
    assert commands_in(log.text) == []
    assert log.text.count("\n") == 3


@given(text=HOSTILE, secret=st.one_of(HOSTILE, st.text()), title=HOSTILE)
def test_console__no_text_is_a_command_whatever_the_secrets_are(text: str, secret: str, title: str) -> None:
    log = Log(secrets=(secret,))
    log.console.log(text)
    assert commands_in(log.text) == []
    log.console.error(text, title=title)
    assert [command.name for command in commands_in(log.text)] == ["error"]


@given(text=st.text(), title=st.text())
def test_annotation__text_and_title_arrive_as_they_were_cleaned(text: str, title: str) -> None:
    log = Log()
    log.console.error(text, title=title)
    (only,) = commands_in(log.text)
    assert only.data == safe_line(text).encode("utf-8", "replace").decode()
    assert only.properties["title"] == safe_line(title).encode("utf-8", "replace").decode().rstrip()


def test_escape__comma_colon_and_percent_in_a_title() -> None:
    log = Log()
    log.console.error("100 % of a:b,c", title="50 %, rate: low")
    assert log.text == "::error title=50 %25%2C rate%3A low::100 %25 of a:b,c\n"


def test_problems__go_to_stderr_on_a_command_line_and_to_the_runner_on_actions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for on_actions in (False, True):
        console = Console(on_actions=on_actions)
        console.log("read")
        console.error("refused")
    assert capsys.readouterr() == ("read\nread\n::error title=FlowJoy::refused\n", "ERROR: refused\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_log__a_stream_that_cannot_say_a_sign_gets_a_question_mark(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    Console(on_actions=True, stream=stream).log("✓ \ud800 done")
    assert raw.getvalue().decode(encoding).rstrip("\n").endswith(" ? done")


# --- P04, P06: the outputs


@pytest.mark.parametrize(
    "payload", ["EOF\nverdict=pass", "verdict=pass", "x<<EOF\n1\nEOF", "EOF", "<<", "a\n\nb", "", "=", "\ud800"]
)
def test_outputs__a_payload_stays_the_value_of_its_own_name(tmp_path: Path, payload: str) -> None:
    log = Log(tmp_path)
    log.console.outputs({"verdict": "error", "unified-tag": payload, "check-url": payload})
    assert log.outputs.keys() == {"verdict", "unified-tag", "check-url"}
    assert log.outputs["verdict"] == "error"
    assert log.outputs["unified-tag"] == payload.replace("\ud800", "?")


@given(payload=st.lists(st.sampled_from(["EOF", "<<", "=", "\n", "\r", "verdict", "pass", "flowjoy_"])).map("".join))
def test_outputs__any_value_reads_back_exactly(tmp_path_factory: pytest.TempPathFactory, payload: str) -> None:
    log = Log(tmp_path_factory.mktemp("outputs"))
    log.console.outputs({"unified-tag": payload, "verdict": "fail"})
    with log.output.open(encoding="utf-8", newline="") as file:  # type: ignore[union-attr]  # a folder was given
        assert outputs_in(file.read()) == {"unified-tag": payload, "verdict": "fail"}


def test_outputs__the_last_word_on_a_name_counts(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.console.outputs({"verdict": "error"})
    assert log.outputs == {"verdict": "error"}
    log.console.outputs({"verdict": "pass"})
    assert log.outputs == {"verdict": "pass"}


def test_outputs__a_file_that_cannot_be_written_raises(tmp_path: Path) -> None:
    log = Log(tmp_path / "gone")
    with pytest.raises(OSError, match="output"):
        log.console.outputs({"verdict": "pass"})


def test_outputs__without_a_file_there_are_none() -> None:
    log = Log()
    log.console.outputs({"verdict": "pass"})
    log.console.summary("# x")
    assert log.text == ""


def test_summary__appends(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.console.summary("one\n")
    log.console.summary("two \ud800\n")
    assert log.summary is not None
    assert log.summary.read_text(encoding="utf-8") == "one\ntwo ?\n"


# --- P40: secrets


def spellings(secret: str) -> dict[str, str]:
    """Ways in which servers, clients and reports write a secret."""
    return {
        "plain": secret,
        "percent-encoded": quote(secret, safe=""),
        "percent-encoded, in lower case": quote(secret, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
        "percent-encoded but for slashes": quote(secret),
        "as a form": quote_plus(secret),
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(secret.encode()).decode(),
        "basic authorization": base64.b64encode(f"x-access-token:{secret}".encode()).decode(),
        "basic authorization, percent-encoded": quote(base64.b64encode(f"mlflow:{secret}".encode()).decode(), safe=""),
        "in Markdown": code(secret),
        "in HTML": escape(secret),
        "in JSON": json.dumps(secret),
    }


@pytest.mark.parametrize("form", sorted(spellings(SECRET)))
def test_redaction__a_secret_is_hidden_however_it_is_spelled(tmp_path: Path, form: str) -> None:
    spelled = spellings(SECRET)[form]
    log = Log(tmp_path, secrets=(SECRET,))
    text = f"server said <{spelled}> to us"
    log.console.log(text)
    log.console.error(text, title=text)
    log.console.outputs({"check-url": text})
    log.console.summary(text)
    with log.console.group(text):
        pass
    assert log.output is not None
    assert log.summary is not None
    written = log.text + log.output.read_text() + log.summary.read_text()
    assert written.count("***") >= 5
    for text in (SECRET, SECRET[3:-3], spelled):
        assert text not in written


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    user=st.text(st.characters(min_codepoint=97, max_codepoint=122), max_size=5),
)
def test_redaction__base64_shows_no_four_characters_of_the_secret_after_any_user(secret: str, user: str) -> None:
    encoded = base64.b64encode(f"{user}:{secret}".encode()).decode()
    shown = Redactor([secret])(f"Basic {encoded}")
    # Apart from the characters of the user, only the sextets in which the secret and its surroundings mix may be left.
    own = base64.b64encode(f"{user}:".encode()).decode().rstrip("=")
    left = shown.removeprefix("Basic ").replace("***", "")
    assert len(left.rstrip("=")) <= len(own) + 3


def test_redaction__a_secret_parted_by_colours_is_hidden() -> None:
    log = Log(secrets=(SECRET,))
    log.console.log(f"token {SECRET[:8]}\x1b[0m{SECRET[8:]}")
    assert SECRET[8:] not in log.text


def test_redaction__a_secret_at_the_cut_is_hidden_before_it_is_cut() -> None:
    log = Log(secrets=(SECRET,))
    log.console.log("x" * 3990 + SECRET)
    assert SECRET[:6] not in log.text


def test_redaction__a_secret_of_under_six_characters_would_blank_half_the_text_and_stays() -> None:
    assert Redactor(["pass", "", "ok"])("verdict=pass ok") == "verdict=pass ok"
    assert Redactor(["passed"])("verdict=passed") == "verdict=***"


def test_redaction__of_two_secrets_the_longer_goes_first() -> None:
    assert Redactor(["abcdef", "abcdefghij"])("abcdefghij abcdef") == "*** ***"


def test_redaction__marks_in_a_secret_are_no_pattern() -> None:
    assert Redactor(["a.*b[c"])("a.*b[c axxbc") == "*** axxbc"


def test_hide__holds_from_then_on(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.console.hide(Redactor([SECRET]))
    log.console.log(SECRET)
    assert log.text == "***\n"
    assert log.console.redact(SECRET) == "***"


# --- P05: libraries


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Python's logging as it was before, afterwards."""
    root = logging.getLogger()
    before = (root.handlers, root.level, logging.raiseExceptions)
    logging.captureWarnings(capture=False)  # a run within another test left it on, and twice on is a no-op
    for name in ("github", "mlflow"):  # their import, in some test before, gave them handlers and levels of their own
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(logging.NOTSET)
    yield
    root.handlers, logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)


def test_library_log__an_exception_is_one_line_without_its_traceback(own_logging: None) -> None:
    log = Log(secrets=(SECRET,))
    with adopt_libraries(log.console, debug=False):
        problem = OSError(f"server data\n::add-mask::{SECRET}")
        logging.getLogger("mlflow").error("failed: %s", problem, exc_info=problem)
    assert log.text == "[mlflow] failed: server data ::add-mask::***\n"


def test_library_log__below_error_is_for_debug_runs_only(own_logging: None) -> None:
    for debug, lines in ((False, 1), (True, 3)):
        log = Log()
        with adopt_libraries(log.console, debug=debug):
            logger = logging.getLogger("urllib3")
            logger.debug("d")
            logger.warning("w")
            logger.error("e")
        assert log.text.count("\n") == lines


def test_library_log__a_record_that_was_filled_wrongly_is_dropped(own_logging: None) -> None:
    log = Log()
    with adopt_libraries(log.console, debug=False):
        logging.getLogger("urllib3").error("%d of %s", "many")  # noqa: PLE1206  (the mistake is the test)
        logging.getLogger("urllib3").error("after")
    assert log.text == "[urllib3] after\n"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_library_print__no_payload_that_a_library_prints_is_a_command(
    payload: str, own_logging: None, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log(secrets=(SECRET,))
    with adopt_libraries(log.console, debug=False):
        print(payload)
        print(payload, file=sys.stderr)
        print(SECRET)
    assert commands_in(log.text) == []
    assert SECRET not in log.text
    assert log.text.endswith("***\n")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["github", "mlflow"])
def test_library_print__a_library_s_own_handler_writes_to_the_console(
    name: str, own_logging: None, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    with adopt_libraries(log.console, debug=False):
        handler = logging.StreamHandler()  # as PyGithub does when it is imported, after our own handler is in place
        logger = logging.getLogger(f"{name}.test")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.info("Following Github server redirection to /x##[set-output name=verdict]pass")
        logger.removeHandler(handler)
    assert log.text == "Following Github server redirection to /x# #[set-output name=verdict]pass\n"
    assert capfd.readouterr() == ("", "")


def test_library_print__a_line_is_written_when_it_is_complete(own_logging: None) -> None:
    log = Log()
    with adopt_libraries(log.console, debug=False):
        print(":", end="")
        print(":add-mask::pass", end="")
        assert log.text == ""
        print(" done\nnext")
        assert log.text == "| ::add-mask::pass done\nnext\n"


# `echo -n "x=1" >> $GITHUB_OUTPUT` in an earlier step: the next line would be part of its value.
@pytest.mark.parametrize("before", ["version=3", "version=3\n", "a<<E\nb\nE", "a<<E\nb\nE\n", ""])
def test_outputs__stay_readable_after_a_line_that_an_earlier_step_left_open(tmp_path: Path, before: str) -> None:
    file = tmp_path / "output"
    file.write_text(before)
    Console(on_actions=True, output=file, stream=io.StringIO()).outputs({"verdict": "pass"})
    read = outputs_in(file.read_text())
    assert read["verdict"] == "pass"
    assert set(read) == {"verdict", *({"version"} if "version" in before else {"a"} if before else set())}
    assert "\n\n" not in file.read_text()


@pytest.mark.parametrize("before", ["| a |", "</table>", "text"])
def test_summary__begins_after_a_blank_line_where_an_earlier_step_left_a_line_open(tmp_path: Path, before: str) -> None:
    file = tmp_path / "summary"
    file.write_text(before)
    Console(on_actions=True, summary=file, stream=io.StringIO()).summary("## FlowJoy\n")
    assert file.read_text() == f"{before}\n\n## FlowJoy\n"


def test_outputs__to_what_is_no_file_are_only_appended() -> None:
    Console(on_actions=True, output=Path("/dev/null"), stream=io.StringIO()).outputs({"verdict": "pass"})


def test_output__of_one_line_is_a_plain_pair_and_of_more_a_block(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.console.outputs({"verdict": "pass"})
    assert log.output is not None
    assert log.output.read_text() == "verdict=pass\n"
    log.console.outputs({"check-url": "a\n"})
    assert "check-url<<flowjoy_" in log.output.read_text()


def test_console__that_was_taken_over_writes_nothing_any_more(tmp_path: Path) -> None:
    log = Log(tmp_path)
    late, now = log.console, log.console.taken_over()
    for console in (late, now):
        console.log("line")
        console.outputs({"verdict": "pass"})
        console.summary("## summary\n")
    assert log.output is not None
    assert log.summary is not None
    assert log.text == "line\n"
    assert log.output.read_text() == "verdict=pass\n"
    assert log.summary.read_text() == "## summary\n"


@pytest.mark.parametrize(
    ("on_actions", "text"), [(True, "::group::Models\nread\n::endgroup::\n"), (False, "Models\nread\n")]
)
def test_group__is_folded_by_the_runner_alone(*, on_actions: bool, text: str) -> None:
    log = Log(on_actions=on_actions)
    with log.console.group("Models"):
        log.console.log("read")
    assert log.text == text


@pytest.mark.parametrize(("done", "total", "left"), [(0, 10, 300.0), (1, 10, 270.0), (5, 10, 30.0), (10, 9, 0.0)])
def test_seconds_left__are_those_of_the_rest_at_the_pace_so_far(
    monkeypatch: pytest.MonkeyPatch, done: int, total: int, left: float
) -> None:
    monkeypatch.setattr("flowjoy.actions.core.time.monotonic", lambda: 130.0)
    assert core.seconds_left(100.0, done, total) == left
