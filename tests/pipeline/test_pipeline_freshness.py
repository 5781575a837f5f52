"""What `dbt source freshness` wrote is read where a step passes it on; a run with a stale source is not well."""

from deliverywatch.pipeline.diagnosis.collect import run_of_event
from deliverywatch.pipeline.diagnosis.diagnose import diagnose
from deliverywatch.pipeline.diagnosis.evidence import of_outputs
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.diagnosis.judge import judge
from deliverywatch.pipeline.outputs import metrics
from pipeline.pipeline_world import PIPELINES, Artifacts, Executions, dbt, event, states_event

SOURCES = "s3://artifacts/sf_user/2026-11-21T06-00/sources.json"
OUTPUT = f'{{"freshness": {{"results": "{SOURCES}"}}}}'


def test_its_file_is_known_by_its_name_and_others_are_not() -> None:
    others = "s3://artifacts/sf_user/resources.json s3://artifacts/sf_user/sources.json.gz"
    named = [SOURCES, SOURCES.replace("/sources", "/run-7_sources")]
    assert of_outputs([*named, others]).artifacts == tuple(named)


def test_a_run_with_a_stale_source_failed_and_names_it() -> None:
    only = [one for one in event("dbt_sources_v3")["results"] if one["status"] != "runtime error"]
    artifacts = Artifacts({SOURCES: dbt("sources_v3", results=only)})
    run = run_of_event(states_event(output=OUTPUT), PIPELINES, Executions(), artifacts)
    assert judge(run).verdict == "failing"
    points = {point.name: point.value for point in metrics.of_run(run, judge(run)) if point.job_type == "dbt"}
    assert (points["DbtSourcesStale"], points["DbtTestsFailed"]) == (1, 0)
    diagnosis = diagnose(run, shipped())
    assert diagnosis is not None
    assert (diagnosis.cause.why.value, diagnosis.nodes[0].unique_id) == (
        "data rule",
        "source.sf_user.salesforce.sf_account",
    )
    assert "30.5 hours old" in diagnosis.message
