"""How GitHub's REST API writes what a repository holds: complete enough for models made from its own description."""

from __future__ import annotations

import base64
from typing import Any

from tests.fakes.github_state import (
    EPOCH,
    Artifact,
    CheckRun,
    Comment,
    Commit,
    Deployment,
    Issue,
    Job,
    Release,
    Repository,
    Run,
    Status,
    blob_oid,
    repository_id,
    stamp,
)

_REPOSITORY_URLS = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags issue_comment issue_events issues keys labels languages "
    "merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees hooks"
)
_USER_URLS = "followers following gists starred subscriptions organizations repos events received_events avatar html"
_REPOSITORY_COUNTS = (
    "forks_count stargazers_count watchers_count size open_issues_count subscribers_count network_count forks "
    "open_issues watchers"
)
_FLAGS = "has_issues has_projects has_wiki has_pages has_discussions archived disabled"
LARGEST_CONTENT = 1_000_000
MOST_COMPARED_FILES = 300


class Bodies:
    """The answers of one repository. `api` is the base URL of the REST API, without a slash at the end."""

    def __init__(self, repo: Repository, api: str) -> None:
        self._repo, self._api = repo, api
        self._url, self._html = f"{api}/repos/{repo.full_name}", f"https://github.com/{repo.full_name}"

    def repository(self, full_name: str = "") -> dict[str, Any]:
        """This repository, or a fork of it of which only the name is known."""
        full_name = full_name or self._repo.full_name
        owner, _, name = full_name.partition("/")
        url, html = f"{self._api}/repos/{full_name}", f"https://github.com/{full_name}"
        return {
            **{f"{key}_url": f"{url}/{key}" for key in _REPOSITORY_URLS.split()},
            **dict.fromkeys(_REPOSITORY_COUNTS.split(), 0),
            **dict.fromkeys(_FLAGS.split(), False),
            **dict.fromkeys(("git_url", "ssh_url", "clone_url", "svn_url"), f"{html}.git"),
            **dict.fromkeys(("description", "mirror_url", "homepage", "language", "license")),
            **dict.fromkeys(("pushed_at", "created_at", "updated_at"), EPOCH),
            "archived": self._repo.archived,
            "id": repository_id(full_name),
            "node_id": f"R_{repository_id(full_name)}",
            "name": name,
            "full_name": full_name,
            "owner": self._user(owner),
            "private": self._repo.private,
            "visibility": "private" if self._repo.private else "public",
            "html_url": html,
            "url": url,
            "fork": full_name != self._repo.full_name,
            "default_branch": self._repo.default_branch,
        }

    def _user(self, login: str) -> dict[str, Any]:
        number, url = repository_id(login), f"{self._api}/users/{login}"
        return {
            **{f"{key}_url": f"{url}/{key}" for key in _USER_URLS.split()},
            "login": login,
            "id": number,
            "node_id": f"U_{number}",
            "gravatar_id": "",
            "url": url,
            "type": "Bot" if login.endswith("[bot]") else "User",
            "site_admin": False,
        }

    def workflow(self, file: str) -> dict[str, Any]:
        number = self._repo.workflows[file]
        return {
            "id": number,
            "node_id": f"W_{number}",
            "name": file,
            "path": f".github/workflows/{file}",
            "state": self._repo.workflow_states.get(file, "active"),
            "created_at": EPOCH,
            "updated_at": EPOCH,
            "url": f"{self._url}/actions/workflows/{number}",
            "html_url": f"{self._html}/blob/{self._repo.default_branch}/.github/workflows/{file}",
            "badge_url": f"{self._html}/workflows/{file}/badge.svg",
        }

    def run(self, run: Run, number: int = 0) -> dict[str, Any]:
        """A run as its last attempt left it, or as it was at an earlier one."""
        number = number or len(run.attempts)
        attempt, url = run.attempts[number - 1], f"{self._url}/actions/runs/{run.id}"
        return {
            "id": run.id,
            "name": run.name,
            "node_id": f"WFR_{run.id}",
            "head_branch": run.branch,
            "head_sha": run.sha,
            "path": f".github/workflows/{run.workflow}",
            "display_title": run.display_title,
            "run_number": run.number,
            "run_attempt": number,
            "event": run.event,
            "status": attempt.status,
            "conclusion": attempt.conclusion,
            "workflow_id": self._repo.workflows[run.workflow],
            "check_suite_id": run.id,
            "check_suite_node_id": f"CS_{run.id}",
            "url": url if number == len(run.attempts) else f"{url}/attempts/{number}",
            "html_url": f"{self._html}/actions/runs/{run.id}",
            "pull_requests": [],
            "created_at": run.created_at,
            "updated_at": stamp(attempt.updated_at),
            "run_started_at": stamp(attempt.started_at),
            "actor": self._user("octo-dev"),
            "triggering_actor": self._user("octo-dev"),
            **{f"{key}_url": f"{url}/{key}" for key in ("jobs", "logs", "artifacts", "cancel", "rerun")},
            "previous_attempt_url": f"{url}/attempts/{number - 1}" if number > 1 else None,
            "check_suite_url": f"{self._url}/check-suites/{run.id}",
            "workflow_url": f"{self._url}/actions/workflows/{self._repo.workflows[run.workflow]}",
            "head_commit": self._simple_commit(self._repo.commits[run.sha]),
            "repository": self.repository(),
            "head_repository": self.repository(run.head_repository),
        }

    def job(self, run: Run, number: int, job: Job) -> dict[str, Any]:
        """A job as the attempt with this number holds it."""
        return {
            "id": job.id,
            "run_id": run.id,
            "run_url": f"{self._url}/actions/runs/{run.id}",
            "run_attempt": number,
            "node_id": f"CR_{job.id}",
            "head_sha": run.sha,
            "head_branch": run.branch,
            "url": f"{self._url}/actions/jobs/{job.id}",
            "html_url": f"{self._html}/actions/runs/{run.id}/job/{job.id}",
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": job.started_at,
            "started_at": job.started_at,
            "completed_at": job.completed_at,
            "name": job.name,
            "workflow_name": run.name,
            "steps": [],
            "check_run_url": f"{self._url}/check-runs/{job.id}",
            "labels": ["ubuntu-latest"],
            "runner_id": 1,
            "runner_name": f"GitHub Actions {job.id}",
            "runner_group_id": 1,
            "runner_group_name": "GitHub Actions",
        }

    def _simple_commit(self, commit: Commit) -> dict[str, Any]:
        person = {"name": "Octo Dev", "email": "octo-dev@example.com"}
        return {
            "id": commit.sha,
            "tree_id": commit.sha,
            "message": commit.message,
            "timestamp": commit.committed_at,
            "author": person,
            "committer": person,
        }

    def commit(self, commit: Commit) -> dict[str, Any]:
        person = {"name": "Octo Dev", "email": "octo-dev@example.com", "date": commit.committed_at}
        url = f"{self._url}/commits/{commit.sha}"
        parent = {"sha": commit.parent, "url": f"{self._url}/commits/{commit.parent}"}
        return {
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "url": url,
            "html_url": f"{self._html}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "author": self._user("octo-dev"),
            "committer": self._user("octo-dev"),
            "parents": [parent] if commit.parent else [],
            "commit": {
                "url": f"{self._url}/git/commits/{commit.sha}",
                "author": person,
                "committer": person,
                "message": commit.message,
                "comment_count": 0,
                "tree": {"sha": self._repo.tree_at(commit.sha), "url": f"{self._url}/git/trees/{commit.sha}"},
            },
        }

    def activity(self, ref: str, commit: Commit) -> dict[str, Any]:
        """One push to a branch, after which the commit was its head."""
        number = repository_id(ref + commit.sha)
        return {
            "id": number,
            "node_id": f"PSH_{number}",
            "before": commit.parent or "0" * 40,
            "after": commit.sha,
            "ref": ref,
            "timestamp": commit.committed_at,
            "activity_type": "push",
            "actor": self._user("octo-dev"),
        }

    def deployment(self, deployment: Deployment) -> dict[str, Any]:
        url = f"{self._url}/deployments/{deployment.id}"
        return {
            "url": url,
            "id": deployment.id,
            "node_id": f"DE_{self._repo.id}_{deployment.id}",
            "task": "deploy",
            "sha": deployment.sha,
            "ref": deployment.ref,
            "environment": deployment.latest_environment,
            "original_environment": deployment.environment,
            "description": None,
            "payload": {},
            "creator": self._user("github-actions[bot]"),
            "created_at": deployment.created_at,
            "updated_at": deployment.updated_at,
            "statuses_url": f"{url}/statuses",
            "repository_url": self._url,
            "transient_environment": False,
            "production_environment": deployment.environment == "production",
        }

    def status(self, deployment: Deployment, status: Status) -> dict[str, Any]:
        url = f"{self._url}/deployments/{deployment.id}"
        return {
            "url": f"{url}/statuses/{status.id}",
            "id": status.id,
            "node_id": f"DES_{self._repo.id}_{status.id}",
            "state": status.state,
            "creator": self._user("github-actions[bot]"),
            "description": "",
            "environment": deployment.environment_at(status),
            "environment_url": "",
            "log_url": status.log_url or "",
            "target_url": status.log_url or "",
            "created_at": status.at,
            "updated_at": status.at,
            "deployment_url": url,
            "repository_url": self._url,
        }

    def environment(self, name: str) -> dict[str, Any]:
        return {
            "id": repository_id(name),
            "node_id": f"EN_{repository_id(name)}",
            "name": name,
            "url": f"{self._url}/environments/{name}",
            "html_url": f"{self._html}/deployments/activity_log?environments_filter={name}",
            "created_at": EPOCH,
            "updated_at": EPOCH,
            "protection_rules": [],
            "deployment_branch_policy": None,
        }

    def release(self, release: Release) -> dict[str, Any]:
        url = f"{self._url}/releases/{release.id}"
        return {
            "url": url,
            "html_url": f"{self._html}/releases/tag/{release.tag}",
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "tarball_url": None if release.draft else f"{self._url}/tarball/{release.tag}",
            "zipball_url": None if release.draft else f"{self._url}/zipball/{release.tag}",
            "id": release.id,
            "node_id": f"RE_{self._repo.id}_{release.id}",
            "tag_name": release.tag,
            "target_commitish": release.sha,
            "name": release.name,
            "body": "",
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": release.created_at,
            "published_at": release.published_at,
            "author": self._user("octo-dev"),
            "assets": [],
        }

    def label(self, name: str) -> dict[str, Any]:
        return {
            "id": repository_id(name),
            "node_id": f"LA_{repository_id(name)}",
            "url": f"{self._url}/labels/{name}",
            "name": name,
            "description": None,
            "color": "ededed",
            "default": False,
            "archived_at": None,
            "archived_by": None,
        }

    def issue(self, issue: Issue) -> dict[str, Any]:
        url = f"{self._url}/issues/{issue.number}"
        html = f"{self._html}/{'pull' if issue.pull else 'issues'}/{issue.number}"
        pull_url = f"{self._url}/pulls/{issue.number}"
        pull = {"url": pull_url, "html_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch"}
        return {
            "id": issue.id,
            "node_id": f"I_{issue.id}",
            "url": url,
            "repository_url": self._url,
            **{f"{key}_url": f"{url}/{key}" for key in ("labels", "comments", "events")},
            "html_url": html,
            "number": issue.number,
            "state": issue.state,
            "title": issue.title,
            "body": issue.body,
            "user": self._user("octo-dev"),
            "labels": [self.label(name) for name in issue.labels],
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "locked": False,
            "comments": len(issue.comments),
            "closed_at": issue.closed_at,
            "created_at": issue.created_at,
            "updated_at": issue.closed_at or issue.created_at,
            "author_association": "MEMBER",
            **({"pull_request": pull} if issue.pull else {}),
        }

    def pull(self, issue: Issue) -> dict[str, Any]:
        pull, url = issue.pull, f"{self._url}/pulls/{issue.number}"
        assert pull is not None
        html, issue_url = f"{self._html}/pull/{issue.number}", f"{self._url}/issues/{issue.number}"
        links = {
            "self": url,
            "html": html,
            "issue": issue_url,
            "comments": f"{issue_url}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self._url}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{self._url}/statuses/{pull.head_sha}",
        }
        shared = "id number state title body user labels milestone locked comments closed_at created_at updated_at"
        body = self.issue(issue)
        return {
            **{key: body[key] for key in (*shared.split(), "author_association", "assignee", "assignees")},
            **{f"{key}_url": link for key, link in links.items() if key not in ("self", "html")},
            "node_id": f"PR_{issue.id}",
            "url": url,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "head": self._side(pull.head_repository, pull.head_ref, pull.head_sha),
            "base": self._side(self._repo.full_name, pull.base_ref, pull.base_sha),
            "_links": {key: {"href": link} for key, link in links.items()},
            "requested_reviewers": [],
            "requested_teams": [],
            "auto_merge": None,
            "draft": False,
            "merged": pull.merged,
            "merged_at": issue.closed_at if pull.merged else None,
            "merged_by": self._user("octo-dev") if pull.merged else None,
            "merge_commit_sha": pull.merged_as,
            "mergeable": None if pull.merged else True,
            "rebaseable": None if pull.merged else True,
            "mergeable_state": "unknown" if pull.merged else "clean",
            "maintainer_can_modify": False,
            **dict.fromkeys(("review_comments", "commits", "additions", "deletions"), 0),
            "changed_files": len(pull.files),
        }

    def _side(self, full_name: str, ref: str, sha: str) -> dict[str, Any]:
        owner = full_name.partition("/")[0]
        repository = self.repository(full_name)
        return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": self._user(owner), "repo": repository}

    def simple_pull(self, issue: Issue) -> dict[str, Any]:
        """A pull request as listings show it: without what GitHub has to count or to try."""
        counted = "merged merged_by mergeable rebaseable mergeable_state maintainer_can_modify review_comments comments"
        more = "commits additions deletions changed_files"
        body = self.pull(issue)
        return {key: value for key, value in body.items() if key not in f"{counted} {more}".split()}

    def comparison(
        self, ends: tuple[Commit, Commit, Commit], files: list[tuple[str, str]], ahead: list[Commit], behind: int
    ) -> Any:
        base, merge_base, head = ends
        apart = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
        url, html = f"{self._url}/compare/{base.sha}...{head.sha}", f"{self._html}/compare/{base.sha}...{head.sha}"
        return {
            "url": url,
            "html_url": html,
            "permalink_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": self.commit(base),
            "merge_base_commit": self.commit(merge_base),
            "status": apart.get((bool(ahead), behind > 0), "diverged"),
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": [self.commit(commit) for commit in ahead],
            "files": [self.changed_file(file) for file in files[:MOST_COMPARED_FILES]],
        }

    def changed_file(self, file: tuple[str, str], was: str | None = None) -> dict[str, Any]:
        name, status = file
        blob = f"{self._html}/blob/{blob_oid(name.encode())}/{name}"
        return {
            "sha": blob_oid(name.encode()),
            "filename": name,
            "status": status,
            "additions": 1,
            "deletions": 1,
            "changes": 2,
            "blob_url": blob,
            "raw_url": blob.replace("/blob/", "/raw/"),
            "contents_url": f"{self._url}/contents/{name}",
            **({} if was is None else {"previous_filename": was}),
        }

    def comment(self, number: int, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "url": f"{self._url}/issues/comments/{comment.id}",
            "html_url": f"{self._html}/issues/{number}#issuecomment-{comment.id}",
            "issue_url": f"{self._url}/issues/{number}",
            "body": comment.body,
            "user": self._user(comment.author),
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "author_association": "NONE",
            "performed_via_github_app": None,
        }

    def check_run(self, check: CheckRun) -> dict[str, Any]:
        url, fields = f"{self._url}/check-runs/{check.id}", check.fields
        html, output = f"{self._html}/runs/{check.id}", fields.get("output") or {}
        return {
            "id": check.id,
            "node_id": f"CR_{check.id}",
            "name": fields["name"],
            "head_sha": fields["head_sha"],
            "external_id": fields.get("external_id", ""),
            "url": url,
            "html_url": html,
            "details_url": fields.get("details_url", html),
            "status": fields["status"],
            "conclusion": fields.get("conclusion"),
            "started_at": fields["started_at"],
            "completed_at": fields.get("completed_at"),
            "output": {
                **{key: output.get(key) for key in ("title", "summary", "text")},
                "annotations_count": len(check.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": {"id": repository_id(fields["head_sha"])},
            "app": self._actions_app(),
            "pull_requests": [],
        }

    def _actions_app(self) -> dict[str, Any]:
        return {
            "id": 15368,
            "slug": "github-actions",
            "client_id": "Iv1.0000000000000000",
            "node_id": "A_15368",
            "owner": self._user("github"),
            "name": "GitHub Actions",
            "description": "",
            "external_url": "https://help.github.com/en/actions",
            "html_url": "https://github.com/apps/github-actions",
            "created_at": EPOCH,
            "updated_at": EPOCH,
            "permissions": {"checks": "write", "metadata": "read"},
            "events": [],
        }

    def content(self, ref: str, path: str, content: bytes) -> dict[str, Any]:
        """Over a megabyte GitHub leaves the content out: only the raw media type has it."""
        url, oid = f"{self._url}/contents/{path}?ref={ref}", blob_oid(content)
        large = len(content) > LARGEST_CONTENT
        git_url, html = f"{self._url}/git/blobs/{oid}", f"{self._html}/blob/{ref}/{path}"
        return {
            "type": "file",
            "encoding": "none" if large else "base64",
            "size": len(content),
            "name": path.rpartition("/")[2],
            "path": path,
            "content": "" if large else base64.encodebytes(content).decode(),
            "sha": oid,
            "url": url,
            "git_url": git_url,
            "html_url": html,
            "download_url": f"https://raw.githubusercontent.com/{self._repo.full_name}/{ref}/{path}",
            "_links": {"self": url, "git": git_url, "html": html},
        }

    def entry(self, ref: str, path: str) -> dict[str, Any]:
        """A file in the listing of its folder, which has no content."""
        content = self._repo.file_at(ref, path) or b""
        body = self.content(ref, path, content)
        return {key: value for key, value in body.items() if key not in ("content", "encoding")}

    def artifact(self, artifact: Artifact) -> dict[str, Any]:
        url, run = f"{self._url}/actions/artifacts/{artifact.id}", artifact.run
        return {
            "id": artifact.id,
            "node_id": f"MDg6QXJ0aWZhY3Q{artifact.id}",
            "name": artifact.name,
            "size_in_bytes": len(artifact.content),
            "digest": artifact.digest,
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": artifact.expired,
            "created_at": artifact.created_at,
            "updated_at": artifact.created_at,
            "expires_at": artifact.created_at,
            "workflow_run": {
                "id": run.id,
                "repository_id": self._repo.id,
                "head_repository_id": repository_id(run.head_repository),
                "head_branch": run.branch,
                "head_sha": run.sha,
            },
        }
