"""The columns of the SMS lake: one list for the Parquet files, the Glue table and the tests.

One row per `message_id`, in the object of the UTC hour in which it was sent, or is due to be sent. No message bodies,
names or e-mail addresses.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type in Athena's words, and what it holds."""

    name: str
    athena_type: str
    comment: str


COLUMNS = (
    Column("message_id", "string", "ClickSend's id of the message, unique"),
    Column("sent_at", "timestamp", "time of sending, or for which it was scheduled, UTC"),
    Column("outcome", "string", "delivered, failed, pending, excluded or unknown"),
    Column("fault", "string", "side of a failure: recipient, carrier, provider, content, account (ours) or none"),
    Column("status", "string", "ClickSend's status; does not tell delivered from sent"),
    Column("status_code", "string", "200 accepted, 201 delivered, 300/302 temporary failure, 301 failed"),
    Column("status_text", "string", "ClickSend's words for the status"),
    Column("error_code", "string", "ClickSend's gateway code; 4 is success"),
    Column("error_text", "string", "ClickSend's words for the code, less reliable than status_text"),
    Column("direction", "string", "out or in"),
    Column("country", "string", "ISO 3166 code of the recipient"),
    Column("carrier", "string", "the recipient's carrier"),
    Column("sender", "string", "number or name the message was sent from"),
    Column("recipient_hash", "string", "keyed hash of the recipient's number: equal numbers, equal hashes"),
    Column("recipient", "string", "the recipient's number, masked unless the stack stores plain numbers"),
    Column("message_parts", "int", "number of SMS the message was split into"),
    Column("message_price", "decimal(12,6)", "price in the account's currency"),
    Column("user_id", "bigint", "ClickSend user"),
    Column("subaccount_id", "bigint", "ClickSend sub-account"),
    Column("list_id", "string", "contact list the message was sent to"),
    Column("scheduled_at", "timestamp", "time the message was scheduled for, UTC"),
    Column("observed_at", "timestamp", "time of the run that last saw a change of this row, UTC"),
    Column("extra", "string", "fields that ClickSend did not document, as JSON"),
    Column("created_at", "timestamp", "ClickSend's date, UTC, of a message that was scheduled for later"),
    Column("outcome_at", "timestamp", "run that first saw it delivered or failed, UTC; up to one slot late"),
)
