"""Explicit choices: recorded, remembered, and what they do to a study in each state. Kind: mechanics."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from appliance.state.choices import Choices
from appliance.state.record_rows import UnknownStudy
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.tables import STUDIES

STUDY, DIGEST = "1.2.3", "a" * 64
CHOICE = ("tumour=Reader 2", "t2w=none")


def brought_to(records: Records, state: State) -> str:
    """A study in a state; returns its job."""
    records.arrived(STUDY)
    if state is State.RECEIVED:
        return ""
    job = records.queue(STUDY, digest=DIGEST)
    if state is not State.QUEUED:
        records.start(job)
    if state in (State.REFUSED, State.FAILED):
        records.gave_up(job, state=state, sentence="no")
    if state is State.REVIEW:
        records.drafted(job, sentence="a draft waits", destinations=["pacs"])
    if state is State.SENDING:
        records.answered(job, destinations=["pacs"])
    if state is State.DELIVERED:
        records.answered(job, destinations=[])
        with records.transaction() as database:
            database.execute(sa.update(STUDIES).values(state=State.DELIVERED))
    assert records.study(STUDY).state is state
    return job


@pytest.mark.parametrize("state", list(State))
def test_a_choice_has_the_study_answered_anew_from_every_state(records: Records, state: State) -> None:
    job = brought_to(records, state)
    now = Choices(records).choose(STUDY, CHOICE)
    stays = state in (State.RECEIVED, State.QUEUED)
    assert now is (state if stays else State.QUEUED)
    assert records.study(STUDY).state is now
    assert (records.study(STUDY).job_id == job) == stays
    assert Choices(records).counting(STUDY) == CHOICE


def test_what_is_being_computed_without_the_choice_is_dropped(records: Records) -> None:
    job = brought_to(records, State.RUNNING)
    Choices(records).choose(STUDY, CHOICE)
    assert not records.answered(job, destinations=["pacs"])
    assert records.study(STUDY).state is State.QUEUED


def test_the_newest_choice_counts_and_every_one_stays_in_the_history(records: Records) -> None:
    brought_to(records, State.REFUSED)
    choices = Choices(records)
    assert choices.counting(STUDY) == ()
    choices.choose(STUDY, CHOICE)
    choices.choose(STUDY, ("tumour=Reader 1",))
    records.arrived(STUDY)
    assert Choices(records).counting(STUDY) == ("tumour=Reader 1",)
    choices.choose(STUDY, ())
    assert choices.counting(STUDY) == ()
    assert [choice.texts for choice in choices.of_study(STUDY)] == [CHOICE, ("tumour=Reader 1",), ()]


def test_it_is_forgotten_with_the_study_alone(records: Records) -> None:
    brought_to(records, State.FAILED)
    choices = Choices(records)
    choices.choose(STUDY, CHOICE)
    job = records.study(STUDY).job_id
    records.start(job)
    records.gave_up(job, state=State.FAILED, sentence="no")
    records.forget(STUDY)
    assert choices.of_study(STUDY) == ()
    with pytest.raises(UnknownStudy):
        choices.choose(STUDY, CHOICE)
