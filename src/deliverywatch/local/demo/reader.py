"""Somebody who reads the mails of a play: opens the links of the first critical one, and takes the incident on."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import urllib3

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud

KEY_PARAMETER = "/deliverywatch/prod/link-key"
_KEY = "a-key-of-the-play-that-nobody-else-needs"
_LINK = re.compile(r"https://([a-z0-9]{32})\.lambda-url\.[a-z0-9-]{1,30}\.on\.aws/([\w.-]{1,600})")
_PAGES = ("acknowledge.html", "mute.html")
# So long it takes to see a mail and to pick up the telephone.
_REACTS_AFTER = timedelta(minutes=3)
_NAME, _NOTE = "Kim", "calling ClickSend"


def store_key(cloud: LocalCloud) -> dict[str, str]:
    """Store the key of links, and return the parameter that switches them on."""
    cloud.client("ssm").put_parameter(Name=KEY_PARAMETER, Value=_KEY, Type="SecureString")
    return {"LinkKeyParameter": KEY_PARAMETER}


@dataclass(slots=True)
class Reader:
    """Reads each minute what has come.

    Attributes:
        pages: What the links of the mail showed before anything was done, by the name of a file.
        links: The same names by the links' addresses.
    """

    cloud: LocalCloud
    pages: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def look(self, minute: datetime) -> None:
        """Act on the first critical mail once it is some minutes old."""
        mails = [] if self.pages else self.cloud.outbox()
        critical = (mail for mail in mails if mail.subject.startswith("[CRITICAL]"))
        mail = next(critical, None)
        if mail is not None and minute - mail.sent_at >= _REACTS_AFTER:
            self._act(_LINK.findall(mail.text()))

    def _act(self, links: list[tuple[str, str]]) -> None:
        http = urllib3.PoolManager()
        here = [f"{self.cloud.endpoint}/_aws/lambda-url/{host}/{path}" for host, path in links]
        self.pages = {name: http.request("GET", url).data for name, url in zip(_PAGES, here, strict=True)}
        self.links = {path: name for (_, path), name in zip(links, _PAGES, strict=True)}
        form = {"by": _NAME, "note": _NOTE}
        answer = http.request("POST", here[0], fields=form, encode_multipart=False, redirect=False)
        if answer.status != 303:
            raise ConfigurationError(f"The page of the incident answered {answer.status}.")

    def write(self, out: Path) -> None:
        """Write the pages beside the mails, whose links then lead to them."""
        for name, content in self.pages.items():
            (out / name).write_bytes(content)
        for path in (out / "mails").glob("*.html"):
            path.write_text(_LINK.sub(self._local, path.read_text(encoding="utf-8")), encoding="utf-8")

    def _local(self, match: re.Match[str]) -> str:
        return f"../{self.links[match[2]]}" if match[2] in self.links else match[0]
