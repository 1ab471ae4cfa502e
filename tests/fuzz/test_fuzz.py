"""A few mutated files of each kind, always the same: `make fuzz` runs 10,000. Kind: invariant."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.dicom_io.reading.test_fuzz_reading import WRONG_IN_SILENCE
from tests.fuzz.__main__ import MOST_CPU_S, MOST_MIB, TABLE, end_the_case, peak_mib, run, table
from tests.fuzz.targets import TARGETS

CASES = {"a study": 12, "its segmentation": 30, "its structure set": 20, "a model package": 25}
OTHERS = 60


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, end_the_case)
    yield
    signal.signal(signal.SIGPROF, before)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_mutated_input_is_read_or_refused_by_name_within_the_budget(target: str) -> None:
    run(target, 0)  # what is made once and loaded
    before = peak_mib()
    found = [run(target, 100_000 + case) for case in range(CASES.get(target, OTHERS))]
    outcomes = Counter(outcome for outcome, _ in found)
    assert len(outcomes) > 1, outcomes  # something is read, and something is not
    assert WRONG_IN_SILENCE not in outcomes
    assert max(seconds for _, seconds in found) < MOST_CPU_S
    assert peak_mib() - before < MOST_MIB


def test_the_shares_are_of_ten_thousand_and_the_page_names_every_target() -> None:
    assert sum(share for _, share in TARGETS.values()) == 10_000
    page = TABLE.read_text(encoding="utf-8")
    assert all(f"| {target} |" in page for target in TARGETS)
    made = table({"a study": Counter({"read": 2})}, {"a study": 0.1}, 3.0)
    assert "2 cases of mutated files" in made
    assert "| a study | read | 2 |" in made
