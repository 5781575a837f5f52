"""What the parts of a run say of an error -> the rule that it meets, and the cause in a line of its own words.

Texts are cut for showing only: rules look at all of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from deliverywatch.pipeline.declaration.values import decoded
from deliverywatch.pipeline.diagnosis.dbt import Node
from deliverywatch.pipeline.diagnosis.faults import Catalogue, Fault
from deliverywatch.pipeline.diagnosis.runs import JobRun, job_run_of
from deliverywatch.pipeline.diagnosis.unwrap import ErrorDetail, details_of
from deliverywatch.pipeline.diagnosis.words import digest_of

_LONGEST_MESSAGE = 300
_LONGEST_LINE = 160
# These say that there was an error, and not which.
_EMPTY_CODES = frozenset({"States.TaskFailed", "Error", "Exception", "FAILED"})

# What `unwrap` calls an end for which the service has no words of its own.
_OF_OWN_CODES = {"ExitCode.": "it ended with exit code", "State.": "it ended as"}

_NODE = re.compile(r"^[\s\w]{0,40}Error in (?:\w{1,20}) ([^\s(:]{1,200})(?: \([^)\n]{0,300}\))?:?\s{0,10}")
_COMPILED = re.compile(r"\s(?:compiled (?:code|sql) at|> in macro|> called by macro) .*", re.IGNORECASE | re.DOTALL)
_SENTENCE = re.compile(r"[.;] +(?=[A-Z(])")
# What stands around what went wrong, and would fill the line before that is said.
_NOISE = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"^(?:(?:Database|Runtime|Compilation|Dependency|Parsing) Error\s{1,9})+", 0),
        (r"^An error occurred while executing the state [^\n]{1,200}? \(entered at the event id #\d{1,9}\)\. ", 0),
        (r" in the input ['\"].*", re.DOTALL),
        (r" ?\((?:Service|RequestId|Request ID): [^)]{0,400}\)", 0),
        # Spark through Python, Lambda, containers, and HTTP.
        (r"\bAn error occurred while calling o\d{1,9}\.\w{1,80}\.(?: Trace:)?[ :]{0,3}", 0),
        (
            r"\bJob aborted due to stage failure: [^\n]{0,160}?most recent failure: [^\n]{0,99}?\(TID [^)\n]{0,80}\): ",
            0,
        ),
        (r"^(?:RequestId: [\w-]{1,60} )?Error: ", 0),
        (r"\b(?:[a-z]\w{0,40}\.){2,12}(?=[A-Z]\w{1,80}(?:Exception|Error)\b)", 0),
        (r"\b(?:failed to create (?:new |shim |container |runtime )*task|(?:OCI runtime|runc) create failed): ", 0),
        (r"\b(?:\w{1,40}\.go:\d+|unable to start container process|starting container process caused): ", 0),
        (r"\bError response from daemon: ", 0),
        (r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD) https?://\S{1,2000} ?", 0),
        # ClickHouse, and Trino as its driver for Python prints an error.
        (r"^:HTTPDriver [^\n]{1,300}?returned response code \d{3}\)\s*", 0),
        (r"^Code: \d{1,5}\.\s{0,9}(?:DB::Exception: )?", 0),
        (r"\bTrino\w{0,40}Error\(type=\w{1,40}, name=\w{1,60}, message=\"", 0),
        (r"\", query_id=\w{1,80}\)$", 0),
        # What a server adds: where it is, and what one may do.
        (r"\s(?:DETAIL|HINT|CONTEXT|LINE \d{1,6}): .*", re.DOTALL),
        (r"\s*\n\s*(?:This|The|Please|You|Check|See|Verify|If|To)\b.*", re.DOTALL),
    )
)
# What is told in fewer words than the service uses, with the name that it is about.
_NAME = r"[\"'`]{1,2}([^\"'`\n]{1,160})[\"'`]{1,2}"
_LINES = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (rf"\bcolumn {_NAME}(?: in [^\n]{{1,80}}?)? (?:does not exist|not found|cannot be)", "column {0} is undefined"),
        (r"\bcolumn ([\w.]{1,120}) does not exist", "column {0} is undefined"),
        (rf"\bparameter with name {_NAME} cannot be resolved", "column {0} is undefined"),
        (rf"\b(?:invalid identifier|cannot resolve) {_NAME}", "column {0} is undefined"),
        (r"\bunrecognized name: (\w{1,120})", "column {0} is undefined"),
        (
            rf"\b(?:relation|table|view) {_NAME} (?:does not exist|not found|cannot be found)",
            "table {0} does not exist",
        ),
        (r"\btable ([\w.-]{3,160}) (?:does not|doesn't) exist", "table {0} does not exist"),
        (rf"{_NAME} is undefined", "{0} is undefined"),
        (r"not authorized to perform: ([\w:*]{1,120}) on resource: ([^\s,]{1,300})", "{0} on {1} is not allowed"),
        (r"not authorized to perform: ([\w:*]{1,120})", "{0} is not allowed"),
    )
)


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a run that says something of an error: its name, how its words are introduced, and what it says."""

    subject: str
    introduction: str
    details: tuple[ErrorDetail, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The rule that matched, and what it matched, or what was said first if none did.

    `subject` is the node, the job or the step; `line` says in a line what happened to it. `digest` is the same for the
    same error with other names and ids, and empty where a rule matched or nothing was said.
    """

    fault: Fault | None = None
    is_retryable: bool | None = None
    subject: str = ""
    message: str = ""
    line: str = ""
    digest: str = ""


def source_of_error(step: str, error: str, cause: str) -> Source:
    """Return what a step, an execution or a state machine says with an error and its cause."""
    if job := job_run_of(decoded(cause)):
        return source_of_job(job)
    return Source(step, "", details_of(error, cause))


def source_of_job(job: JobRun) -> Source:
    """Return what a run of a Glue job says."""
    return Source(job.job, f"Glue job {job.job} ended as {job.state}", _details_of_text(job.error))


def source_of_node(node: Node) -> Source:
    """Return what a node of dbt says."""
    # An id is kind.project.name, and for tests a hash; names have no dots.
    parts = node.unique_id.split(".")
    subject = parts[2] if len(parts) > 2 else node.unique_id
    return Source(subject, node.unique_id, _details_of_text(node.message or node.status))


def _details_of_text(words: str) -> tuple[ErrorDetail, ...]:
    return details_of("", words)


def finding_in(sources: Iterable[Source], catalogue: Catalogue) -> Finding:
    """Return the first source that a rule matches, or what the first that says anything says."""
    known = list(sources)
    for source in known:
        fault, detail = catalogue.fault_in(source.details)
        if fault and detail:
            return _finding(source, detail, fault)
    first = next((source for source in known if source.introduction or source.details), None)
    # A job or a node knows more of an error that no rule knows than the step that ran it: "dbt ended with 1".
    first = next((source for source in known if source.introduction and source.details), first)
    if first is None:
        return Finding()
    said = [detail for detail in first.details if _words_of(detail)] or [ErrorDetail("")]
    finding = _finding(first, said[0], None)
    return replace(finding, line=_cut(_with_exit_code(finding.line, first.details), _LONGEST_LINE))


def _with_exit_code(line: str, details: Iterable[ErrorDetail]) -> str:
    """Return a line with the exit code of the container, which may be all that is known of its end."""
    code = next((detail.code for detail in details if detail.code.startswith("ExitCode.")), "")
    number = code.removeprefix("ExitCode.")
    return f"{line} (exit code {number})" if number and number not in line.split() else line


def _finding(source: Source, detail: ErrorDetail, fault: Fault | None) -> Finding:
    words = _words_of(detail)
    message = ": ".join(filter(None, (source.introduction, words)))
    node = _NODE.match(detail.message)
    return Finding(
        fault=fault,
        is_retryable=detail.is_retryable,
        subject=node[1] if node else source.subject,
        message=_cut(message, _LONGEST_MESSAGE),
        line=_line_of(detail) or source.introduction,
        digest="" if fault else digest_of(source.details),
    )


def _words_of(detail: ErrorDetail) -> str:
    message = " ".join(detail.message.split())
    for prefix, words in _OF_OWN_CODES.items():
        if detail.code.startswith(prefix):
            return f"{words} {detail.code.removeprefix(prefix)}"
    if detail.code in _EMPTY_CODES or message.startswith(detail.code):
        return message or detail.code
    return f"{detail.code}: {message}" if message else detail.code


def _line_of(detail: ErrorDetail) -> str:
    """Return an error as a line: its first sentence, without the node, the file and what else stands around it."""
    message = _COMPILED.sub("", detail.message[: 4 * _LONGEST_MESSAGE])
    for pattern, words in _LINES:
        if match := pattern.search(message):
            return _cut(words.format(*match.groups()), _LONGEST_LINE)
    plain = _NODE.sub("", message)
    for noise in _NOISE:
        plain = noise.sub("", plain)
    shown = _words_of(ErrorDetail(detail.code, plain or message))
    return _cut(_SENTENCE.split(shown, maxsplit=1)[0].rstrip(".;"), _LONGEST_LINE)


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
