"""The REST routes of one GitHub repository: lists, filters and pages them as GitHub does. Knows no server."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from tests.fakes.github_bodies import Bodies
from tests.fakes.github_state import CheckRun, Issue, Repository, Run, stamp
from tests.fakes.http_base import Answer, Request

T = TypeVar("T")
MOST_FILTERED_RUNS = 1000
MOST_ANNOTATIONS = 50
MOST_CHECK_CHARACTERS = 65_535
_FILTERS = ("actor", "branch", "check_suite_id", "created", "event", "head_sha", "status")
_CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")


def message(status: int, text: str, **more: Any) -> Answer:
    """An error as GitHub words it."""
    docs = "https://docs.github.com/rest"
    return Answer(status, {"message": text, **more, "documentation_url": docs, "status": str(status)})


NOT_FOUND = message(404, "Not Found")


Handler = Callable[..., Answer]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def _route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """`{id}` and the like are numbers, `{file}` and `{ref}` one step of the path, `{path}` all the rest."""
    kinds = {"file": "[^/]+", "ref": ".+?", "path": ".+", "base": "[^/]+?", "head": "[^/]+"}
    regex = re.compile(re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{kinds.get(m[1], '[0-9]+')})", pattern))

    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, regex, handler))
        return handler

    return register


class Call:
    """One REST request to one repository."""

    def __init__(self, blob_url: str, repo: Repository, request: Request, api: str) -> None:
        self.blob_url, self.repo, self.request, self.api = blob_url, repo, request, api
        self.bodies = Bodies(repo, api)

    def dispatch(self, path: str) -> Answer:
        for method, pattern, handler in _ROUTES:
            result = pattern.fullmatch(path)
            if result and method == self.request.method:
                return handler(self, **result.groupdict())
        return NOT_FOUND

    def paged(
        self, items: Sequence[T], body: Callable[[T], Any], *, under: str = "", reachable: int | None = None
    ) -> Answer:
        """One page with its `Link` header. `under` is the key of an envelope that also counts all items."""
        size, page = self._number("per_page", 30), self._number("page", 1)
        size = min(size, 100)
        last = max(1, math.ceil(len(items[:reachable]) / size))
        part = [body(item) for item in items[:reachable][(page - 1) * size : page * size]]
        before = {"prev": page - 1, "first": 1} if page > 1 else {}
        after = {"next": page + 1, "last": last} if page < last else {}
        links = [f'<{self._page_url(number)}>; rel="{rel}"' for rel, number in (before | after).items()]
        content = {"total_count": len(items), under: part} if under else part
        return Answer(200, content, {"Link": ", ".join(links)} if links else {})

    def _number(self, key: str, default: int) -> int:
        text = self.request.query.get(key, "")
        return int(text) if text.isdecimal() and int(text) else default

    def _page_url(self, page: int) -> str:
        path = self.request.path.removeprefix("/api/v3")
        return f"{self.api}{path}?{urlencode({**self.request.query, 'page': page})}"

    @_route("GET", "")
    def repository(self) -> Answer:
        return Answer(200, self.bodies.repository())

    @_route("GET", "/contents/{path}")
    def contents(self, path: str) -> Answer:
        ref = self.request.query.get("ref") or self.repo.default_branch
        content = self.repo.file_at(ref, path)
        if content is None:
            entries = self.repo.folder_at(ref, path)
            return Answer(200, [self.bodies.entry(ref, entry) for entry in entries]) if entries else NOT_FOUND
        if "raw" in self.request.headers.get("accept", ""):
            return Answer(200, content, {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
        return Answer(200, self.bodies.content(ref, path, content))

    @_route("GET", "/actions/workflows/{file}")
    def workflow(self, file: str) -> Answer:
        name = self._workflow_file(file)
        return Answer(200, self.bodies.workflow(name)) if name else NOT_FOUND

    @_route("GET", "/actions/workflows/{file}/runs")
    def workflow_runs(self, file: str) -> Answer:
        name = self._workflow_file(file)
        return self._runs([r for r in self.repo.runs.values() if r.workflow == name]) if name else NOT_FOUND

    def _workflow_file(self, file: str) -> str | None:
        return next((name for name, number in self.repo.workflows.items() if file in (name, str(number))), None)

    @_route("GET", "/actions/runs")
    def all_runs(self) -> Answer:
        return self._runs(list(self.repo.runs.values()))

    def _runs(self, runs: list[Run]) -> Answer:
        wishes = {key: value for key, value in self.request.query.items() if key in _FILTERS and value}
        try:
            runs = [run for run in runs if _run_matches(run, wishes)]
        except ValueError:
            return message(422, "Validation Failed", errors=[{"field": "created", "code": "invalid"}])
        runs.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        return self.paged(
            runs, self.bodies.run, under="workflow_runs", reachable=MOST_FILTERED_RUNS if wishes else None
        )

    @_route("GET", "/actions/runs/{id}")
    def run(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        run = self.repo.runs.get(int(id))
        return Answer(200, self.bodies.run(run)) if run else NOT_FOUND

    @_route("GET", "/actions/runs/{id}/attempts/{number}")
    def attempt(self, id: str, number: str) -> Answer:  # noqa: A002 - GitHub's name
        run = self.repo.runs.get(int(id))
        known = run is not None and 1 <= int(number) <= len(run.attempts)
        return Answer(200, self.bodies.run(run, int(number))) if run and known else NOT_FOUND

    @_route("GET", "/actions/runs/{id}/jobs")
    def jobs(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        run = self.repo.runs.get(int(id))
        if run is None:
            return NOT_FOUND
        numbers = range(1, len(run.attempts) + 1) if self.request.query.get("filter") == "all" else [len(run.attempts)]
        current = [(number, job) for number in numbers for job in run.attempts[number - 1].jobs]
        return self.paged(current, lambda item: self.bodies.job(run, *item), under="jobs")

    @_route("GET", "/actions/runs/{id}/attempts/{number}/jobs")
    def attempt_jobs(self, id: str, number: str) -> Answer:  # noqa: A002 - GitHub's name
        run = self.repo.runs.get(int(id))
        if run is None or not 1 <= int(number) <= len(run.attempts):
            return NOT_FOUND
        jobs = run.attempts[int(number) - 1].jobs
        return self.paged(jobs, lambda job: self.bodies.job(run, int(number), job), under="jobs")

    @_route("GET", "/activity")
    def activity(self) -> Answer:
        """Pushes to branches, newest first; GitHub pages by cursor, and shows no push of a tag."""
        pushes = [(ref, commit) for ref, commit in self.repo.pushes() if self.request.query.get("ref") in (None, ref)]
        return self.paged(pushes, lambda push: self.bodies.activity(*push))

    @_route("GET", "/actions/artifacts")
    def artifacts(self) -> Answer:
        name = self.request.query.get("name")
        result = [a for a in self.repo.artifacts.values() if name in (None, a.name)]
        return self.paged(result[::-1], self.bodies.artifact, under="artifacts")

    @_route("GET", "/actions/runs/{id}/artifacts")
    def run_artifacts(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        name = self.request.query.get("name")
        result = [a for a in self.repo.artifacts.values() if a.run.id == int(id) and name in (None, a.name)]
        return (
            self.paged(result[::-1], self.bodies.artifact, under="artifacts")
            if int(id) in self.repo.runs
            else NOT_FOUND
        )

    @_route("GET", "/actions/artifacts/{id}")
    def artifact(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        artifact = self.repo.artifacts.get(int(id))
        return Answer(200, self.bodies.artifact(artifact)) if artifact else NOT_FOUND

    @_route("GET", "/actions/artifacts/{id}/zip")
    def artifact_zip(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        artifact = self.repo.artifacts.get(int(id))
        if artifact is None:
            return NOT_FOUND
        if artifact.expired:
            return message(410, "Artifact has expired")
        return Answer(302, b"", {"Location": f"{self.blob_url}/blob/{self.repo.id}/{id}?sig=stand-in"})

    @_route("GET", "/environments")
    def environments(self) -> Answer:
        current = self.repo.deployments.values()
        names = sorted(
            {name for d in current for name in (d.environment, d.latest_environment)} | self.repo.environments
        )
        return self.paged(names, self.bodies.environment, under="environments")

    @_route("GET", "/deployments")
    def deployments(self) -> Answer:
        query = self.request.query
        wishes = {key: query[key] for key in ("environment", "sha", "ref") if query.get(key)}
        facts = {"environment": "latest_environment"}
        chosen = [(facts.get(key, key), value) for key, value in wishes.items()]
        result = [d for d in self.repo.deployments.values() if all(getattr(d, key) == value for key, value in chosen)]
        result.sort(key=lambda d: (d.created_at, d.id), reverse=True)
        return self.paged(result, self.bodies.deployment)

    @_route("GET", "/deployments/{id}")
    def deployment(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        deployment = self.repo.deployments.get(int(id))
        return Answer(200, self.bodies.deployment(deployment)) if deployment else NOT_FOUND

    @_route("GET", "/deployments/{id}/statuses")
    def statuses(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        deployment = self.repo.deployments.get(int(id))
        if deployment is None:
            return NOT_FOUND
        return self.paged(deployment.newest_first, lambda status: self.bodies.status(deployment, status))

    @_route("GET", "/releases")
    def releases(self) -> Answer:
        result = sorted(self.repo.releases.values(), key=lambda r: (r.created_at, r.id), reverse=True)
        return self.paged(result, self.bodies.release)

    @_route("GET", "/issues")
    def issues(self) -> Answer:
        query = self.request.query
        labels, state = set(filter(None, query.get("labels", "").split(","))), query.get("state", "open")
        result = [i for i in self.repo.issues.values() if labels <= set(i.labels) and state in ("all", i.state)]
        result = [i for i in result if (i.closed_at or i.created_at) >= query.get("since", "")]
        result.sort(key=lambda i: (i.created_at, i.number), reverse=query.get("direction", "desc") == "desc")
        return self.paged(result, self.bodies.issue)

    @_route("GET", "/issues/{number}")
    def issue(self, number: str) -> Answer:
        issue = self.repo.issues.get(int(number))
        return Answer(200, self.bodies.issue(issue)) if issue else NOT_FOUND

    @_route("GET", "/pulls/{number}")
    def pull(self, number: str) -> Answer:
        issue = self._pull(number)
        return Answer(200, self.bodies.pull(issue)) if issue else NOT_FOUND

    @_route("GET", "/pulls/{number}/files")
    def pull_files(self, number: str) -> Answer:
        issue = self._pull(number)
        if issue is None or issue.pull is None:
            return NOT_FOUND
        was = issue.pull.renamed
        files = [(name, "renamed" if name in was else status) for name, status in issue.pull.files]
        return self.paged(files, lambda file: self.bodies.changed_file(file, was.get(file[0])))

    @_route("GET", "/pulls")
    def pulls(self) -> Answer:
        """Newest first, by `sort`. `head` is `owner:branch`; one that is not of that form is ignored."""
        query = self.request.query
        state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base")
        result = []
        for issue in self.repo.issues.values():
            pull = issue.pull
            if pull is None or state not in ("all", issue.state) or base not in (None, pull.base_ref):
                continue
            owner = pull.head_repository.partition("/")[0]
            if ":" not in head or head == f"{owner}:{pull.head_ref}":
                result.append(issue)
        by_change = query.get("sort") == "updated"
        result.sort(key=lambda i: ((i.closed_at if by_change else None) or i.created_at, i.number), reverse=True)
        return self.paged(result, self.bodies.simple_pull)

    @_route("GET", r"/compare/{base}\.\.\.{head}")
    def compare(self, base: str, head: str) -> Answer:
        """Files are those that differ from the merge base; commits without a common ancestor begin at the base."""
        before, after = self.repo.resolve(unquote(base)), self.repo.resolve(head)
        if before is None or after is None:
            return NOT_FOUND
        line = self.repo.history(after)
        ahead = self.repo.lacking(unquote(base), after)
        merge_base = next((commit for commit in line if commit not in ahead), before)
        behind = sum(commit not in line for commit in self.repo.history(before))
        files = self.repo.changed_files(merge_base.sha, after.sha)
        return Answer(200, self.bodies.comparison((before, merge_base, after), files, ahead[::-1], behind))

    def _pull(self, number: str) -> Issue | None:
        issue = self.repo.issues.get(int(number))
        return issue if issue and issue.pull else None

    @_route("GET", "/issues/{number}/comments")
    def comments(self, number: str) -> Answer:
        issue = self.repo.issues.get(int(number))
        return self.paged(issue.comments, lambda c: self.bodies.comment(int(number), c)) if issue else NOT_FOUND

    @_route("POST", "/issues/{number}/comments")
    def create_comment(self, number: str) -> Answer:
        issue = self.repo.issues.get(int(number))
        if issue is None:
            return NOT_FOUND
        self.repo.add_comment(issue.number, self.request.json()["body"], datetime.now(UTC))
        return Answer(201, self.bodies.comment(issue.number, issue.comments[-1]))

    @_route("PATCH", "/issues/comments/{id}")
    def update_comment(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        for issue in self.repo.issues.values():
            for comment in issue.comments:
                if comment.id == int(id):
                    comment.body, comment.updated_at = self.request.json()["body"], stamp(datetime.now(UTC))
                    return Answer(200, self.bodies.comment(issue.number, comment))
        return NOT_FOUND

    @_route("GET", "/commits/{ref}/check-runs")
    def check_runs(self, ref: str) -> Answer:
        query, commit = self.request.query, self.repo.resolve(ref)
        if commit is None:
            return message(422, f"No commit found for SHA: {ref}")
        result = [c for c in self.repo.check_runs.values() if c.fields["head_sha"] == commit.sha]
        for key, field in (("check_name", "name"), ("status", "status")):
            result = [c for c in result if query.get(key) in (None, c.fields[field])]
        if query.get("filter", "latest") == "latest":
            result = list({c.fields["name"]: c for c in result}.values())
        return self.paged(result[::-1], self.bodies.check_run, under="check_runs")

    @_route("GET", "/commits/{ref}")
    def commit(self, ref: str) -> Answer:
        commit = self.repo.resolve(ref)
        return Answer(200, self.bodies.commit(commit)) if commit else message(422, f"No commit found for SHA: {ref}")

    @_route("GET", "/check-runs/{id}")
    def check_run(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        check = self.repo.check_runs.get(int(id))
        return Answer(200, self.bodies.check_run(check)) if check else NOT_FOUND

    @_route("GET", "/check-runs/{id}/annotations")
    def annotations(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        check = self.repo.check_runs.get(int(id))
        listed = self.repo.job_annotations.get(int(id), []) if check is None else check.annotations
        return self.paged(listed, dict)

    @_route("POST", "/check-runs")
    def create_check_run(self) -> Answer:
        fields = self.request.json()
        missing = [key for key in ("name", "head_sha") if not fields.get(key)]
        if missing:
            return message(422, "Invalid request.", errors=missing)
        if fields["head_sha"] not in self.repo.commits:
            return message(422, f"No commit found for SHA: {fields['head_sha']}")
        check = CheckRun(id=self.repo.next_id(), fields={"status": "queued", "started_at": stamp(datetime.now(UTC))})
        return self._save(check, fields, 201)

    @_route("PATCH", "/check-runs/{id}")
    def update_check_run(self, id: str) -> Answer:  # noqa: A002 - GitHub's name
        check = self.repo.check_runs.get(int(id))
        if check is None:
            return NOT_FOUND
        check.updates += 1
        return self._save(check, self.request.json(), 200)

    def _save(self, check: CheckRun, fields: dict[str, Any], status: int) -> Answer:
        problems = _check_run_problems(fields)
        if problems:
            return message(422, "Invalid request.", errors=problems)
        if fields.get("conclusion"):
            fields = {"completed_at": stamp(datetime.now(UTC)), **fields, "status": "completed"}
        check.fields = {**check.fields, **fields}
        check.annotations += (fields.get("output") or {}).get("annotations", [])
        self.repo.check_runs[check.id] = check
        return Answer(status, self.bodies.check_run(check))


def _check_run_problems(fields: dict[str, Any]) -> list[str]:
    """What GitHub refuses in a check run, a sentence each."""
    output = fields.get("output") or {}
    problems = [f"output.{key} is required" for key in ("title", "summary") if output and not output.get(key)]
    long = [key for key in ("summary", "text") if len(output.get(key) or "") > MOST_CHECK_CHARACTERS]
    problems += [f"Only {MOST_CHECK_CHARACTERS} characters are allowed; output.{key} has more" for key in long]
    if len(output.get("annotations", [])) > MOST_ANNOTATIONS:
        problems.append(f"No subschema matched: more than {MOST_ANNOTATIONS} annotations")
    if fields.get("conclusion") not in (None, *_CONCLUSIONS):
        problems.append(f"{fields['conclusion']} is not a conclusion")
    if fields.get("status") == "completed" and not fields.get("conclusion"):
        problems.append("a completed check run needs a conclusion")
    return problems


def _run_matches(run: Run, wishes: dict[str, str]) -> bool:
    facts = {
        "branch": (run.branch,),
        "event": (run.event,),
        "head_sha": (run.sha,),
        "status": (run.last.status, run.last.conclusion),
        "actor": ("octo-dev",),
        "check_suite_id": (str(run.id),),
    }
    created = wishes.get("created")
    plain = all(value in facts[key] for key, value in wishes.items() if key != "created")
    return (created is None or _covers(created, run.created_at)) and plain


def _covers(span: str, instant: str) -> bool:
    """GitHub's search syntax for dates: `a..b` (either may be `*`), `>=a`, `>a`, `<=a`, `<a`, or one day or instant."""
    low, dots, high = span.partition("..")
    if dots:
        return (low == "*" or _compare(instant, low) >= 0) and (high == "*" or _compare(instant, high) <= 0)
    operator = re.match(r"[<>]=?|", span)
    sign = operator[0] if operator else ""
    order = _compare(instant, span.removeprefix(sign))
    return {">=": order >= 0, ">": order > 0, "<=": order <= 0, "<": order < 0, "": order == 0}[sign]


def _compare(instant: str, bound: str) -> int:
    """-1, 0 or 1. A bound that is a day is that whole day."""
    parsed = datetime.fromisoformat(bound)
    text = bound if len(bound) == len("2024-06-03") else stamp(parsed.replace(tzinfo=parsed.tzinfo or UTC))
    value = instant[: len(text)]
    return (value > text) - (value < text)
