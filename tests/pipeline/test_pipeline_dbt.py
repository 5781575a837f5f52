"""dbt's results of every version are read, and what is not known is counted as unknown and said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.pipeline.diagnosis.completeness import verdict_on
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, run_of
from deliverywatch.pipeline.outputs import metrics
from pipeline.pipeline_world import event


def values(run: DbtRun) -> dict[str, float]:
    return {point.name: point.value for point in metrics.of_dbt([run], verdict_on([run])) if point.value}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "v4",
            {"DbtModelsRun": 3, "DbtModelsFailed": 1, "DbtTestsPassed": 1, "DbtTestsFailed": 1, "DbtTestsErrored": 1}
            | {"DbtTestsSkipped": 1, "DbtModelsSkipped": 1},
        ),
        ("v5", {"JobSuccess": 1, "DbtModelsRun": 2, "DbtTestsPassed": 1, "DbtTestsWarned": 1}),
        ("v6", {"DbtModelsRun": 2, "DbtModelsFailed": 1, "DbtTestsPassed": 2}),
        ("v6_fusion", {"DbtModelsRun": 1, "DbtTestsPassed": 1, "DbtUnknown": 1}),
        ("v6_docs_generate", {}),
        ("sources_v3", {"DbtSourcesStale": 2}),
    ],
)
def test_each_version_is_counted(name: str, expected: dict[str, float]) -> None:
    assert values(run_of(event(f"dbt_{name}"))) == expected


def test_a_status_that_no_rule_covers_is_named() -> None:
    assert run_of(event("dbt_v6_fusion")).unknown == {"deferred": 1}


def test_a_source_that_is_too_old_failed_and_one_that_cannot_be_read_is_broken() -> None:
    nodes = {node.unique_id.rpartition(".")[2]: node for node in run_of(event("dbt_sources_v3")).nodes}
    endings = {name: node.ending.value for name, node in nodes.items()}
    assert endings == {"sf_user": "good", "sf_account": "failed", "sf_group": "warned", "sf_role": "errored"}
    assert nodes["sf_account"].message == "The newest row of the source is 30.5 hours old."
    assert "TABLE_NOT_FOUND" in nodes["sf_role"].message


def test_results_without_a_source_say_nothing_of_their_age() -> None:
    names = {point.name for point in metrics.of_dbt([run_of(event("dbt_v5"))], None)}
    assert "DbtSourcesStale" not in names


def test_a_test_that_docs_generate_wrote_down_did_not_pass() -> None:
    assert {node.ending for node in run_of(event("dbt_v6_docs_generate")).nodes} == {"not run"}


def test_a_failed_test_says_how_many_rows_and_a_broken_one_says_none() -> None:
    run = run_of(event("dbt_v4"))
    bad = {node.ending: node.failures for node in run.tests if node in run.bad}
    assert bad == {"failed": 80, "errored": None}


def test_a_failed_hook_is_bad_and_is_no_model() -> None:
    document = event("dbt_v6")
    document["results"][0]["status"] = "error"
    run = run_of(document)
    assert run.bad[0].kind == "operation"
    assert values(run)["DbtHooksFailed"] == 1
    assert verdict_on([run]) == "failing"
    assert len(run.models) == 3


@pytest.mark.parametrize("version", [3, 7])
def test_a_version_that_nobody_looked_at_is_refused(version: int) -> None:
    document = json.loads(json.dumps(event("dbt_v6")).replace("v6.json", f"v{version}.json"))
    with pytest.raises(InputError, match=f"version {version}"):
        run_of(document)


@pytest.mark.parametrize("document", [None, [], {}, {"results": []}, {"metadata": {}, "results": {}}])
def test_what_is_no_result_of_dbt_is_refused(document: object) -> None:
    with pytest.raises(InputError, match=r"not a run_results\.json"):
        run_of(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["unique_id", "status", "failures", "message", "adapter_response"]), JSON))
)
def test_every_result_is_counted_in_one_place_whatever_it_holds(results: list[dict[str, object]]) -> None:
    run = run_of(event("dbt_v6") | {"results": results})
    assert len(run.nodes) == len(results)
    assert sum(run.unknown.values()) == sum(node.ending == "unknown" for node in run.nodes)
