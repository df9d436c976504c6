"""The model stub at many commits, read by batched GraphQL queries: most releases have the same one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowjoy.analysis.promise import model_stub
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_files import MAX_IDS, WantedStubs, git_id
from flowjoy.domain import AbsentStub, FileAtCommit, StubFile, commit_sha

BATCH = 50


def _query(wanted: WantedStubs) -> str:
    return (
        f"query FlowJoyStubs($owner: String!, $name: String!{wanted.declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{wanted.fields}\n  }}\n}}\n"
    )


STUB_QUERY = _query(WantedStubs(path="", commits=[HEAD], ids=[""]))
"""The query for the stub at one commit and its id at another, for checking against GitHub's schema."""


def read(
    github: GitHubApi,
    path: str,
    commits: Iterable[str],
    remembered: Mapping[str, StubFile] | None = None,
    ids: Mapping[str, str | None] | None = None,
) -> dict[str, StubFile]:
    """Return the stub at each commit (full shas, or HEAD). Raise HarvestError when GitHub does not answer.

    `ids`: those that GitHub has already given. A remembered text serves only where GitHub gives the file the id that
    this text has in git.
    """
    reading = _Reading(github, path, remembered or {}, ids or {})
    wanted = sorted(set(commits))
    asked = [commit for commit in wanted if commit == HEAD or commit_sha.is_full(commit)]
    for commit in {*wanted} - {*asked}:
        reading.stubs[commit] = model_stub.read(FileAtCommit(problem=f"{commit[:40]!r} is not a commit sha"))
    while left := reading.left(asked):
        reading.ask(left)
    return {commit: reading.stubs[commit] for commit in wanted}


class _Reading:
    """The stubs that are known so far, the ids of the files at commits, and the stub with each id."""

    def __init__(
        self, github: GitHubApi, path: str, remembered: Mapping[str, StubFile], ids: Mapping[str, str | None]
    ) -> None:
        self._github, self._path, self._remembered = github, path, remembered
        self.stubs: dict[str, StubFile] = {}
        self._ids, self._by_id = dict(ids), dict[str, StubFile]()
        self._alone: set[str] = set()  # commits whose id says nothing
        self._recall()

    def left(self, commits: Sequence[str]) -> list[str]:
        """Return the commits whose stub is still unknown."""
        for commit in commits:
            number = self._ids.get(commit, "")
            if commit not in self.stubs and (number is None or number in self._by_id):
                self.stubs[commit] = AbsentStub() if number is None else self._by_id[number]
        return [commit for commit in commits if commit not in self.stubs]

    def ask(self, left: Sequence[str]) -> None:
        """Ask for ids where a text may be known or shared, and for each text once."""
        unknown = [commit for commit in left if commit not in self._ids and commit not in self._alone]
        shared = [commit for commit in unknown if commit != HEAD]
        if len(shared) <= BATCH:
            shared = [commit for commit in shared if commit in self._remembered]
        texts = self._one_of_each([commit for commit in left if commit not in shared])
        for start in range(max(-(-len(texts) // BATCH), -(-len(shared) // MAX_IDS))):
            at = texts[start * BATCH : (start + 1) * BATCH]
            wanted = WantedStubs(path=self._path, commits=at, ids=shared[start * MAX_IDS : (start + 1) * MAX_IDS])
            stubs, ids = self._github.graphql("model stubs", _query(wanted), wanted.read, **wanted.variables)
            self.stubs |= stubs
            self._ids |= ids
        self._alone.update(commit for commit in shared if commit not in self._ids)
        self._keep(texts)
        self._recall()

    def _one_of_each(self, commits: Sequence[str]) -> list[str]:
        """Return the commits without those that have the same file as another one."""
        return list({self._ids.get(commit) or commit: commit for commit in commits}.values())

    def _keep(self, texts: Iterable[str]) -> None:
        """Keep the stubs that were read by their ids. What is wrong with a file is said of each commit by itself."""
        for commit in texts:
            number = self._ids.get(commit)
            if number is not None and self.stubs[commit].file.problem is None:
                self._by_id[number] = self.stubs[commit]
            elif number is not None:
                self._alone.update(sha for sha, known in self._ids.items() if known == number)
        self._ids = {sha: known for sha, known in self._ids.items() if sha not in self._alone}

    def _recall(self) -> None:
        """Find the remembered stubs by the ids that GitHub gives to the files at their commits."""
        for commit, stub in self._remembered.items():
            number, text = self._ids.get(commit), stub.file.text
            if number is not None and text is not None and stub.file.problem is None and git_id(text, number) == number:
                self._by_id[number] = stub
