"""The mails in a real browser, as narrow as a phone: nothing runs over its edge, however long the words are."""

import html
import json
import shutil
import subprocess
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from alerting_fakes import World

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTH = 360
PAGE = """<!doctype html><body>{frames}<script>
addEventListener("load", () => {{
  const widths = [...document.querySelectorAll("iframe")].map(one => one.contentDocument.documentElement.scrollWidth);
  document.body.textContent = "WIDTHS" + JSON.stringify(widths) + "END";
}});
</script></body>"""


def long_words() -> World:
    """A notice whose every text is one word that is longer than a line."""
    word, world = "nightly_load_" * 12, World()
    facts = {word: word, "Error": f"s3://{word}/{word}"}
    notice = {"deliverywatch": 1, "watch": "pipeline-x", "level": "critical", "time": "2026-11-21T12:04:00Z"}
    context = {"system": "pipeline", "steps": [word], "links": [{"title": word, "url": f"https://example.com/{word}"}]}
    world.store.memory.write("state/pipeline-x.json", json.dumps(context).encode())
    world.tell({**notice, "title": f"{word}: failed", "sentence": f"`{word}`: {word}. {word}", "facts": facts})
    return world


def recorded() -> list[EmailMessage]:
    """The recorded mail of every event."""
    files = sorted(Path(__file__).with_name("golden").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def test_every_mail_fits_a_phone(tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("No Chromium is installed: how the mails look is tested only where one is.")
    mails = [*long_words().ses.mails, *recorded()]
    bodies = [part.get_content() for mail in mails if (part := mail.get_body(("html",))) is not None]
    frame = '<iframe style="width:{}px;height:9000px;border:0" srcdoc="{}"></iframe>'
    page = tmp_path / "mails.html"
    page.write_text(PAGE.format(frames="".join(frame.format(WIDTH, html.escape(body)) for body in bodies)))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=9000", "--dump-dom"]
    dom = subprocess.run([BROWSER, *options, page.as_uri()], capture_output=True, text=True, check=True).stdout
    assert json.loads(dom.partition("WIDTHS")[2].partition("END")[0]) == [WIDTH] * len(bodies)
