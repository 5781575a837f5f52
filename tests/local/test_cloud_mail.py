"""Everything that leaves is kept: mails through SES as they were given, and the e-mails of topics."""

from datetime import datetime
from email.message import EmailMessage

import pytest
from botocore.exceptions import ClientError

from deliverywatch.local.cloud.cloud import LocalCloud


def send(cloud: LocalCloud, subject: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "watch@example.com", "support@example.com", subject
    mail.set_content("plain words")
    mail.add_alternative("<p>rich words</p>", subtype="html")
    cloud.client("sesv2").create_email_identity(EmailIdentity="watch@example.com") if not cloud.outbox() else None
    cloud.client("sesv2").send_email(
        FromEmailAddress="watch@example.com",
        Destination={"ToAddresses": ["support@example.com"]},
        Content={"Raw": {"Data": mail.as_bytes()}},
    )


def test_a_mail_is_kept_as_it_was_given_with_the_simulated_time(cloud: LocalCloud, noon: datetime) -> None:
    send(cloud, "First")
    (mail,) = cloud.outbox()
    assert (mail.sent_at, mail.subject, mail.channel) == (noon, "First", "ses")
    assert mail.text().strip() == "plain words"
    assert mail.text("html").strip() == "<p>rich words</p>"


def test_ses_can_be_made_to_refuse_and_to_accept_again(cloud: LocalCloud) -> None:
    before = len(cloud.outbox())
    cloud.refuse_mail("TooManyRequestsException", "Maximum sending rate exceeded.")
    with pytest.raises(ClientError) as refused:
        send(cloud, "Refused")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    cloud.refuse_mail()
    send(cloud, "Accepted")
    assert [mail.subject for mail in cloud.outbox()[before:]] == ["Accepted"]


def test_the_e_mail_of_a_topics_subscription_is_kept_too(cloud: LocalCloud) -> None:
    cloud.client("sns").publish(
        TopicArn="arn:aws:sns:us-east-1:111122223333:probe", Subject="Fallback", Message="SES is down"
    )
    mail = cloud.outbox()[-1]
    assert (mail.channel, mail.subject, mail.message["To"], mail.text().strip()) == (
        "sns", "Fallback", "oncall@example.com", "SES is down",
    )  # fmt: skip
