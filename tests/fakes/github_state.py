"""What a GitHub repository holds, and builders that name only what matters. Knows no HTTP and no answer format.

Instants are kept as the text that GitHub would send. Builders take a datetime, or text that is kept as it is, so
that a test can also plant a bad one.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

When = datetime | str
EPOCH = "2024-01-01T00:00:00Z"
"""The instant of everything for which a test names none."""


def stamp(when: When) -> str:
    """`2024-06-03T11:54:56Z`, whole seconds, as GitHub writes it. Text passes as it is."""
    return when if isinstance(when, str) else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def repository_id(full_name: str) -> int:
    """One number for one name, also for forks of which nothing else is known."""
    return zlib.crc32(full_name.encode()) & 0x7FFFFFFF


def blob_oid(content: bytes) -> str:
    """git's own name for the content of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(kw_only=True)
class Status:
    id: int
    state: str
    at: str
    log_url: str | None
    environment: str | None = None
    """Set where the status moved its deployment to another environment."""


@dataclass(kw_only=True)
class Deployment:
    """`environment` is the one that it was made for; a status may move it to another."""

    id: int
    sha: str
    ref: str
    environment: str
    created_at: str
    statuses: list[Status]

    def environment_at(self, status: Status) -> str:
        """The environment of a status: its own, else that of the one before it, as GitHub documents it."""
        before = [s.environment for s in self.newest_first if (s.at, s.id) <= (status.at, status.id) and s.environment]
        return before[0] if before else self.environment

    @property
    def latest_environment(self) -> str:
        return self.environment_at(self.newest_first[0]) if self.statuses else self.environment

    @property
    def newest_first(self) -> list[Status]:
        return sorted(self.statuses, key=lambda s: (s.at, s.id), reverse=True)

    @property
    def updated_at(self) -> str:
        return max([self.created_at, *(s.at for s in self.statuses)])


@dataclass(kw_only=True)
class Attempt:
    """One try of a run. Times are instants; `conclusion` None while it is not completed."""

    conclusion: str | None
    started_at: When
    updated_at: When
    status: str = "completed"
    jobs: list[Job] = field(default_factory=list)


@dataclass(kw_only=True)
class Job:
    """A job as an attempt of its run holds it: one that was not run again keeps its times."""

    id: int
    name: str
    status: str
    conclusion: str | None
    started_at: str
    completed_at: str | None


@dataclass(kw_only=True)
class Run:
    id: int
    number: int
    workflow: str
    sha: str
    branch: str
    event: str
    created_at: str
    head_repository: str
    name: str
    display_title: str
    attempts: list[Attempt]
    """All of them, in order; the last one is what listings show."""

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]


@dataclass(kw_only=True)
class Release:
    id: int
    tag: str
    sha: str
    name: str
    created_at: str
    published_at: str | None
    draft: bool
    prerelease: bool


@dataclass(kw_only=True)
class Commit:
    sha: str
    committed_at: str
    parent: str | None = None
    merged: str | None = None
    message: str = "Ship it"
    signed_by: str | None = "GitHub"
    """GitHub signs what its merge button makes, with the time of its own clock."""

    @property
    def parents(self) -> list[str]:
        return [sha for sha in (self.parent, self.merged) if sha is not None]


@dataclass(kw_only=True)
class Issue:
    """An issue; with `pull` set, a pull request, which GitHub lists among the issues too."""

    id: int
    number: int
    title: str
    body: str
    labels: list[str]
    created_at: str
    closed_at: str | None
    moves: list[tuple[str, str]] = field(default_factory=list)
    """`closed` and `reopened`, each with its instant, oldest first."""

    closed_as: str = ""
    """`NOT_PLANNED` or `DUPLICATE`; empty for completed."""

    pull: Pull | None = None
    comments: list[Comment] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "closed" if self.closed_at else "open"


@dataclass(kw_only=True)
class Pull:
    head_sha: str
    head_ref: str
    head_repository: str
    base_sha: str
    base_ref: str
    files: list[tuple[str, str]]
    merged: bool
    renamed: dict[str, str] = field(default_factory=dict)
    """The former name of each file with the status `renamed`."""

    draft: bool = False
    decision: str | None = None
    merged_as: str | None = None
    """The commit that merged it."""


@dataclass(kw_only=True)
class Comment:
    id: int
    body: str
    created_at: str
    updated_at: str
    author: str


@dataclass(kw_only=True)
class CheckRun:
    """`fields` as they were sent, later ones over earlier ones; annotations add up as they do on GitHub."""

    id: int
    fields: dict[str, Any]
    annotations: list[dict[str, Any]] = field(default_factory=list)
    updates: int = 0


@dataclass(kw_only=True)
class Artifact:
    id: int
    name: str
    run: Run
    content: bytes
    created_at: str
    expired: bool
    listed_digest: str | None = None

    @property
    def digest(self) -> str:
        return self.listed_digest or f"sha256:{hashlib.sha256(self.content).hexdigest()}"


@dataclass(kw_only=True)
class Repository:
    """One repository. Builders return the id (issues and pull requests: the number) of what they added."""

    full_name: str = "acme/shop"
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    former_names: list[str] = field(default_factory=list)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)  # besides those of deployments
    workflows: dict[str, int] = field(default_factory=dict)
    workflow_states: dict[str, str] = field(default_factory=dict)
    """Of workflows that are not active."""
    runs: dict[int, Run] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    grown: dict[str, str] = field(default_factory=dict)
    """The branch on which each commit was made; most tests name no parents."""

    files: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    job_annotations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By id of the job, which is a check run of its own."""

    artifacts: dict[int, Artifact] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001), repr=False)

    @property
    def id(self) -> int:
        return repository_id(self.full_name)

    def next_id(self) -> int:
        return next(self._ids)

    def add_commit(
        self,
        sha: str,
        committed_at: When = EPOCH,
        parent: str | None = None,
        *,
        merged: str | None = None,
        branch: str = "",
        message: str = "Ship it",
    ) -> str:
        """A commit that becomes the head of `branch` (the default branch unless named); `merged`: a second parent."""
        commit = Commit(sha=sha, committed_at=stamp(committed_at), parent=parent, merged=merged, message=message)
        self.commits[sha] = commit
        self.heads[branch or self.default_branch] = sha
        self.grown[sha] = branch or self.default_branch
        return sha

    def know(self, sha: str, at: When = EPOCH, branch: str = "") -> None:
        """A commit that is there; it grew on a branch (the default branch unless named), whose head stays as it is."""
        self.grown.setdefault(sha, branch or self.default_branch)
        self.commits.setdefault(sha, Commit(sha=sha, committed_at=stamp(at)))

    def pushes(self) -> list[tuple[str, Commit]]:
        """The branch and the commit of each push, newest first: a commit was the head of the branch it was made on."""
        made = [(f"refs/heads/{branch}", self.commits[sha]) for sha, branch in self.grown.items()]
        return sorted(made, key=lambda push: push[1].committed_at, reverse=True)

    def lacking(self, base: str, head: Commit) -> list[Commit]:
        """The commits of `head` that the branch `base` lacks, newest first."""
        there = {commit.sha for commit in self.history(self.resolve(base))}
        there |= {sha for sha, branch in self.grown.items() if branch == base}
        return [commit for commit in self.history(head) if commit.sha not in there]

    def add_file(self, sha: str, path: str, text: str | bytes | None) -> None:
        """The content of a file at a commit and its descendants. None: it is gone from here on."""
        self.know(sha, EPOCH)
        self.files[sha, path] = text.encode() if isinstance(text, str) else text

    def resolve(self, ref: str) -> Commit | None:
        """The commit that a sha, a branch, a tag or HEAD names."""
        ref = self.default_branch if ref == "HEAD" else ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        tags = {r.tag: r.sha for r in self.releases.values() if not r.draft} | self.tags
        return self.commits.get(self.heads.get(ref) or tags.get(ref) or ref)

    def history(self, commit: Commit | None) -> list[Commit]:
        """The commit and its ancestors, newest first, as far as they are known."""
        return list(self._line(commit))

    def _line(self, commit: Commit | None) -> Iterator[Commit]:
        ahead = [] if commit is None else [(commit.committed_at, commit.sha)]
        met = {sha for _, sha in ahead}
        while ahead:
            newest = self.commits[ahead.pop()[1]]
            yield newest
            for sha in newest.parents:
                if sha in self.commits and sha not in met:
                    met.add(sha)
                    bisect.insort(ahead, (self.commits[sha].committed_at, sha))

    def file_at(self, ref: str, path: str) -> bytes | None:
        """The bytes of a file at a commit, inherited from its ancestors; None where it does not exist."""
        line = self._line(self.resolve(ref))
        return next((self.files[c.sha, path] for c in line if (c.sha, path) in self.files), None)

    def folder_at(self, ref: str, folder: str) -> list[str]:
        """The paths of the files directly in a folder at a commit."""
        paths = {path for _, path in self.files if path.rpartition("/")[0] == folder}
        return [path for path in sorted(paths) if self.file_at(ref, path) is not None]

    def tree_at(self, ref: str) -> str:
        """A name of all the files at a commit: the same for two commits with the same files."""
        current = {path: self.file_at(ref, path) for path in sorted({path for _, path in self.files})}
        return blob_oid(repr({path: content for path, content in current.items() if content is not None}).encode())

    def changed_files(self, base: str, head: str) -> list[tuple[str, str]]:
        """File name and status of what differs between two commits, by name."""
        result = []
        for path in sorted({path for _, path in self.files}):
            before, after = self.file_at(base, path), self.file_at(head, path)
            if before != after:
                result.append((path, "added" if before is None else "removed" if after is None else "modified"))
        return result

    def add_deployment(
        self,
        *,
        sha: str,
        created_at: When,
        environment: str = "production",
        statuses: Sequence[tuple[Any, ...]] = (),
        run_id: int | None = None,
        ref: str | None = None,
    ) -> int:
        """A deployment with statuses `(state, at)`, `(…, log_url)` or `(…, log_url, environment)`, in lower case.

        `run_id` is the workflow run that made it: it gives a log URL to each status that names none.
        """
        self.know(sha, created_at)
        log_url = f"https://github.com/{self.full_name}/actions/runs/{run_id}/job/1" if run_id else None
        deployment = Deployment(
            id=self.next_id(),
            sha=sha,
            ref=ref or self.default_branch,
            environment=environment,
            created_at=stamp(created_at),
            statuses=[],
        )
        self.deployments[deployment.id] = deployment
        for state, at, *more in statuses:
            url, moved_to = (*more, None, None)[:2]
            self.add_status(deployment.id, state, at, url or log_url, moved_to)
        return deployment.id

    def add_status(
        self, deployment_id: int, state: str, at: When, log_url: str | None = None, environment: str | None = None
    ) -> None:
        """A further status of a deployment that is already there; `environment`: it moves the deployment there."""
        status = Status(id=self.next_id(), state=state, at=stamp(at), log_url=log_url, environment=environment)
        self.deployments[deployment_id].statuses.append(status)

    def add_workflow(self, workflow: str) -> int:
        """A workflow file name, which may have no run yet."""
        return self.workflows.setdefault(workflow, repository_id(workflow))

    def add_run(
        self,
        *,
        sha: str,
        created_at: When,
        updated_at: When | None = None,
        workflow: str = "release.yml",
        branch: str = "main",
        event: str = "push",
        status: str = "completed",
        conclusion: str | None = "success",
        run_attempt: int = 1,
        head_repository: str | None = None,
        attempts: Sequence[Attempt] = (),
        name: str = "Release",
        display_title: str = "Ship it",
        started_at: When | None = None,
    ) -> int:
        """A workflow run. `attempts` are the earlier ones; without them, those before `run_attempt` failed at once."""
        self.know(sha, created_at, "" if branch in self.tags else branch)
        self.add_workflow(workflow)
        failed = Attempt(conclusion="failure", started_at=created_at, updated_at=created_at)
        attempts = attempts or [failed] * (run_attempt - 1)
        last = Attempt(
            status=status,
            conclusion=conclusion,
            started_at=started_at or (attempts[-1].updated_at if attempts else created_at),
            updated_at=updated_at or created_at,
        )
        run = Run(
            id=self.next_id(),
            number=1 + sum(r.workflow == workflow for r in self.runs.values()),
            workflow=workflow,
            sha=sha,
            branch=branch,
            event=event,
            created_at=stamp(created_at),
            head_repository=head_repository or self.full_name,
            name=name,
            display_title=display_title,
            attempts=[*attempts, last],
        )
        self.runs[run.id] = run
        return run.id

    def add_job(
        self,
        run_id: int,
        name: str,
        completed_at: When | None,
        *,
        conclusion: str | None = "success",
        started_at: When = EPOCH,
        attempt: int = 0,
    ) -> int:
        """A job of a run's last attempt, or of the attempt with that number; without a completion it is under way."""
        current = self.runs[run_id].attempts[attempt - 1]
        job = Job(
            id=self.next_id(),
            name=name,
            status="in_progress" if completed_at is None else "completed",
            conclusion=None if completed_at is None else conclusion,
            started_at=stamp(started_at),
            completed_at=None if completed_at is None else stamp(completed_at),
        )
        current.jobs.append(job)
        return job.id

    def has_ref(self, ref: str) -> bool:
        """Whether a branch, a tag or an open pull request of that name is there now."""
        pull = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", ref)
        if pull is not None:
            return int(pull[1]) in self.issues and self.issues[int(pull[1])].state == "open"
        name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        tags = {*self.tags, *(release.tag for release in self.releases.values() if not release.draft)}
        return name in {self.default_branch, *self.heads, *self.grown.values(), *tags}

    def add_release(
        self,
        *,
        tag: str,
        sha: str,
        published_at: When | None,
        created_at: When | None = None,
        draft: bool = False,
        prerelease: bool = False,
        name: str | None = None,
    ) -> int:
        """A release. `created_at` is GitHub's: the date of the commit (the same instant unless named)."""
        created = created_at or published_at or EPOCH
        self.know(sha, created)
        release = Release(
            id=self.next_id(),
            tag=tag,
            sha=sha,
            name=name or tag,
            created_at=stamp(created),
            published_at=None if draft or published_at is None else stamp(published_at),
            draft=draft,
            prerelease=prerelease,
        )
        self.releases[release.id] = release
        return release.id

    def add_issue(
        self,
        *,
        title: str = "Checkout is down",
        body: str = "",
        labels: Sequence[str] = (),
        created_at: When = EPOCH,
        closed_at: When | None = None,
        moves: Sequence[tuple[str, When]] = (),
        closed_as: str = "",
    ) -> int:
        """An issue; returns its number. `moves`: `closed` and `reopened`, by which `closed_at` follows."""
        sent = [(name, stamp(at)) for name, at in moves] or ([("closed", stamp(closed_at))] if closed_at else [])
        last = sent[-1] if sent else ("", "")
        issue = Issue(
            id=self.next_id(),
            number=len(self.issues) + 1,
            title=title,
            body=body,
            labels=list(labels),
            created_at=stamp(created_at),
            closed_at=last[1] if last[0] == "closed" else None,
            moves=sent,
            closed_as=closed_as,
        )
        self.issues[issue.number] = issue
        return issue.number

    def add_pull_request(
        self,
        *,
        head_sha: str,
        base_sha: str,
        head_ref: str = "feature",
        base_ref: str | None = None,
        head_repository: str | None = None,
        labels: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        renamed: Mapping[str, str] | None = None,
        title: str = "Try a new ranking",
        body: str = "",
        created_at: When = EPOCH,
        closed_at: When | None = None,
        merged: bool = False,
        draft: bool = False,
        decision: str | None = None,
        merged_as: str | None = None,
    ) -> int:
        """A pull request with `files` as file name to status (`added`, `modified`, `removed`); returns its number.

        `renamed`: new name to old one, of files that are listed among `files` in their place.
        """
        self.know(head_sha, created_at)
        self.know(base_sha, created_at)
        number = self.add_issue(title=title, body=body, labels=labels, created_at=created_at, closed_at=closed_at)
        self.issues[number].pull = Pull(
            head_sha=head_sha,
            head_ref=head_ref,
            head_repository=head_repository or self.full_name,
            base_sha=base_sha,
            base_ref=base_ref or self.default_branch,
            files=list((files or {}).items()),
            renamed=dict(renamed or {}),
            merged=merged or merged_as is not None,
            draft=draft,
            decision=decision,
            merged_as=merged_as,
        )
        return number

    def add_comment(self, number: int, body: str, at: When = EPOCH, *, author: str = "github-actions[bot]") -> int:
        """A comment under an issue or pull request."""
        when = stamp(at)
        comment = Comment(id=self.next_id(), body=body, created_at=when, updated_at=when, author=author)
        self.issues[number].comments.append(comment)
        return comment.id

    def add_artifact(
        self, *, run_id: int, name: str, content: bytes, created_at: When = EPOCH, expired: bool = False
    ) -> int:
        """An artifact of a run; `content` is the zip as it will be downloaded."""
        artifact = Artifact(
            id=self.next_id(),
            name=name,
            run=self.runs[run_id],
            content=content,
            created_at=stamp(created_at),
            expired=expired,
        )
        self.artifacts[artifact.id] = artifact
        return artifact.id
