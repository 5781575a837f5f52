"""Where the file of queries lies -> the request that gets it: a file in GitHub, GitLab or Bitbucket, or any https URL.

URLs are those that a browser shows for the raw file of a branch, a tag or a commit. With a token, the APIs of GitLab
and Bitbucket are used: their raw pages take no tokens.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from deliverywatch.errors import ConfigurationError

_GITHUB = re.compile(r"/([^/]+)/([^/]+)/(?:blob|raw)/(.+)")
_GITLAB = re.compile(r"/(.+)/-/(?:raw|blob)/(refs/(?:heads|tags)/[^/]+|[^/]+)/(.+)")
_BITBUCKET = re.compile(r"/([^/]+)/([^/]+)/(?:raw|src)/([^/]+)/(.+)")
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_RAW_GITHUB = "raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Request:
    """What to get, with headers; these may hold a token."""

    url: str
    headers: dict[str, str] = field(repr=False)


def request(url: str, token: str = "", etag: str = "") -> Request:
    """Return the request for a file; one that still has the etag of our copy is not sent again.

    Raises ConfigurationError if it is not an https URL, or holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise ConfigurationError(
            "The address of the file of queries is not an https URL without user and password.",
            next_step="Set QueriesConfigUrl to the raw URL, and keep a token in the SSM parameter of its own.",
        )
    headers = {"User-Agent": "deliverywatch", "Accept": "*/*"} | ({"If-None-Match": etag} if etag else {})
    source_url, credentials = _resolved(url, token)
    return Request(source_url, headers | credentials)


def is_pinned(url: str) -> bool:
    """Whether a URL names one commit, so that its content can never change."""
    return bool(_COMMIT.search(urlsplit(url).path))


def _resolved(url: str, token: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    if parts.hostname in ("github.com", _RAW_GITHUB):
        match = _GITHUB.fullmatch(parts.path) if parts.hostname == "github.com" else None
        # Without the token that GitHub puts into the raw URL of a private file: it would soon be old.
        bare = parts._replace(query="", fragment="").geturl()
        return f"https://{_RAW_GITHUB}/{'/'.join(match.groups())}" if match else bare, bearer
    if "/-/" in parts.path or "/api/v4/" in parts.path:
        match = _GITLAB.fullmatch(parts.path) if token else None
        source_url = f"https://{parts.netloc}{_gitlab_api(*match.groups())}" if match else url
        return source_url, {"PRIVATE-TOKEN": token} if token else {}
    if parts.hostname == "bitbucket.org":
        match = _BITBUCKET.fullmatch(parts.path)
        return _bitbucket(*match.groups(), with_token=bool(token)) if match else url, bearer
    return url, bearer


def _gitlab_api(project: str, ref: str, path: str) -> str:
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return f"/api/v4/projects/{quote(project, '')}/repository/files/{quote(path, '')}/raw?ref={quote(name, '')}"


def _bitbucket(workspace: str, repository: str, ref: str, path: str, *, with_token: bool) -> str:
    if with_token:
        return f"https://api.bitbucket.org/2.0/repositories/{workspace}/{repository}/src/{ref}/{path}"
    return f"https://bitbucket.org/{workspace}/{repository}/raw/{ref}/{path}"
