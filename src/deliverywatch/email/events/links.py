"""A clicked link -> the page that it leads to, and whether it is one by which people unsubscribe, in Python and in SQL.

What makes pages different stays: `watch?v=...`, `?p=12`, `#/prices`. Only parameters that are known to say nothing but
who sent or clicked the link are taken off. By which links people unsubscribe only the sender knows: no word says it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Each by the documentation of the tool that adds it; browsers take off the same (query stripping of Brave, Firefox).
TRACKING_PARAMETERS = {
    "Google Analytics": ("utm_[a-z_]+", "_ga", "_gl"),
    "Google Ads": ("gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "srsltid"),
    "Meta": ("fbclid", "igshid", "igsh"),
    "Microsoft Advertising": ("msclkid",),
    "X, TikTok, LinkedIn, Pinterest, Yandex": ("twclid", "ttclid", "li_fat_id", "epik", "yclid", "_openstat"),
    "Matomo": ("mtm_[a-z_]+",),
    "beehiiv": ("_bhlid",),
    "Drip": ("__s",),
    "Mailchimp": ("mc_cid", "mc_eid"),
    "HubSpot": ("_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "hsctatracking"),
    "Marketo": ("mkt_tok",),
    "Klaviyo": ("_kx",),
    "Kit": ("ck_subscriber_id",),
    "MailerLite": ("ml_subscriber", "ml_subscriber_hash"),
    "Omeda": ("oly_anon_id", "oly_enc_id"),
    "Vero": ("vero_conv", "vero_id"),
}
_KNOWN = "|".join(name for names in TRACKING_PARAMETERS.values() for name in names)
# What stands before and behind the name of a parameter, and what takes its place: first those behind another.
# Mail templates write links as HTML, and some reach SES so.
_LATER = ("&(amp;)?", "=[^&#]*", "")
_FIRST = ("[?]", "=[^&#]*(&(amp;)?)?", "?")
# What may follow on the beginning of a link for it to be the same page.
_BORDERS = ("/", "?", "#", "&", "=")


@dataclass(frozen=True, slots=True)
class LinkRules:
    """What the sender says of its links.

    Attributes:
        tracking_parameters: Its own parameters that do not make another page.
        unsubscribe_links: How links by which people unsubscribe begin, such as `https://example.com/unsubscribe`.
    """

    tracking_parameters: tuple[str, ...] = ()
    unsubscribe_links: tuple[str, ...] = ()

    def page(self, link: str) -> str:
        """Return a link without its tracking parameters."""
        names = "|".join([_KNOWN, *map(re.escape, self.tracking_parameters or ("",))])
        for before, after, replacement in (_LATER, _FIRST):
            pattern = f"{before}({names}){after}"
            link = re.sub(pattern, replacement, link, flags=re.IGNORECASE | re.ASCII)
        return link.replace("?#", "#").removesuffix("?")

    def is_unsubscribe(self, link: str) -> bool:
        """Return whether a link begins as one of `unsubscribe_links`, and goes on at a border of its parts."""
        return any(_begins(_bare(link), _bare(start)) for start in self.unsubscribe_links if start)


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas, as the stack's parameters hold one."""
    return tuple(part for part in text.split(",") if part)


def page_sql(own_parameters: str) -> str:
    """Return `LinkRules.page` in Athena's SQL, of the column `link`; names have letters, digits, _ and -."""
    sql, names = "link", f"'{_KNOWN}' || replace(',{own_parameters}', ',', '|')"
    for before, after, replacement in (_LATER, _FIRST):
        sql = f"regexp_replace({sql}, '(?i){before}(' || {names} || '){after}', '{replacement}')"
    return f"regexp_replace(replace({sql}, '?#', '#'), '[?]$', '')"


def is_unsubscribe_sql(beginnings: str) -> str:
    """Return `LinkRules.is_unsubscribe` in Athena's SQL, of the column `link`."""
    bare, starts = (f"regexp_replace(lower({value}), '^https?://', '')" for value in ("link", "configured"))
    ends = f"substr({bare}, length(start) + 1, 1) IN {_in(('', *_BORDERS))}"
    begins = f"starts_with({bare}, start) AND ({ends} OR substr(start, length(start)) IN {_in(_BORDERS)})"
    beginning = f"transform(filter(split('{beginnings}', ','), configured -> configured <> ''), configured -> {starts})"
    return f"coalesce(cardinality(filter({beginning}, start -> {begins})) > 0, false)"


def _bare(link: str) -> str:
    return re.sub("^https?://", "", link.lower())


def _begins(link: str, start: str) -> bool:
    return link.startswith(start) and (link[len(start) : len(start) + 1] in ("", *_BORDERS) or start[-1:] in _BORDERS)


def _in(texts: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{text}'" for text in texts) + ")"
