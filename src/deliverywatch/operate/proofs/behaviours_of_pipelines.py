"""What pipelines rely on of Step Functions and of Lambda: a part of `behaviours`."""

from deliverywatch.operate.proofs.behaviour import Behaviour, Evidence

_DOCS = "docs.aws.amazon.com/"
_D, _B = Evidence.DOCUMENTED, Evidence.BELIEVED

OF_PIPELINES = (
    Behaviour(
        "stepfunctions-events", "Step Functions",
        "A run that ends publishes one event with its status, and its history says which step failed and why.",
        _D, f"{_DOCS}step-functions/latest/dg/eventbridge-integration.html", "deliverywatch/pipeline/report.py",
        "compute/states.py",
        ("local/test_pipeline_day.py::test_a_planted_fault_ends_in_exactly_one_mail_with_the_right_cause",),
    ),
    Behaviour(
        "stepfunctions-lists-running", "Step Functions",
        "ListExecutions with RUNNING gives every execution that has not ended with its start and, where it was "
        "redriven, the time of that; of an EXPRESS state machine it gives none.",
        _D, f"{_DOCS}step-functions/latest/apireference/API_ListExecutions.html", "deliverywatch/pipeline/measure.py",
        "compute/states.py",
        ("pipeline/test_pipeline_measure.py::test_every_page_of_running_executions_is_read",
         "local/test_pipeline_day.py::test_a_run_that_does_not_end_is_measured_and_has_one_mail"),
    ),
    Behaviour(
        "stepfunctions-redrive", "Step Functions",
        "A STANDARD run that failed, timed out or was aborted can be redriven for 14 days from its end; an EXPRESS one "
        "never.",
        _D, f"{_DOCS}step-functions/latest/dg/redrive-executions.html", "deliverywatch/pipeline/outputs/notices.py",
        "compute/states.py",
        ("pipeline/test_pipeline_notices.py::test_a_standard_run_is_redriven_for_fourteen_days",
         "pipeline/test_pipeline_notices.py::test_an_express_run_is_never_redriven"),
    ),
    Behaviour(
        "stepfunctions-redrive-fail", "Step Functions",
        "A redrive begins with the state that ended the run: one that ended in a Fail after a Catch ends in it again.",
        _B, f"{_DOCS}step-functions/latest/dg/redrive-executions.html: it goes on from the unsuccessful step, and a "
        "step whose failure was caught is none", "deliverywatch/pipeline/outputs/notices.py",
        "compute/states.py",
        ("pipeline/test_pipeline_notices.py::test_where_a_redrive_leads_nowhere_it_is_started_again_with_its_input",),
    ),
    Behaviour(
        "stepfunctions-nested-cause", "Step Functions",
        "Where an execution that a step waits for fails, the cause of that step's failure is its description as JSON, "
        "with ExecutionArn; where the outer one is ended, the inner one is aborted.",
        _D, f"{_DOCS}step-functions/latest/dg/connect-stepfunctions.html", "deliverywatch/pipeline/report.py",
        "compute/states.py",
        ("alerting/test_alerting_pipeline_faults.py::test_one_fault_is_one_mail",),
    ),
    Behaviour(
        "lambda-retries-same-request", "Lambda",
        "The retries of an asynchronous run have the request id of the first try.",
        _D, f"{_DOCS}lambda/latest/dg/invocation-async-error-handling.html",
        "deliverywatch/pipeline/outputs/unhandled.py",
        "compute",
        ("pipeline/test_pipeline_unhandled.py::test_what_was_not_handled_in_the_end_is_always_named",),
    ),
)  # fmt: skip
