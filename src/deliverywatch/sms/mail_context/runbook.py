"""Why messages fail -> what a person does about it, in the order in which to do it."""

from deliverywatch.sms.clicksend.outcomes import Fault

LINKS = (("ClickSend status", "https://status.clicksend.com"),)

_TICKET = "If it lasts over an hour, open a ticket with ClickSend and quote the message ids of this mail."

_BY_FAULT = {
    Fault.CARRIER: (
        "Check the carrier's and ClickSend's status pages: the recipients' network did not take the messages.",
        "Tell customers who rely on SMS from this carrier; hold back what can wait.",
        _TICKET,
    ),
    Fault.PROVIDER: (
        "Check ClickSend's status page: the messages failed before they reached the recipients' network.",
        "Send what cannot wait another way; the numbers are fine, so that sending again later may work.",
        _TICKET,
    ),
    Fault.RECIPIENT: (
        "See whether it is a few numbers again and again: the saved query on affected recipients counts per number.",
        "Take numbers that are dead out of the lists, and ask their owners for new ones.",
        "If it is many numbers of one country or carrier, treat it as a fault of the carrier: check its status page.",
    ),
    Fault.CONTENT: (
        "Look at what was sent: it was rejected for its content. Links, and one text to many, are the usual reasons.",
        "Stop the campaign that carries this text, and word it anew without short links.",
        "Ask ClickSend which rule it was and how to get the text approved; quote the message ids of this mail.",
    ),
    Fault.ACCOUNT: (
        "Log in to ClickSend: it refuses messages of this account; the reasons in this mail say what for.",
        "Put that right: top up the credit, enable the country, register the sender, or send more slowly.",
        "Send again what is still worth it: ClickSend does not send refused messages later by itself.",
        "If the account is suspended or in review, call ClickSend; quote the message ids of this mail.",
    ),
    Fault.NONE: (
        "Read ClickSend's words for the failures in this mail, and check its status page.",
        "See in this mail whether one carrier or country stands out.",
        _TICKET,
    ),
}

_OVERDUE = (
    "Check ClickSend's status page: it accepted these messages and has not said since what became of them.",
    "Send a message to a phone of your own: if it arrives, only the receipts are late.",
    "Hold back what can wait. " + _TICKET,
)

# By the watch that the mail is about.
BY_WATCH = {
    "sms-overdue": _OVERDUE,
    "sms-unknown": (
        "Look up one of these messages in ClickSend's dashboard: does it say that the message arrived?",
        "If it did not, treat them as failures: check ClickSend's status page, and hold back what can wait.",
        "Report the words to the maintainers of DeliveryWatch, so that a rule covers them.",
    ),
    "sms-silence": (
        "Look at what sends the SMS, before anything else: its queue, its schedule, its last deploy.",
        "Send one SMS to yourself. If it shows in ClickSend's history, the road is open, and nobody uses it.",
        "If today is a holiday or you stopped sending on purpose, there is nothing to do: it ends with the next SMS.",
    ),
    "sms-credit": (
        "Top up the account in ClickSend's dashboard, or switch on its automatic top-up.",
        "If somebody else holds the account, tell them how long it lasts: an SMS that is refused is not sent later.",
    ),
}


def steps(top_fault: str | None, *, is_overdue: bool, window_minutes: int) -> tuple[str, ...]:
    """Return what to do.

    Args:
        top_fault: Side of the most frequent reason of failure; none if nothing failed.
        is_overdue: Whether most messages wait for an outcome.
        window_minutes: How far back failures were looked for.
    """
    if top_fault is not None:
        # A side that only a later version knows has no advice of its own here.
        return _BY_FAULT[Fault(top_fault) if top_fault in set(Fault) else Fault.PROVIDER]
    quiet = f"Nothing to do: no message failed in the last {window_minutes} minutes."
    return _OVERDUE if is_overdue else (quiet,)
