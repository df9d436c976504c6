"""Publishes a run's results: alerts, then the report artifact, then checks and the pull request comment.

Alerts are sent before the report is written, because its ledger records them; the checks come last, because they link
the report. Failures here never change the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from flowjoy.actions.context import ActionsContext
from flowjoy.actions.core import Console
from flowjoy.actions.event import RunEvent
from flowjoy.actions.trusted_runs import TRUSTED_EVENTS
from flowjoy.analysis.promise import settled_releases, verdict
from flowjoy.analysis.promise.dependencies import HEAD, stub_lines
from flowjoy.analysis.results import Results, alerts_since
from flowjoy.clients.actions_artifacts import ArtifactService
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import Outcome, ParsedStub, commit_sha
from flowjoy.errors import HarvestError
from flowjoy.pipeline import cdevents, notify
from flowjoy.pipeline.collected import Collected
from flowjoy.pipeline.run_context import keeps_ledger
from flowjoy.report import files
from flowjoy.report.content.report import Report
from flowjoy.report.links import Links
from flowjoy.sinks import SINKS, report_artifact
from flowjoy.sinks.base import AlertContext, Publication

_ALERT_SECONDS = 12
_UPLOAD_SECONDS = 25
_PUBLISH_SECONDS = 30
_CHECKS_SECONDS = 12
_MIN_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Publishes the results of one run. `budget`: the time that is left for everything.

    `default_branch`: None if it is unknown; then this run cannot be known to be on another branch.
    """

    settings: Settings
    runner: ActionsContext
    trigger: RunEvent
    harvested: Collected
    console: Console
    budget: Budget
    default_branch: str | None
    links: Links

    def alert(self, results: Results) -> Results:
        """Send due alerts, and return the results with what was sent."""
        # An untrusted run sends nothing: later runs would not believe its record of it.
        if self._is_live and not self.trigger.believed and not self.trigger.fork:
            self._warn_of_distrust()
        if self.trigger.of_pull_request or self.trigger.fork:
            return results
        if self._is_live and self.trigger.believed:
            if self.settings.sends_alerts and alerts_since(results.bundle) is None:
                self.console.warning(
                    "no alert is sent: the ledger, which records what the first run observed, cannot be read or kept. "
                    "See the warning about it, or set `sla-since` to the day from which alerts are to be sent"
                )
            with self.console.group("Alerts"):
                new_context = partial(self._alert_context, results)
                history = self._history()
                results = notify.send(results, new_context, self._alert_links(results), history)
            url = self.settings.cdevents_url
            if url is not None:
                redact = self.console.redact
                results = cdevents.post_new(results, url, new_context(), redact, complete=history.complete)
        return notify.raise_alerts(results)

    def settle(self, results: Results) -> Results:
        """Return the results with the earlier releases whose checks a trusted run brings up to date."""
        if not self.trigger.trusted or results.verdict.exit_code == verdict.EXIT_UNDECIDED:
            return results
        written = {self.trigger.sha, *self._deployed(results)}
        listed = settled_releases.updated(results.bundle, results.obligations, written)
        return replace(results, bundle=replace(results.bundle, checks_settled=listed))

    def publish(
        self, results: Results, report: Report, written: Mapping[str, str], github: GitHubApi | None
    ) -> dict[str, str]:
        """Upload the files and write checks and comment; return the outputs that this gives."""
        if self.settings.as_of is None and not self.runner.on_actions:
            self.console.notice(
                "no artifact is uploaded: this is not a run of a workflow. The files remain where they are"
            )
        if not self._is_live or self.trigger.fork:
            return {}
        stored = self._store(results, written)
        return stored | self._write_checks(results, report, github, stored.get("artifact-url"))

    def _warn_of_distrust(self) -> None:
        """Log once why this run sends no alert, and what would change that."""
        if self.trigger.of_pull_request and not self.settings.sends_alerts:
            return
        branch = self.default_branch or "the default branch"
        events = ", ".join(sorted(TRUSTED_EVENTS))
        self.console.notice(
            f"this run is not trusted: {self.trigger.distrust}. It sends no alert, and no later run believes its "
            f"ledger. Run the action on {branch}, by one of: {events} (a `schedule` serves)"
        )

    @property
    def _is_live(self) -> bool:
        """Whether anything is published: not with `as-of`, nor outside of GitHub Actions."""
        return self.settings.as_of is None and self.runner.on_actions

    def _alert_context(self, results: Results) -> AlertContext:
        seconds = self.budget.left() - _CHECKS_SECONDS
        return AlertContext(
            settings=self.settings,
            transport=Transport(Budget(max(_MIN_SECONDS, min(_ALERT_SECONDS, seconds)))),
            now=results.bundle.generated_at,
            chart=partial(files.chart_png, results),
            warn=self.console.warning,
            log=self.console.log,
        )

    def _alert_links(self, results: Results) -> Links:
        """Return the links of alerts; check and report are written later, at addresses known in advance."""
        stub, branch = results.bundle.stubs.get(HEAD), self.default_branch
        if branch is None or self.links.repository is None or not isinstance(stub, ParsedStub):
            return self.links
        path = f"{quote(branch)}/{quote(self.settings.model_stub)}"
        return replace(self.links, stub=f"{self.links.repository}/edit/{path}")

    def _history(self) -> notify.AlertHistory:
        return notify.AlertHistory(
            complete=keeps_ledger(self.harvested, self.runner), initialised=bool(self.harvested.records.ledgers)
        )

    def _upload_name(self) -> str | None:
        """Return the name of the artifact, None if nothing may be uploaded.

        A ledger that no later run may believe, or that lacks what an unreadable older one has, must not hide the older.
        """
        if not self.harvested.may_remember:
            return None
        untrusted = self.default_branch is not None and not self.trigger.believed
        is_unconfirmed = self.trigger.of_pull_request or untrusted or not self.harvested.confirmed
        return f"{self.settings.artifact_name}-unconfirmed" if is_unconfirmed else self.settings.artifact_name

    def _store(self, results: Results, written: Mapping[str, str]) -> dict[str, str]:
        """Upload the files. If that fails they remain in the workspace, and the log says why."""
        settings, runner, console, name = self.settings, self.runner, self.console, self._upload_name()
        if name is None:
            console.warning(
                "nothing is uploaded, so that the ledger of a newer FlowJoy is not hidden: update this action"
            )
            return {}
        if runner.results_url is None or runner.runtime_token is None:
            folder = settings.output_dir.relative_to(runner.workspace.resolve()).as_posix()
            console.notice(f"no artifact is uploaded: this runner has no artifact service. The files are in {folder}")
            return {}
        budget = Budget(max(_MIN_SECONDS, min(_UPLOAD_SECONDS, self.budget.left() - _CHECKS_SECONDS)))
        service = ArtifactService(address=runner.results_url, token=runner.runtime_token, transport=Transport(budget))
        made_at = results.bundle.generated_at
        files_of_report = {name: runner.workspace / path for name, path in written.items()}
        expires_at = report_artifact.expiry(made_at, settings.retention_days, runner.retention_limit_days)
        try:
            with console.group(f"Artifact: {name}"):
                number = report_artifact.upload(service, name, files_of_report, made_at=made_at, expires_at=expires_at)
                console.log(f"uploaded as artifact {number}, kept until {expires_at.date()}")
        except HarvestError as problem:
            console.warning(f"the report was not uploaded: {problem.advised}")
            return {}
        except Exception as problem:  # noqa: BLE001  (an upload must not change the verdict)
            console.warning(f"the report was not uploaded ({type(problem).__name__}); please report this")
            return {}
        url = self.links.run
        return {"artifact-id": str(number)} | ({"artifact-url": f"{url}/artifacts/{number}"} if url else {})

    def _deployed(self, results: Results) -> tuple[str, ...]:
        """Return the commits that this run, or the run it follows, deployed or deploys, without the run's own."""
        followed = self.runner.event.get("workflow_run") if self.trigger.event == "workflow_run" else None
        runs = {self.runner.run_id, str(followed.get("id")) if isinstance(followed, dict) else None} - {None}
        ours = {
            record.sha
            for record in results.bundle.code
            if record.run_id in runs and record.outcome is not Outcome.FAILED and record.sha is not None
        }
        return tuple(sorted(sha for sha in ours - {self.trigger.sha} if commit_sha.is_full(sha)))

    @property
    def _judged(self) -> frozenset[int]:
        """The pull requests that this run judged, by its event and by what GitHub lists."""
        proposal = self.harvested.proposal
        listed = {one.number for one in proposal.every if one.number is not None} if proposal is not None else set()
        return self.trigger.asking | listed

    def _write_checks(
        self, results: Results, report: Report, github: GitHubApi | None, artifact_url: str | None
    ) -> dict[str, str]:
        """Write checks and comment. A failure is a warning."""
        outputs: dict[str, str] = {}
        console = self.console
        if github is None:
            console.notice("without a github-token no check is written")
            return outputs
        publication = Publication(
            settings=self.settings,
            trigger=self.trigger,
            results=results,
            lines=stub_lines(self.harvested.records.stubs, self.trigger.sha),
            report=report,
            redact=console.redact,
            artifact_url=artifact_url,
            deployed=self._deployed(results),
            judged=self._judged,
            warn=console.warning,
        )
        github.transport = Transport(Budget(max(_MIN_SECONDS, min(_PUBLISH_SECONDS, self.budget.left() - 1))))
        for sink in SINKS:
            try:
                outputs |= sink.publish(publication, github)
            except HarvestError as problem:
                console.warning(f"{sink.label}: {problem.advised}")
            except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
                console.warning(f"{sink.label}: failed ({type(problem).__name__}); please report this")
        return outputs
