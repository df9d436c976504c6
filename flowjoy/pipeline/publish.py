"""What a run says to others: alerts first, then the report as an artifact, then checks and comment. None decides.

Alerts are told before the report is written: the ledger says what was told. The checks come last: they link the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flowjoy.actions.context import ActionsContext
from flowjoy.actions.core import Console
from flowjoy.actions.event import TRUSTED_EVENTS, RunEvent
from flowjoy.analysis.promise.dependencies import stub_lines
from flowjoy.analysis.results import Results, alerts_since
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import Outcome, commit_sha
from flowjoy.errors import HarvestError
from flowjoy.pipeline import notify
from flowjoy.pipeline.collect import Collected
from flowjoy.pipeline.run_context import keeps_ledger
from flowjoy.report import files
from flowjoy.sinks import SINKS, report_artifact
from flowjoy.sinks.base import AlertContext, Publication

_ALERT_SECONDS = 12
_UPLOAD_SECONDS = 25
_PUBLISH_SECONDS = 30
_CHECKS_SECONDS = 12
_LEAST_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Where this run stands, and in whose name it speaks. `whole`: the time that is left for everything.

    `default_branch`: None where it is not known; then nobody can say that this run is on another one.
    """

    settings: Settings
    runner: ActionsContext
    trigger: RunEvent
    harvested: Collected
    console: Console
    whole: Budget
    default_branch: str | None

    def alert(self, findings: Results) -> Results:
        """Tell alerts; the findings with what was told."""
        # Who is not trusted says nothing in the ledger's name: its word would not be remembered.
        if self._is_live and not self.trigger.trusted and not self.trigger.fork:
            self._say_that_it_is_not_trusted()
        if self.trigger.of_pull_request or self.trigger.fork:
            return findings
        if self._is_live and self.trigger.trusted:
            if self.settings.sends_alerts and alerts_since(findings.bundle) is None:
                self.console.warning(
                    "no alert is sent: the ledger, which says what the first run found, cannot be read or kept. "
                    "See the warning about it, or set `sla-since` to the day from which on alerts are to be sent"
                )
            with self.console.group("Alerts"):
                new_errand = partial(self._errand, findings)
                findings = notify.send(findings, new_errand, self._links(), self._memory())
        return notify.raise_alerts(findings)

    def publish(self, findings: Results, written: Mapping[str, str], github: GitHubApi | None) -> dict[str, str]:
        """Upload the files, write checks and comment; the outputs that this gives."""
        if self.settings.as_of is None and not self.runner.on_actions:
            self.console.notice("no artifact is uploaded: this is no run of a workflow. The files stay where they are")
        if not self._is_live or self.trigger.fork:
            return {}
        stored = self._store(findings, written)
        return stored | self._deliver(findings, github, stored.get("artifact-url"))

    def _say_that_it_is_not_trusted(self) -> None:
        """Say once who is not told, why, and what would change that."""
        if self.trigger.of_pull_request and not self.settings.sends_alerts:
            return
        branch = self.default_branch or "the default branch"
        events = ", ".join(sorted(TRUSTED_EVENTS))
        self.console.notice(
            f"this run is not trusted: {self.trigger.distrust}. It sends no alert, no later run believes its ledger. "
            f"Run the action on {branch}, by one of: {events} (an hourly `schedule` serves)"
        )

    @property
    def _is_live(self) -> bool:
        """Whether anything is said outside of the job: not in a dry look, nor on a laptop."""
        return self.settings.as_of is None and self.runner.on_actions

    @property
    def _run_url(self) -> str | None:
        runner = self.runner
        return f"{runner.server_url}/{runner.repository}/actions/runs/{runner.run_id}" if runner.run_id else None

    def _errand(self, findings: Results) -> AlertContext:
        left = self.whole.left() - _CHECKS_SECONDS
        return AlertContext(
            settings=self.settings,
            transport=Transport(Budget(max(_LEAST_SECONDS, min(_ALERT_SECONDS, left)))),
            now=findings.bundle.generated_at,
            chart=partial(files.chart_png, findings),
            warn=self.console.warning,
            log=self.console.log,
        )

    def _links(self) -> dict[str, str]:
        """Where the check and the page are: both are written after the alert, at addresses that are known before."""
        links = {}
        if self.trigger.sha is not None:
            repository = f"{self.runner.server_url}/{self.runner.repository}"
            links["check"] = f"{repository}/commit/{self.trigger.sha}/checks"
        if self._run_url is not None:
            links["report (artifact of this run)"] = self._run_url
        return links

    def _memory(self) -> notify.AlertHistory:
        return notify.AlertHistory(
            sure=keeps_ledger(self.harvested, self.runner), begun=bool(self.harvested.records.ledgers)
        )

    def _upload_name(self) -> str | None:
        """Under which name the report goes up; None: not at all.

        What no later run may believe, or what knows less than an older ledger that could not be read, must not stand in
        front of that ledger.
        """
        if not self.harvested.may_remember:
            return None
        untrusted = self.default_branch is not None and not self.trigger.trusted
        hides = self.trigger.of_pull_request or untrusted or not self.harvested.confirmed
        return f"{self.settings.artifact_name}-unconfirmed" if hides else self.settings.artifact_name

    def _store(self, findings: Results, written: Mapping[str, str]) -> dict[str, str]:
        """Upload the files. Without an artifact they stay where they are, and the log says why."""
        settings, runner, console, name = self.settings, self.runner, self.console, self._upload_name()
        if name is None:
            console.warning(
                "nothing is uploaded, so that the ledger of a newer FlowJoy is not buried: update this action"
            )
            return {}
        if runner.results_url is None or runner.runtime_token is None:
            folder = settings.output_dir.relative_to(runner.workspace.resolve()).as_posix()
            console.notice(f"no artifact is uploaded: this runner has no artifact service. The files are in {folder}")
            return {}
        budget = Budget(max(_LEAST_SECONDS, min(_UPLOAD_SECONDS, self.whole.left() - _CHECKS_SECONDS)))
        service = report_artifact.ArtifactService(
            address=runner.results_url, token=runner.runtime_token, transport=Transport(budget)
        )
        made_at = findings.bundle.generated_at
        files_there = {name: runner.workspace / path for name, path in written.items()}
        expires_at = report_artifact.expiry(made_at, settings.retention_days, runner.retention_limit_days)
        try:
            with console.group(f"Artifact: {name}"):
                number = service.upload(name, files_there, made_at=made_at, expires_at=expires_at)
                console.log(f"uploaded as artifact {number}, kept until {expires_at.date()}")
        except HarvestError as problem:
            console.warning(f"the report was not uploaded: {problem.advised}")
            return {}
        except Exception as problem:  # noqa: BLE001  (an upload must not change the verdict)
            console.warning(f"the report was not uploaded ({type(problem).__name__}); please report this")
            return {}
        url = self._run_url
        return {"artifact-id": str(number)} | ({"artifact-url": f"{url}/artifacts/{number}"} if url else {})

    def _deployed(self, findings: Results) -> tuple[str, ...]:
        """The commits that this run, or the one that it follows, made or makes live, without the run's own."""
        followed = self.runner.event.get("workflow_run") if self.trigger.event == "workflow_run" else None
        runs = {self.runner.run_id, str(followed.get("id")) if isinstance(followed, dict) else None} - {None}
        ours = {
            record.sha
            for record in findings.bundle.code
            if record.run_id in runs and record.outcome is not Outcome.FAILED and record.sha is not None
        }
        return tuple(sorted(sha for sha in ours - {self.trigger.sha} if commit_sha.is_full(sha)))

    def _deliver(self, findings: Results, github: GitHubApi | None, artifact_url: str | None) -> dict[str, str]:
        """Checks and comment. A failure is a warning."""
        outputs: dict[str, str] = {}
        console = self.console
        if github is None:
            console.notice("without a github-token no check is written")
            return outputs
        publication = Publication(
            settings=self.settings,
            trigger=self.trigger,
            findings=findings,
            lines=stub_lines(self.harvested.records.stubs, self.trigger.sha, self.settings.model_stub),
            details_url=self._run_url,
            redact=console.redact,
            artifact_url=artifact_url,
            deployed=self._deployed(findings),
            warn=console.warning,
        )
        github.transport = Transport(Budget(max(_LEAST_SECONDS, min(_PUBLISH_SECONDS, self.whole.left() - 1))))
        for sink in SINKS:
            try:
                outputs |= sink.publish(publication, github)
            except HarvestError as problem:
                console.warning(f"{sink.label}: {problem.advised}")
            except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
                console.warning(f"{sink.label}: failed ({type(problem).__name__}); please report this")
        return outputs
