"""The text of an error -> its codes and its words, without the names, ids and inputs that it quotes.

A model may be called `quota_limits` and an input hold the word "timeout": neither says what went wrong.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from deliverywatch.pipeline.diagnosis.unwrap import ErrorDetail

_LONGEST = 20_000

# What a state was given, quoted by Step Functions up to the end of the text.
_INPUT = re.compile(r"\b(?:found in|from|with) the input:? ['\"{\[].*", re.IGNORECASE | re.DOTALL)
# dbt names the node and its file in the first line, and ends with the file that it compiled.
_NODE = re.compile(
    r"\b(Error in )(?:model|test|unit_test|snapshot|seed|source|operation|macro|sql) [^\s(]{1,300}"
    r"(?: \([^)\n]{0,300}\))?"
)
_COMPILED = re.compile(r"\bcompiled (?:code|sql) at [^\n]{0,500}", re.IGNORECASE)
_OBJECT = re.compile(r"\b(?:s3[an]?|gs|abfss?|wasbs?|hdfs|dbfs)://[^\s'\"<>]{1,2000}")
_ADDRESS = re.compile(r"\b(?:[a-z0-9]{1,12}://|arn:aws)[^\s'\"<>]{1,2000}|[\w.+-]{1,64}@[\w.-]{1,255}")
# A quoted sentence tells something only where it is called a message; all other quotes are names or values.
_MESSAGE = re.compile(
    r"['\"]?\b(?:(?:error|status|exception)[ _]?)?(?:message|msg|reason|code|cause)\\?['\"]? ?[:=] ?"
    r"(?:\\\"([^\"\n]{0,4000})(?:\"|$)|\"((?:[^\"\\\n]|\\.){0,4000})(?:\"|$)|\\?'([^'\n]{0,4000})(?:'|$))",
    re.IGNORECASE,
)
# PySpark quotes the whole of what Spark said.
_OF_SPARK = re.compile(
    r"\b((?:Analysis|Parse|IllegalArgument|QueryExecution|StreamingQuery)Exception: )u?(['\"])([^\n]{0,4000})\2"
)
# pyodbc and the drivers of MySQL wrap what the server said in a tuple.
_WRAPPED = re.compile(r"\((?:'(\w{5})'|(\d{4})), (?=[\"'])")
# Python prints an exception inside another one as its class with what it was given.
_INSIDE = re.compile(
    r"\b([A-Z]\w{0,60}(?:Error|Exception|Disconnected))\((?=['\"])"
    r"|\((?=(?:'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"), [A-Z]\w{0,60}(?:Error|Exception|Disconnected)\()"
)
# The fields of an error of Postgres and Redshift, as drivers of Python print them: its SQLSTATE, message and detail.
_FIELD = re.compile(r"'([CDM])': (?:'([^'\n]{0,4000})'|\"([^\"\n]{0,4000})\")")
_QUOTED = re.compile(
    r"(?<!\w)'[^'\n]{0,4000}'(?!\w)|\"[^\"\n]{0,4000}\"|`[^`\n]{0,1000}`|\u2018[^\u2018\u2019\n]{0,1000}\u2019"
)
_QUOTED_CODE = re.compile(r"['\"](\d{1,3}|\d[\dA-Z]{4})['\"]")
_UNQUOTED_NAME = re.compile(
    r"\b(Unrecognized name|Table|Dataset|Function|Model|Job|run for|exceeded for):? "
    r"(?=[^\s]{0,200}[\d_.:-])[^\s]{1,300}",
    re.IGNORECASE,
)
# A slash between two words of English is none of a path.
_PATH = re.compile(
    r"(?<![\w/.=*-])(?!(?:i/o|tcp/ip|and/or|update/merge|read/write|input/output|vcpu/memory)\b)"
    r"/?(?:[\w.=*-]{1,100}/){1,30}[\w.=*-]{0,100}",
    re.IGNORECASE,
)
_ID = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f-]{20,40}|(?=[a-z]{0,16}\d)[0-9a-f]{12,64}|[a-z]{1,4}-[0-9a-f]{8,40})\b", re.IGNORECASE
)
_NAME = re.compile(r"\b(?!\d)[a-z0-9]{1,100}(?:[_.][a-z0-9]{1,100}){1,20}\b")
_BLANK = re.compile(r"\s+")
_NUMBER = re.compile(r"\d+")

# Errors of AWS as its SDKs write them. Those of a program of one's own may be called alike, and mean something else.
_OF_AWS = (
    re.compile(r"\(([A-Za-z]\w{2,80})\) when calling the"),
    re.compile(r"\b(?:error ?code|api error)[:= ]{1,3}['\"]?([A-Za-z]\w{2,80})", re.IGNORECASE),
    re.compile(r"\b(?:com\.amazonaws|software\.amazon\.awssdk)(?:\.[a-z]\w{0,40}){1,8}\.([A-Z]\w{2,80})"),
)
_CODES = (
    re.compile(r"\b((?:States|Runtime|Sandbox|Lambda|Function)\.[A-Z]\w{1,60}(?:\.\w{1,40}){0,3})"),
    re.compile(
        r"(?<![\w$])((?:[a-z]\w{0,40}[.$]){0,12}[A-Z]\w{0,80}(?:Exception|Error|Fault|Failure|Timeout|Exceeded|Denied|Disconnected))(?!\w)"
    ),
    # A class by its whole path, as Python prints an exception: psycopg2.errors.UndefinedColumn: ...
    re.compile(r"(?<![\w.])((?:[a-z]\w{0,40}\.){1,8}[A-Z][A-Za-z]{2,60})(?=: |$)", re.MULTILINE),
    re.compile(
        r"(?<![\w.])(NoSuch[A-Z]\w{2,40}|SlowDown|AccessDenied|OOMKilled|InternalServer|(?:Err)?ImagePull(?:BackOff)?)(?!\w)"
    ),
    re.compile(r"(?<![\w.])([A-Z][A-Z0-9]{1,40}(?:_[A-Z0-9]{1,40}){1,12}(?:\.[A-Z0-9_]{2,60})?)(?!\w)"),
)
_HTTP = r"(?:client|server) error|forbidden|unauthorized|service unavailable|bad gateway|too many requests|gateway time"
_STATUS = re.compile(r"[45]\d\d")
_NUMBERED = (
    ("Snowflake", re.compile(r"\b(\d{6}) \([0-9A-Z]{5}\)")),
    ("Snowflake", re.compile(r"\b(25[01]\d{3})(?=: )")),
    ("MySQL", re.compile(r"\berrno-of-mysql (\d{4})\b")),
    ("MySQL", re.compile(r"\bERROR (\d{4}) \([0-9A-Z]{5}\)")),
    ("MySQL", re.compile(r"\b(\d{4}) \([0-9A-Z]{5}\)(?=: )")),
    ("Ora", re.compile(r"\bORA-(\d{5})\b")),
    ("Errno", re.compile(r"\[Errno (\d{1,3})\]", re.IGNORECASE)),
    ("Http", re.compile(r"\(([45]\d\d)\) when calling the")),
    ("Sqlstate", re.compile(r"\b\d{6} \(([0-9A-Z]{5})\)")),
    ("Sqlstate", re.compile(r"\b(?i:SQLSTATE)[:= (]{1,2}\[?([0-9A-Z]{5})")),
    # ODBC, and JDBC of the same makers: [SQLSTATE] [maker][driver] words.
    ("Sqlstate", re.compile(r"\[([0-9A-Z]{5})\] ?\[\w")),
    (
        "Http",
        re.compile(
            r"\b(?:status ?code|https?(?: status| error)?|(?<!header with )status)[:= ]{1,2}(\d{3})\b", re.IGNORECASE
        ),
    ),
    ("Http", re.compile(rf"\b([45]\d\d)(?= (?:{_HTTP}))", re.IGNORECASE)),
    (
        "ExitCode",
        re.compile(
            r"\bexit(?:ed)?(?: with)?(?: a)?(?: exit)?[ _]?(?:code|status)[: ]{1,2}(-?\d{1,3})\b", re.IGNORECASE
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rules look at: codes, the service's own first, and words without names."""

    codes: tuple[str, ...]
    words: str
    original: str


def digest_of(details: Iterable[ErrorDetail]) -> str:
    """Return what is the same for the same error with other names, ids and numbers; empty where it says nothing."""
    readings = [reading_of(detail) for detail in details]
    essence = " ".join(f"{' '.join(reading.codes)} {reading.words}" for reading in readings)
    known = _NUMBER.sub("", essence).lower()
    return hashlib.sha256(known.encode("utf-8", "replace")).hexdigest()[:8] if known.strip() else ""


def reading_of(detail: ErrorDetail) -> Reading:
    """Return what the rules may look at of one layer of an error."""
    message = detail.message[:_LONGEST]
    spoken = _without_quotes(message)
    service, _, last = detail.code.rpartition(".")
    codes = [detail.code, f"Http.{last}" if service and _STATUS.fullmatch(last) else last, *_codes_in(spoken)]
    own = dict.fromkeys(filter(None, codes))
    return Reading(tuple(own), _without_names(spoken), f"{detail.code}: {message}" if detail.code else message)


def _without_quotes(message: str) -> str:
    words = _OBJECT.sub(" object _ ", _COMPILED.sub(" ", _NODE.sub(r"\1", _INPUT.sub(" ", message))))
    words = _ADDRESS.sub(" ", words)
    if "{'S': '" in words:
        words = _FIELD.sub(lambda field: f" {'SQLSTATE ' * (field[1] == 'C')}{field[2] or field[3]} ", words)
    words = _OF_SPARK.sub(r"\1\3", words)
    words = _INSIDE.sub(r"\1 message: ", _WRAPPED.sub(_with_number, words))
    said = _MESSAGE.sub(_said, words)
    return _QUOTED.sub(" _ ", _QUOTED_CODE.sub(r"\1", _MESSAGE.sub(_said, said)))


def _with_number(wrapped: re.Match[str]) -> str:
    return f"SQLSTATE {wrapped[1]} message: " if wrapped[1] else f"errno-of-mysql {wrapped[2]} message: "


def _said(message: re.Match[str]) -> str:
    escaped, plain, apostrophes = message.groups("")
    unescaped = plain.replace('\\"', '"')
    return f" {escaped}{unescaped}{apostrophes} "


def _without_names(spoken: str) -> str:
    words = _UNQUOTED_NAME.sub(r"\1 _", spoken)
    for pattern in (_PATH, _ID, _NAME):
        words = pattern.sub(" _ ", words)
    return _BLANK.sub(" ", words).strip()


def _codes_in(spoken: str) -> list[str]:
    of_aws = [match for pattern in _OF_AWS for match in pattern.findall(spoken)]
    plain = [match for pattern in _CODES for match in pattern.findall(spoken)]
    numbered = [f"{kind}.{match}" for kind, pattern in _NUMBERED for match in pattern.findall(spoken)]
    known = [form for code in of_aws for form in (code, f"Aws.{code}")]
    return [
        *known,
        *(code.replace("$", ".").rpartition(".")[2] if code[:1].islower() else code for code in plain),
        *numbered,
    ]
