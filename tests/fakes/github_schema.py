"""GitHub's GraphQL door: the few types FlowJoy asks for, executed by graphql-core. Knows the state, no HTTP."""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)
from graphql import execute as graphql_execute

from tests.fakes.github_state import CheckRun, Commit, Deployment, Issue, Release, Repository, Status, blob_oid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

MOST_RECORDS = 100
TRUNCATED_BYTES = 512_000
_PREFIXES = ("refs/heads/", "refs/tags/", "refs/pull/")
_CHANGE_TYPES = {"removed": "DELETED"}
_STATES = {"success": "ACTIVE"}
_RATE_LIMIT = {"limit": 1000, "used": 1, "remaining": 999, "cost": 1, "nodeCount": 1, "resetAt": "2030-01-01T00:00:00Z"}

_PAGE = "first: Int, after: String"
SDL = f"""
scalar DateTime
scalar GitObjectID
scalar GitTimestamp
scalar URI

enum OrderDirection {{ ASC DESC }}
enum ComparisonStatus {{ AHEAD BEHIND DIVERGED IDENTICAL }}
enum DeploymentOrderField {{ CREATED_AT }}
enum ReleaseOrderField {{ CREATED_AT NAME }}
enum IssueOrderField {{ COMMENTS CREATED_AT UPDATED_AT }}
enum IssueStateReason {{ COMPLETED DUPLICATE NOT_PLANNED REOPENED }}
enum IssueTimelineItemsItemType {{ CLOSED_EVENT REOPENED_EVENT }}
enum DeploymentState {{
  ABANDONED ACTIVE DESTROYED ERROR FAILURE INACTIVE IN_PROGRESS PENDING QUEUED SUCCESS WAITING
}}
enum DeploymentStatusState {{ ERROR FAILURE INACTIVE IN_PROGRESS PENDING QUEUED SUCCESS WAITING }}
enum CheckRunType {{ ALL LATEST }}
enum CheckConclusionState {{
  ACTION_REQUIRED CANCELLED FAILURE NEUTRAL SKIPPED STALE STARTUP_FAILURE SUCCESS TIMED_OUT
}}
enum PatchStatus {{ ADDED CHANGED COPIED DELETED MODIFIED RENAMED }}
enum PullRequestState {{ CLOSED MERGED OPEN }}
enum PullRequestReviewDecision {{ APPROVED CHANGES_REQUESTED REVIEW_REQUIRED }}
enum RefOrderField {{ ALPHABETICAL TAG_COMMIT_DATE }}
input CheckSuiteFilter {{ checkName: String }}
input CheckRunFilter {{ checkName: String checkType: CheckRunType }}
input DeploymentOrder {{ field: DeploymentOrderField! direction: OrderDirection! }}
input IssueOrder {{ field: IssueOrderField! direction: OrderDirection! }}
input RefOrder {{ field: RefOrderField! direction: OrderDirection! }}
input ReleaseOrder {{ field: ReleaseOrderField! direction: OrderDirection! }}

interface Node {{ id: ID! }}
interface GitObject {{ id: ID! oid: GitObjectID! }}
type PageInfo {{ hasNextPage: Boolean! endCursor: String }}
type RateLimit {{ cost: Int! limit: Int! nodeCount: Int! remaining: Int! resetAt: DateTime! used: Int! }}

type Query {{
  repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  rateLimit: RateLimit
}}
type Repository implements Node {{
  id: ID! databaseId: Int name: String! nameWithOwner: String! isPrivate: Boolean! defaultBranchRef: Ref
  deployments(
    {_PAGE}, environments: [String!], orderBy: DeploymentOrder = {{field: CREATED_AT, direction: ASC}}
  ): DeploymentConnection!
  releases({_PAGE}, orderBy: ReleaseOrder): ReleaseConnection!
  label(name: String!): Label
  issues({_PAGE}, labels: [String!], orderBy: IssueOrder): IssueConnection!
  object(expression: String, oid: GitObjectID): GitObject
  pullRequest(number: Int!): PullRequest
  pullRequests(
    {_PAGE}, states: [PullRequestState!], labels: [String!], orderBy: IssueOrder
  ): PullRequestConnection!
  refs({_PAGE}, refPrefix: String!, orderBy: RefOrder): RefConnection
  ref(qualifiedName: String!): Ref
}}
type RefConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Ref] }}
type PullRequestConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [PullRequest] }}
type Ref implements Node {{
  id: ID! name: String! prefix: String! target: GitObject compare(headRef: String!): Comparison
}}
type Comparison implements Node {{ id: ID! aheadBy: Int! behindBy: Int! status: ComparisonStatus! }}
type Deployment implements Node {{
  id: ID! databaseId: Int createdAt: DateTime! updatedAt: DateTime! commitOid: String! commit: Commit
  environment: String originalEnvironment: String latestEnvironment: String state: DeploymentState ref: Ref
  task: String description: String latestStatus: DeploymentStatus
  statuses({_PAGE}): DeploymentStatusConnection
}}
type DeploymentConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Deployment] }}
type DeploymentStatus implements Node {{
  id: ID! state: DeploymentStatusState! createdAt: DateTime! updatedAt: DateTime!
  logUrl: URI environmentUrl: URI environment: String description: String
}}
type DeploymentStatusConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [DeploymentStatus] }}
type Release implements Node {{
  id: ID! databaseId: Int tagName: String! name: String isDraft: Boolean! isPrerelease: Boolean!
  createdAt: DateTime! publishedAt: DateTime url: URI! tagCommit: Commit
}}
type ReleaseConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Release] }}
type Blob implements GitObject & Node {{
  id: ID! oid: GitObjectID! byteSize: Int! isBinary: Boolean isTruncated: Boolean! text: String
}}
type Commit implements GitObject & Node {{
  id: ID! oid: GitObjectID! committedDate: DateTime! message: String!
  parents({_PAGE}): CommitConnection!
  history({_PAGE}, since: GitTimestamp, until: GitTimestamp): CommitHistoryConnection!
  checkSuites({_PAGE}, filterBy: CheckSuiteFilter): CheckSuiteConnection
  signature: GitSignature
}}
interface GitSignature {{ isValid: Boolean! wasSignedByGitHub: Boolean! }}
type GpgSignature implements GitSignature {{ isValid: Boolean! wasSignedByGitHub: Boolean! }}
type CheckSuiteConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [CheckSuite] }}
type CheckSuite implements Node {{ id: ID! checkRuns({_PAGE}, filterBy: CheckRunFilter): CheckRunConnection }}
type CheckRunConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [CheckRun] }}
type CheckRun implements Node {{
  id: ID! databaseId: Int name: String! externalId: String conclusion: CheckConclusionState title: String
  annotations({_PAGE}): CheckAnnotationConnection
}}
type CheckAnnotationConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [CheckAnnotation] }}
type CheckAnnotation {{ path: String! message: String! title: String }}
type CommitConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Commit] }}
type CommitHistoryConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Commit] }}
type PullRequest implements Node {{
  id: ID! databaseId: Int number: Int! title: String! state: PullRequestState! createdAt: DateTime!
  headRefOid: GitObjectID! headRefName: String! baseRefOid: GitObjectID! baseRefName: String!
  headRepository: Repository baseRepository: Repository isCrossRepository: Boolean!
  isDraft: Boolean! reviewDecision: PullRequestReviewDecision mergeCommit: Commit
  labels({_PAGE}): LabelConnection
  files({_PAGE}): PullRequestChangedFileConnection
}}
type Issue implements Node {{
  id: ID! number: Int! title: String! url: URI! createdAt: DateTime! closedAt: DateTime
  stateReason(enableDuplicate: Boolean = false): IssueStateReason
  timelineItems(last: Int, itemTypes: [IssueTimelineItemsItemType!]): IssueTimelineItemsConnection!
}}
type IssueConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Issue] }}
type ClosedEvent implements Node {{ id: ID! createdAt: DateTime! stateReason: IssueStateReason }}
type ReopenedEvent implements Node {{ id: ID! createdAt: DateTime! stateReason: IssueStateReason }}
union IssueTimelineItems = ClosedEvent | ReopenedEvent
type IssueTimelineItemsConnection {{ nodes: [IssueTimelineItems] }}
type Label implements Node {{ id: ID! name: String! }}
type LabelConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [Label] }}
type PullRequestChangedFile {{ path: String! changeType: PatchStatus! additions: Int! deletions: Int! }}
type PullRequestChangedFileConnection {{ totalCount: Int! pageInfo: PageInfo! nodes: [PullRequestChangedFile] }}
"""


@functools.cache
def schema() -> GraphQLSchema:
    return build_schema(SDL)


def execute(repositories: Sequence[Repository], query: str, variables: Any, operation: str | None) -> dict[str, Any]:
    """The body GitHub would answer with: an error's `type` stands beside its message, not in `extensions`."""
    root = {
        "repository": functools.partial(_find_repository, repositories),
        "node": functools.partial(_find_node, repositories),
        "nodes": functools.partial(_find_nodes, repositories),
        "rateLimit": _RATE_LIMIT,
    }
    document, problems = _document(query)
    result = ExecutionResult(None, problems)
    if document is not None:
        run = graphql_execute(schema(), document, root, variable_values=variables or {}, operation_name=operation)
        assert isinstance(run, ExecutionResult)  # nothing here is asynchronous
        result = run
    body: dict[str, Any] = {}
    if result.data is not None or not result.errors:
        body["data"] = result.data
    if result.errors:
        body["errors"] = [_formatted(error) for error in result.errors]
    return body


@functools.cache
def _document(query: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """A query, read and validated; clients send the same few again and again."""
    try:
        document = parse(query)
    except GraphQLError as problem:
        return None, [problem]
    problems = validate(schema(), document)
    return (None, problems) if problems else (document, [])


def _formatted(error: GraphQLError) -> dict[str, Any]:
    plain: dict[str, Any] = {**error.formatted}
    kind = plain.pop("extensions", {}).get("type")
    return {"type": kind, **plain} if kind else plain


def _refusal(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _find_repository(
    repositories: Sequence[Repository], _: GraphQLResolveInfo, *, owner: str, name: str, **flags: bool
) -> dict[str, Any]:
    wanted = f"{owner}/{name}".lower()
    for repo in repositories:
        former = repo.former_names if flags["followRenames"] else []
        if wanted in {n.lower() for n in (repo.full_name, *former)}:
            return _repository(repo)
    raise _refusal("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")


def _find_node(repositories: Sequence[Repository], _: GraphQLResolveInfo, *, id: str) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
    for repo in repositories:
        for deployment in repo.deployments.values():
            if deployment_node_id(repo, deployment) == id:
                return _deployment(repo, deployment)
    raise _refusal("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")


def _find_nodes(repositories: Sequence[Repository], info: GraphQLResolveInfo, *, ids: list[str]) -> list[Any]:
    """One entry an id; GitHub gives null for one that is gone, with an error beside it."""
    if len(ids) > MOST_RECORDS:
        raise _refusal("ARGUMENT_LIMIT", f"You may not provide more than {MOST_RECORDS} node ids.")

    def one(wanted: str) -> Any:
        try:
            return _find_node(repositories, info, id=wanted)
        except GraphQLError as problem:
            return problem

    return [one(wanted) for wanted in ids]


def deployment_node_id(repo: Repository, deployment: Deployment) -> str:
    return f"DE_{repo.id}_{deployment.id}"


def _connection(items: Sequence[T], shape: Callable[[T], Any], key: Callable[[T], object]) -> Any:
    """A paged field. A cursor names a record, not a place: what is added in front of it moves nothing."""

    def cursor(item: T) -> str:
        return base64.b64encode(f"cursor:v2:{key(item)}".encode()).decode()

    def resolve(info: GraphQLResolveInfo, *, first: int | None = None, after: str | None = None, **_: Any) -> Any:
        name = info.field_name
        if first is None:
            problem = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
            raise _refusal("MISSING_PAGINATION_BOUNDARIES", problem)
        if first > MOST_RECORDS:
            problem = f"Requesting {first} records on the `{name}` connection exceeds the `first` limit of 100 records."
            raise _refusal("EXCESSIVE_PAGINATION", problem)
        start = 0 if after is None else next((n for n, item in enumerate(items, 1) if cursor(item) == after), -1)
        if start < 0:
            raise _refusal("INVALID_CURSOR_ARGUMENTS", f"`{after}` does not appear to be a valid cursor.")
        page = items[start : start + first]
        return {
            "totalCount": len(items),
            "pageInfo": {"hasNextPage": start + first < len(items), "endCursor": cursor(page[-1]) if page else None},
            "nodes": [shape(item) for item in page],
        }

    return resolve


def _repository(repo: Repository) -> dict[str, Any]:
    head = repo.resolve("HEAD")

    def deployments(info: GraphQLResolveInfo, **wish: Any) -> Any:
        environments, order = wish.get("environments"), wish["orderBy"]
        chosen = [d for d in repo.deployments.values() if environments is None or d.latest_environment in environments]
        chosen.sort(key=lambda d: (d.created_at, d.id), reverse=order["direction"] == "DESC")
        return _connection(chosen, lambda d: _deployment(repo, d), lambda d: d.id)(info, **wish)

    def releases(info: GraphQLResolveInfo, **wish: Any) -> Any:
        order = wish.get("orderBy") or {"field": "CREATED_AT", "direction": "DESC"}
        name = order["field"] == "NAME"
        chosen = sorted(repo.releases.values(), key=lambda r: (r.name if name else r.created_at, r.id))
        if order["direction"] == "DESC":
            chosen.reverse()
        return _connection(chosen, lambda r: _release(repo, r), lambda r: r.id)(info, **wish)

    def issues(info: GraphQLResolveInfo, labels: Sequence[str] = (), **wish: Any) -> Any:
        chosen = [i for i in repo.issues.values() if i.pull is None and (not labels or {*labels} & {*i.labels})]
        chosen.sort(key=lambda i: (i.created_at, i.number), reverse=True)
        return _connection(chosen, lambda i: _issue(repo, i), lambda i: i.number)(info, **wish)

    def label(_: GraphQLResolveInfo, name: str) -> dict[str, str] | None:
        known = {label for issue in repo.issues.values() for label in issue.labels}
        return {"id": f"LA_{name}", "name": name} if name in known else None

    def pulls(info: GraphQLResolveInfo, states: Sequence[str] = (), labels: Sequence[str] = (), **wish: Any) -> Any:
        labelled = [issue for issue in repo.issues.values() if not labels or {*labels} & {*issue.labels}]
        shown = [_pull_body(repo, issue) for issue in labelled if issue.pull is not None]
        chosen = [pull for pull in shown if not states or pull["state"] in states]
        newest_first = (wish.get("orderBy") or {}).get("direction") == "DESC"
        chosen.sort(key=lambda pull: (pull["createdAt"], pull["number"]), reverse=newest_first)
        return _connection(chosen, lambda pull: pull, lambda pull: pull["number"])(info, **wish)

    def refs(info: GraphQLResolveInfo, **wish: Any) -> Any:
        return _connection(sorted(repo.heads), lambda name: _ref(repo, name), str)(info, **wish)

    return {
        "__typename": "Repository",
        "pullRequests": pulls,
        "refs": refs,
        "ref": lambda _, qualifiedName: _named(repo, qualifiedName),  # noqa: N803 - GitHub's name
        "label": label,
        "issues": issues,
        "id": f"R_{repo.id}",
        "databaseId": repo.id,
        "name": repo.full_name.partition("/")[2],
        "nameWithOwner": repo.full_name,
        "isPrivate": repo.private,
        "defaultBranchRef": head and _ref(repo, repo.default_branch),
        "deployments": deployments,
        "releases": releases,
        "object": lambda _, **wish: _object(repo, **wish),
        "pullRequest": lambda _, number: _pull(repo, number),
    }


def _ref(repo: Repository, name: str) -> dict[str, Any]:
    prefix = next((known for known in _PREFIXES if name.startswith(known)), "refs/heads/")
    return {
        "id": f"REF_{repo.id}_{name}",
        "name": name.removeprefix(prefix),
        "prefix": prefix,
        "target": _commit(repo, repo.resolve(name)),
        "compare": lambda _, headRef: _comparison(repo, name, headRef),  # noqa: N803 - GitHub's name
    }


def _named(repo: Repository, name: str) -> dict[str, Any] | None:
    """A branch or a tag by its qualified name."""
    kind, _, short = name.removeprefix("refs/").partition("/")
    tags = {*repo.tags, *(release.tag for release in repo.releases.values() if not release.draft)}
    known = {"heads": {*repo.heads, *repo.grown.values()}, "tags": tags}.get(kind, set())
    return _ref(repo, short) if short in known else None


def _comparison(repo: Repository, base: str, head_ref: str) -> dict[str, Any] | None:
    """What a branch and a commit lack of each other; null where the commit is not known."""
    head = repo.resolve(head_ref)
    if head is None:
        return None
    ahead = len(repo.lacking(base, head))
    behind = len({commit.sha for commit in repo.history(repo.resolve(base))} - {c.sha for c in repo.history(head)})
    status = {(False, False): "IDENTICAL", (True, False): "AHEAD", (False, True): "BEHIND"}
    return {
        "id": f"CMP_{base}_{head.sha}",
        "aheadBy": ahead,
        "behindBy": behind,
        "status": status.get((ahead > 0, behind > 0), "DIVERGED"),
    }


def _deployment(repo: Repository, deployment: Deployment) -> dict[str, Any]:
    statuses = deployment.newest_first
    latest = statuses[0].state if statuses else "pending"
    return {
        "__typename": "Deployment",
        "id": deployment_node_id(repo, deployment),
        "databaseId": deployment.id,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "commitOid": deployment.sha,
        "commit": _commit(repo, repo.commits.get(deployment.sha)),
        "environment": deployment.latest_environment,
        "originalEnvironment": deployment.environment,
        "latestEnvironment": deployment.latest_environment,
        "state": _STATES.get(latest, latest.upper()),
        # A ref that is gone is null here; only REST goes on to say what it was.
        "ref": _ref(repo, deployment.ref) if repo.has_ref(deployment.ref) else None,
        "task": "deploy",
        "description": None,
        "latestStatus": _status(repo, deployment, statuses[0]) if statuses else None,
        "statuses": _connection(statuses, lambda s: _status(repo, deployment, s), lambda s: s.id),
    }


def _status(repo: Repository, deployment: Deployment, status: Status) -> dict[str, Any]:
    return {
        "id": f"DES_{repo.id}_{status.id}",
        "state": status.state.upper(),
        "createdAt": status.at,
        "updatedAt": status.at,
        "logUrl": status.log_url,
        "environment": deployment.environment_at(status),
    }


def _release(repo: Repository, release: Release) -> dict[str, Any]:
    return {
        "id": f"RE_{repo.id}_{release.id}",
        "databaseId": release.id,
        "tagName": release.tag,
        "name": release.name,
        "isDraft": release.draft,
        "isPrerelease": release.prerelease,
        "createdAt": release.created_at,
        "publishedAt": release.published_at,
        "url": f"https://github.com/{repo.full_name}/releases/tag/{release.tag}",
        "tagCommit": None if release.draft else _commit(repo, repo.commits.get(release.sha)),
    }


def _issue(repo: Repository, issue: Issue) -> dict[str, Any]:
    # GitHub promises DUPLICATE only of the issue itself.
    closed_as = None if issue.closed_as == "DUPLICATE" else issue.closed_as or "COMPLETED"
    events = [
        {
            "__typename": f"{name.capitalize()}Event",
            "id": f"EV_{issue.number}_{n}",
            "createdAt": at,
            "stateReason": closed_as if name == "closed" else "REOPENED",
        }
        for n, (name, at) in enumerate(issue.moves)
    ]

    def state_reason(_: GraphQLResolveInfo, *, enableDuplicate: bool = False) -> str | None:  # noqa: N803 - GraphQL's name
        if issue.closed_at is None:
            return "REOPENED" if issue.moves else None
        return None if issue.closed_as == "DUPLICATE" and not enableDuplicate else issue.closed_as or "COMPLETED"

    return {
        "id": f"I_{repo.id}_{issue.number}",
        "number": issue.number,
        "title": issue.title,
        "url": f"https://github.com/{repo.full_name}/issues/{issue.number}",
        "createdAt": issue.created_at,
        "closedAt": issue.closed_at,
        "stateReason": state_reason,
        "timelineItems": lambda _, last=None, **__: {"nodes": events[-last:] if last else events},
    }


def _object(repo: Repository, expression: str | None = None, oid: str | None = None) -> dict[str, Any] | None:
    ref, colon, path = (oid or expression or "").partition(":")
    if not colon:
        return _commit(repo, repo.resolve(ref))
    content = repo.file_at(ref, path)
    return None if content is None else _blob(content)


def _blob(content: bytes) -> dict[str, Any]:
    oid, text = blob_oid(content), None
    if b"\0" not in content:
        text = content[:TRUNCATED_BYTES].decode(errors="replace")
    return {
        "__typename": "Blob",
        "id": f"B_{oid}",
        "oid": oid,
        "byteSize": len(content),
        "isBinary": text is None,
        "isTruncated": len(content) > TRUNCATED_BYTES,
        "text": text,
    }


def _commit(repo: Repository, commit: Commit | None) -> dict[str, Any] | None:
    if commit is None:
        return None

    def history(info: GraphQLResolveInfo, since: str = "", until: str = "~", **wish: Any) -> Any:
        chosen = [c for c in repo.history(commit) if since <= c.committed_at <= until]
        return _connection(chosen, lambda c: _commit(repo, c), lambda c: c.sha)(info, **wish)

    return {
        "__typename": "Commit",
        "id": f"C_{repo.id}_{commit.sha}",
        "oid": commit.sha,
        "committedDate": commit.committed_at,
        "signature": _signature(commit),
        "message": commit.message,
        "history": history,
        "checkSuites": functools.partial(_check_suites, repo, commit.sha),
        "parents": _connection(commit.parents, lambda sha: _commit(repo, repo.commits.get(sha)), str),
    }


def _signature(commit: Commit) -> dict[str, Any] | None:
    if commit.signed_by is None:
        return None
    return {"__typename": "GpgSignature", "isValid": True, "wasSignedByGitHub": commit.signed_by == "GitHub"}


def _check_suites(
    repo: Repository,
    sha: str,
    info: GraphQLResolveInfo,
    *,
    filterBy: Any = None,  # noqa: N803 - GitHub's name
    **page: Any,
) -> Any:
    """One suite with every check of the commit: GitHub hangs those that an app creates under any of its suites."""
    every = [check for check in repo.check_runs.values() if check.fields["head_sha"] == sha]
    named = (filterBy or {}).get("checkName")
    suites = ["suite"] if any(named in (None, check.fields["name"]) for check in every) else []

    def runs(info: GraphQLResolveInfo, *, filterBy: Any = None, **page: Any) -> Any:  # noqa: N803 - GitHub's name
        wish = filterBy or {}
        chosen = [check for check in every if wish.get("checkName") in (None, check.fields["name"])]
        if wish.get("checkType", "LATEST") == "LATEST":
            chosen = list({check.fields["name"]: check for check in chosen}.values())
        return _connection(chosen, lambda check: _check_run(repo, check), lambda check: check.id)(info, **page)

    return _connection(suites, lambda name: {"id": f"CS_{sha}_{name}", "checkRuns": runs}, str)(info, **page)


def _check_run(repo: Repository, check: CheckRun) -> dict[str, Any]:
    fields = check.fields
    return {
        "id": f"CR_{repo.id}_{check.id}",
        "databaseId": check.id,
        "name": fields["name"],
        "externalId": fields.get("external_id"),
        "conclusion": fields["conclusion"].upper() if fields.get("conclusion") else None,
        "title": (fields.get("output") or {}).get("title"),
        "annotations": _connection(check.annotations, dict, str),
    }


def _pull(repo: Repository, number: int) -> Mapping[str, Any]:
    issue = repo.issues.get(number)
    if issue is None or issue.pull is None:
        raise _refusal("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return _pull_body(repo, issue)


def _pull_body(repo: Repository, issue: Issue) -> dict[str, Any]:
    pull = issue.pull
    assert pull is not None
    head = repo if pull.head_repository == repo.full_name else Repository(full_name=pull.head_repository)
    return {
        "id": f"PR_{repo.id}_{issue.id}",
        "databaseId": issue.id,
        "number": issue.number,
        "title": issue.title,
        "state": "MERGED" if pull.merged else issue.state.upper(),
        "createdAt": issue.created_at,
        "headRefOid": pull.head_sha,
        "headRefName": pull.head_ref,
        "baseRefOid": pull.base_sha,
        "baseRefName": pull.base_ref,
        "headRepository": lambda _: _repository(head),
        "baseRepository": lambda _: _repository(repo),
        "isCrossRepository": head is not repo,
        "isDraft": pull.draft,
        "reviewDecision": pull.decision,
        "mergeCommit": _commit(repo, repo.commits.get(pull.merged_as)) if pull.merged_as else None,
        "labels": _connection(issue.labels, lambda name: {"id": f"LA_{name}", "name": name}, str),
        "files": _connection(pull.files, _changed_file, str),
    }


def _changed_file(file: tuple[str, str]) -> dict[str, Any]:
    path, status = file
    return {"path": path, "changeType": _CHANGE_TYPES.get(status, status.upper()), "additions": 1, "deletions": 1}
