"""Claiming a mail when an answer of S3 is lost: nothing is mailed twice, and nothing waits for the next sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from alerting_fakes import at

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import CLAIM_LASTS, Claim, Record
from deliverywatch.errors import StoreConflict
from deliverywatch.storage.memory import Memory

RECORD = Record("INC-1121-1204", "sms-failures", 1, "OPENED", "critical", at("12:04"), "request-a", at("12:05"))
LATER = replace(RECORD, claimed_by="request-b", claimed_at=RECORD.claimed_at + CLAIM_LASTS + timedelta(minutes=1))


@dataclass
class Conflicting(Memory):
    """A store that answers its next conditional writes with a conflict, after doing them or instead."""

    conflicts: int = 1
    is_done: bool = True

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        is_conflict, self.conflicts = self.conflicts > 0, self.conflicts - 1
        if self.is_done or not is_conflict:
            super().write_if_unchanged(key, body, etag, metadata)
        if is_conflict:
            raise StoreConflict(key)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0)


@pytest.mark.parametrize("is_done", [True, False], ids=["lost answer", "409 and nothing written"])
@pytest.mark.parametrize("conflicts", [1, 2])
def test_a_claim_that_met_no_rival_is_ours(conflicts: int, *, is_done: bool) -> None:
    assert outbox.claim(Conflicting(conflicts=conflicts, is_done=is_done), RECORD) is Claim.OURS


@pytest.mark.parametrize("is_done", [True, False], ids=["lost answer", "409 and nothing written"])
def test_a_claim_taken_over_from_the_dead_is_ours(*, is_done: bool) -> None:
    store = Conflicting(conflicts=0)
    assert outbox.claim(store, RECORD) is Claim.OURS
    store.conflicts, store.is_done = 2, is_done
    assert outbox.claim(store, LATER) is Claim.OURS
    assert outbox.claim(store, RECORD) is Claim.THEIRS


def test_of_two_claims_one_is_theirs_whatever_is_lost() -> None:
    store = Conflicting()
    assert outbox.claim(store, RECORD) is Claim.OURS
    store.conflicts = 1
    assert outbox.claim(store, replace(RECORD, claimed_by="request-b")) is Claim.THEIRS
