"""The end of a run that could not decide: its reason goes to the log, the job summary and the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowjoy.actions.core import Console
from flowjoy.analysis.promise import verdict
from flowjoy.errors import FlowJoyError, InputError
from flowjoy.pipeline.failed_checks import Ending, close_checks
from flowjoy.report.escaping import prose

_LONGEST_TITLE, _LONGEST_SENTENCE = 400, 1000


def give_up(problem: Exception, console: Console, environ: Mapping[str, str], argv: Sequence[str]) -> int:
    """Report why the run could not decide in its log, summary and checks; return the exit code."""
    ending = _ending_of(problem)
    heading = "FlowJoy input" if isinstance(problem, InputError) else "FlowJoy"
    for sentence in ending.sentences:
        console.error(sentence, title=heading)
    listed = "\n".join(f"- {prose(console.redact(sentence), _LONGEST_SENTENCE)}" for sentence in ending.sentences)
    title = prose(console.redact(ending.title), _LONGEST_TITLE)
    append_summary(console, f"## FlowJoy\n\n❌ {title}\n\n{listed}\n")
    refused = close_checks(environ, argv, ending, console.redact)
    if refused is not None:
        console.notice(refused)
    return verdict.EXIT_UNDECIDED


def append_summary(console: Console, markdown: str) -> None:
    """Append to the job summary; one that cannot be written is a warning, because it decides nothing."""
    try:
        console.summary(markdown)
    except OSError as problem:
        console.warning(f"the job summary could not be written ({problem.strerror})")


def _ending_of(problem: Exception) -> Ending:
    if isinstance(problem, InputError):
        return Ending(title="Could not decide: an input is wrong", sentences=problem.problems)
    if isinstance(problem, FlowJoyError):
        return Ending(title=f"Could not decide: {problem.advised}", sentences=[problem.advised])
    sentence = f"FlowJoy failed ({type(problem).__name__}{_where(problem)}): could not decide. Please report this."
    return Ending(title=sentence, sentences=[sentence])


def _where(problem: Exception) -> str:
    """Return the function and line that raised. A traceback would also show what a server sent."""
    frame = problem.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f" in {frame.tb_frame.f_code.co_name}, line {frame.tb_lineno}" if frame is not None else ""
