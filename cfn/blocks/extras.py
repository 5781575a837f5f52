"""What a build leaves out unless it is told to put it in: what some regions refuse, and what is only an example."""

from enum import StrEnum


class Extra(StrEnum):
    """One of them, by its name for `--with`."""

    # 13 of the regions with SES have no such type, and a condition would not help: the template names it.
    BUDGET = "budget"
    # Alarms on a pipeline that nobody has would go off.
    EXAMPLE_PIPELINE = "example-pipeline"
    # 8 of the regions with SES have no such type as its URL, AWS::Lambda::Url; here, too, a condition would not help.
    INCIDENT_PAGE = "incident-page"
    # CloudFormation has had it for some months, not in every region; the notifier waits as long without it.
    WARM_UP = "warm-up"


# For `--help`, README and messages.
SENTENCES = {
    Extra.BUDGET: "budget (of AWS Budgets, for the e-mail system)",
    Extra.EXAMPLE_PIPELINE: "example-pipeline (cfn/pipelines.example.toml in place of cfn/pipelines.toml)",
    Extra.INCIDENT_PAGE: "incident-page (of links in mails, with LinkKeyParameter)",
    Extra.WARM_UP: "warm-up (WarmUpConfiguration in alarms that wait for first data)",
}
