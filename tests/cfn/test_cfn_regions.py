"""Every system deploys in every region with SES and Lambda: what the template names is there, with the same properties.

cfn-lint takes five seconds for a region. Its rules judge a type by that region's schema: where each type of a template
has the schema that it has in us-east-1, for which the tests of the systems run all rules, they say the same everywhere.
"""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import botocore.session
import pytest

import stacks
from blocks.extras import Extra
from deliverywatch.operate.deploy.parameters import BUILT_WITH

SCHEMAS = files("cfnlint.data.schemas.providers")
# Of these cfn-lint has no list of types.
UNKNOWN = {"me-south-1"}
# What some regions have no such type for.
LACKING = {Extra.BUDGET: "AWS::Budgets::Budget", Extra.INCIDENT_PAGE: "AWS::Lambda::Url"}


@cache
def types_of(region: str) -> dict[str, str]:
    """Return cfn-lint's list of a region's types with the digest of each one's schema."""
    return dict(json.loads(SCHEMAS.joinpath(f"{region}.json").read_text()))


def regions() -> list[str]:
    """Return the regions of every partition in which SES and Lambda are."""
    session = botocore.session.get_session()
    both = [
        set(session.get_available_regions("sesv2", name)) & set(session.get_available_regions("lambda", name))
        for name in session.get_available_partitions()
    ]
    return sorted(set().union(*both))


def template(system: str, *extras: Extra) -> dict[str, Any]:
    made: dict[str, Any] = stacks.template(stacks.chosen([system], extras), "arm64", "0", extras).to_dict()
    return made


@pytest.mark.parametrize("system", stacks.SYSTEMS)
def test_a_system_names_only_what_every_region_has(system: str) -> None:
    named = {made["Type"] for made in template(system, Extra.EXAMPLE_PIPELINE)["Resources"].values()}
    here = types_of("us-east-1")
    for region in set(regions()) - UNKNOWN:
        there = types_of(region)
        assert {kind for kind in named if there.get(kind) != here[kind]} == set(), region


def test_what_some_regions_lack_is_in_a_template_only_if_it_was_asked_for() -> None:
    for extra, kind in LACKING.items():
        assert [region for region in regions() if region not in UNKNOWN and kind not in types_of(region)]
        assert kind in json.dumps(template("email", extra))
        assert kind not in json.dumps(template("email"))


def test_the_regions_without_a_list_are_the_ones_that_are_said_to_be() -> None:
    assert {region for region in regions() if not SCHEMAS.joinpath(f"{region}.json").is_file()} == UNKNOWN


def test_the_readme_names_the_regions_and_no_others() -> None:
    manual = (Path(__file__).parents[2] / "cfn/README.md").read_text()
    section = manual.partition("**Regions.**")[2].partition("\n\n")[0].replace("\n", " ")
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+){1,2}-\d)`", section)) == set(regions())
    for extra, kind in LACKING.items():
        lack = [region for region in set(regions()) - UNKNOWN if kind not in types_of(region)]
        assert f"not in {len(lack)} of them" in section.partition(f"`--with {extra}`")[2].partition("`--with")[0], extra


def test_what_deploy_says_is_built_with_an_extra_is() -> None:
    plain = {*template("email")["Parameters"]}
    for extra in LACKING:
        more = {*template("email", extra)["Parameters"]} - plain
        assert {name for name, named in BUILT_WITH.items() if named == extra} == more
