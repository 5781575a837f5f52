"""What Scheduler and Athena do with scheduled queries, as far as we rely on it: part of `behaviours`."""

from deliverywatch.operate.proofs.behaviour import Behaviour, Evidence

_DOCS = "docs.aws.amazon.com/"
_D, _R, _B = Evidence.DOCUMENTED, Evidence.RECORDED, Evidence.BELIEVED
_OWN = "operate/test_operate_proofs.py::test_every_behaviour_is_proven_against_the_local_cloud"

OF_SCHEDULES = (
    Behaviour(
        "scheduler-fills-time", "EventBridge Scheduler",
        "<aws.scheduler.scheduled-time> in an input is replaced by the time for which the event was planned.",
        _D, f"{_DOCS}scheduler/latest/UserGuide/managing-schedule-context-attributes.html",
        "deliverywatch/sms/handle_ingest.py",
        "compute/schedules.py",
        ("local/test_cloud_schedules.py::test_the_event_holds_the_time_for_which_it_was_planned", _OWN),
    ),
    Behaviour(
        "scheduler-refuses-expressions", "EventBridge Scheduler",
        "A schedule whose expression or time zone is none is refused, alone: a step of 60 minutes, a rate in seconds.",
        _R, "github.com/localstack/localstack: tests/aws/services/scheduler, issue 13572; github.com/aws/aws-sdk-js/"
        "issues/4212; the words about a time zone are believed",
        "cwalarm/schedules/eventbridge.py",
        "compute/schedules.py",
        ("cwalarm/test_schedules_eventbridge.py::test_what_aws_refuses_is_refused_with_an_example",
         "local/test_cloud_schedules.py::test_what_scheduler_refuses_is_refused_by_its_api_and_in_templates", _OWN),
    ),
    Behaviour(
        "scheduler-ranges-wrap", "EventBridge Scheduler",
        "Hours and days of the week wrap in a range, 20-2 or FRI-MON, and LW is the last weekday of a month.",
        _D, f"{_DOCS}eventbridge/latest/userguide/eb-cron-expressions.html shows 20-2; the others are believed",
        "cwalarm/schedules/eventbridge.py",
        "compute/schedules.py",
        ("cwalarm/test_schedules_eventbridge.py::test_the_documented_wildcards_are_accepted_without_a_doubt",
         "cwalarm/test_schedules_occurrences.py::test_times_agree_with_asking_every_minute", _OWN),
    ),
    Behaviour(
        "scheduler-takes-undocumented", "EventBridge Scheduler",
        "What its documentation does not say is taken, as NOV-FEB or rate(1 hours); validate names it.",
        _B, f"{_DOCS}scheduler/latest/UserGuide/schedule-types.html does not say",
        "cwalarm/schedules/eventbridge.py",
        "compute/schedules.py",
        ("cwalarm/test_schedules_eventbridge.py::test_what_aws_does_not_say_is_accepted_and_named", _OWN),
    ),
    Behaviour(
        "scheduler-refuses-groups", "EventBridge Scheduler",
        "Schedules of a group that does not exist are refused as not found; an empty answer would be taken as well.",
        _D, f"{_DOCS}scheduler/latest/APIReference/API_ListSchedules.html",
        "deliverywatch/queries/aws.py",
        "compute/schedules.py",
        ("queries/test_queries_cloud.py::test_a_group_that_does_not_exist_is_refused_and_has_no_names",
         "queries/test_queries_former.py::test_a_group_that_is_gone_has_nothing_left_and_one_that_cannot_be_read_is_named"),
    ),
    Behaviour(
        "athena-trino-grammar", "Athena",
        "Athena reads queries by Trino's grammar: a `?` stands only where any value could; there is no SELECT INTO.",
        _D, f"{_DOCS}athena/latest/ug/engine-versions-reference-0003.html", "deliverywatch/queries/sql/grammar.py",
        "athena/statements.py",
        ("queries/test_queries_grammar.py::test_queries_are_taken_and_refused_as_by_trinos_own_parser",
         "local/test_cloud_athena.py::test_what_trinos_grammar_has_not_is_refused_in_its_words"),
    ),
)  # fmt: skip
