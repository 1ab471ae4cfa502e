"""A closed list and everything that has an entry for each of its members agree. Kind: mechanics.

Whoever adds a task, a sequence or a region adds the member and runs this file: it names what is still to be filled.
Functions that tell members apart end in `assert_never`, so that mypy names them.
"""

from __future__ import annotations

from enum import StrEnum

import pytest

from dicom_io.answer_roles import Role
from dicom_io.roles import ROLES
from dicom_io.writing.segmentation_object import ROLES as SEGMENTATIONS
from models.inference.outcome import Group, Quantity
from models.inference.tasks import TASKS, Task
from models.volume import SEQUENCES, Region, Sequence
from reports.concepts import CONCEPTS
from tests.closed_lists import LISTS, tables, unfilled, unnamed_roles


@pytest.mark.parametrize("members", LISTS)
def test_every_table_has_every_member(members: type[StrEnum]) -> None:
    assert unfilled(members, of=members, among=tables()) == {}


def test_every_role_is_named_everywhere() -> None:
    assert unnamed_roles(Sequence) == {}


def test_the_tables_are_found() -> None:
    assert {"models.inference.tasks.TASKS", "models.volume.SEQUENCES", "reports.concepts.CONCEPTS"} <= set(tables())


def test_rows_fit_together() -> None:
    quantities = [row.quantity for row in TASKS.values()]
    assert len(set(quantities)) == len(TASKS)
    for quantity in quantities:  # the score of a task has a cut-off, hence a code and groups
        concept = CONCEPTS[quantity]
        assert concept.code is not None
        assert concept.groups is not None
        assert set(concept.groups.labels) == set(Group)
    assert any(sequence.is_required for sequence in Sequence)
    assert set(SEGMENTATIONS.values()) == {role for role in Role if role.startswith("seg_")}
    assert {role for role, row in ROLES.items() if not row.is_repeatable} == set(Sequence)


def with_one_more(members: type[StrEnum], name: str) -> type[StrEnum]:
    """A copy of a closed list with another member."""
    return StrEnum(members.__name__, {**{one.name: one.value for one in members}, name.upper(): name})


def test_a_third_task_is_asked_for_by_name() -> None:
    missing = unfilled(with_one_more(Task, "another"), of=Task, among=tables())
    assert missing["models.inference.tasks.TASKS"] == {"another"}
    # Its row names a quantity of its own, and that is asked for in turn.
    assert unfilled(with_one_more(Quantity, "another_high"), of=Quantity, among=tables()) == {
        table: {"another_high"}
        for table in (
            "reports.concepts.CONCEPTS",
            *(
                f"reports.languages.{language}.sentences.{name}"
                for language in ("german", "chinese")
                for name in ("_LABELS", "_OTHER_WORDS", "_HIGH", "_LOW")
            ),
        )
    }
    filled = {**tables(), "models.inference.tasks.TASKS": {**TASKS, "another": TASKS[Task.KRT7_AS]}}
    assert "models.inference.tasks.TASKS" not in unfilled(with_one_more(Task, "another"), of=Task, among=filled)


def test_a_third_sequence_is_asked_for_by_name() -> None:
    longer = with_one_more(Sequence, "another")
    missing = unfilled(longer, of=Sequence, among=tables())
    assert set(missing) >= {
        "models.volume.SEQUENCES",
        "dicom_io.default_rules.SHIPPED",
        "dicom_io.writing.segmentation_object.ROLES",
    }
    assert all(members == {"another"} for members in missing.values())
    assert unnamed_roles(longer) == {
        place: {"another"}
        for place in (
            "dicom_io.roles.ROLES",
            "dicom_io.rules.SelectionRules",
            "dicom_io.rules.Assignment",
            "appliance.commands.options.Assign",
            "appliance.commands.train.Sequences",
        )
    }
    filled = {**tables(), "models.volume.SEQUENCES": {**SEQUENCES, "another": SEQUENCES[Sequence.T2W]}}
    assert "models.volume.SEQUENCES" not in unfilled(longer, of=Sequence, among=filled)


def test_a_third_region_is_asked_for_by_name() -> None:
    missing = unfilled(with_one_more(Region, "another"), of=Region, among=tables())
    assert {"dicom_io.codes._TYPES", "reports.feature_words.REGION_WORDS"} <= set(missing)
