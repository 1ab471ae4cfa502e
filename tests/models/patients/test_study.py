"""Patients who are analysed, who are left out and why, and tables that contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.errors import CohortRejected
from models.inference.runtime import Provider, load_model
from models.patients.scores import CutOffRule, read_scores, scores_of_model
from models.patients.study import Study, study_of
from tests.models.cohort.made_tables import outcome_rows, values, write_features, write_outcomes
from tests.models.patients.made_study import write_study
from tests.models.small_packages import write_small_package


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return write_study(tmp_path_factory.mktemp("study"))


def study(tables: tuple[Path, Path, Path], **options: object) -> Study:
    features, outcomes, scores = tables
    return study_of(read_features(features), read_outcomes(outcomes), read_scores(scores), **options)  # type: ignore[arg-type]


def test_flow_counts_everybody_once(made_study: Study) -> None:
    """200 patients; of each hundred 2 are excluded and one is lost at each of three steps."""
    flow = made_study.flow
    assert [(step.title, step.left_out, step.remaining) for step in flow.steps] == [
        ("Enrolled", (("no surgery", 2), ("stage IV", 2)), 196),
        ("With MRI features", (("No row in the table of features", 2),), 194),
        ("With a score", (("Not in scores.csv", 2),), 192),
        ("Analysed", (("Neither time nor event known", 2),), 190),
    ]
    assert flow.recruited == flow.analysed + sum(count for step in flow.steps for _, count in step.left_out)
    assert [(one.name, one.recruited, one.patients) for one in flow.cohorts] == [
        ("training", 120, 110),
        ("testing", 80, 80),
    ]
    for one in flow.cohorts:
        inside = made_study.cohorts == one.name
        assert (one.high, one.low) == (int(made_study.is_high[inside].sum()), int((~made_study.is_high[inside]).sum()))
        assert one.events_high == int((made_study.events & made_study.is_high)[inside].sum())
    # Left out are those without features, score or outcome; the excluded are no longer candidates.
    assert {cells.size for cells in made_study.left_out.values()} == {6}
    assert len(made_study) == len(made_study.features.identifiers) == 190


def test_without_a_column_of_exclusions_nobody_is_excluded(tables: tuple[Path, Path, Path]) -> None:
    found = study(tables)
    assert found.flow.steps[0].title == "With MRI features"
    assert len(found) == 194


def test_cut_offs(tables: tuple[Path, Path, Path]) -> None:
    of_table, median, optimal, given = (
        study(tables, cut_off=one) for one in (None, CutOffRule.MEDIAN, CutOffRule.OPTIMAL, 0.2)
    )
    assert of_table.rule is CutOffRule.TABLE
    assert of_table.cut_off <= 0.5 < of_table.scores[of_table.is_high].min()
    inside = median.cohorts == "training"
    assert median.cut_off == np.median(median.scores[inside])
    assert optimal.selected is not None
    assert optimal.cut_off == optimal.selected.cut_off
    assert (given.cut_off, given.rule) == (0.2, CutOffRule.GIVEN)
    assert {one.reference for one in (of_table, median, optimal, given)} == {"training"}


def test_a_package_scores_the_patients(tmp_path: Path) -> None:
    write_small_package(tmp_path / "package")
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    features = read_features(write_features(tmp_path / "features.csv", values()))
    expected = model.score(values())
    outcomes = read_outcomes(write_outcomes(tmp_path / "outcomes.csv", outcome_rows(expected)))
    found = study_of(features, outcomes, scores_of_model(model, features))
    assert found.scores == pytest.approx(expected)
    assert (found.cut_off, found.rule) == (model.package.cut_off, CutOffRule.PACKAGE)
    assert found.notice == model.package.identity.notice


def test_who_has_no_score_is_told_apart(tables: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """P0003 and P0103 are not in the table of scores; P0010 is, without a score."""
    features, outcomes, scores = tables
    lines = ["P0010,," if line.startswith("P0010,") else line for line in scores.read_text().splitlines()]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    found = study((features, outcomes, tmp_path / "scores.csv"))
    assert found.flow.steps[1].left_out == (("No score in scores.csv", 1), ("Not in scores.csv", 2))


def test_patients_without_the_features_of_a_package_are_told_apart(tmp_path: Path) -> None:
    write_small_package(tmp_path / "package")
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    rows = values()
    scores = model.score(rows)
    t2w = np.array([name.startswith("t2w_") for name in model.package.inputs])
    gaps = {(5, name): "" for name, is_t2w in zip(model.package.inputs, t2w, strict=True) if is_t2w}
    features = read_features(write_features(tmp_path / "features.csv", rows, changes=gaps))
    outcomes = read_outcomes(write_outcomes(tmp_path / "outcomes.csv", outcome_rows(scores)))
    found = study_of(features, outcomes, scores_of_model(model, features))
    assert found.flow.steps[1].left_out == (("Features of the model not complete", 1),)
    assert len(found) == len(rows) - 1


def test_recurrence_free_longer_than_survival_is_named(tables: tuple[Path, Path, Path], tmp_path: Path) -> None:
    features, outcomes, scores = tables
    header, *rows = outcomes.read_text().splitlines()
    alive = [f"{row},{float(row.split(',')[2] or 1) + (-2 if at < 3 else 5)}" for at, row in enumerate(rows)]
    (tmp_path / "outcomes.csv").write_text("\n".join([f"{header},alive", *alive]))
    found = study((features, tmp_path / "outcomes.csv", scores), survival_time=("alive", 1.0))
    (note,) = (one for one in found.notes if one.code == "recurrence-free-longer-than-survival")
    assert "3 of the 200 patients" in note.sentence
    assert "rows 1, 2, 3" in note.sentence
    assert len(found) == 194  # nobody is dropped for it


def test_scores_of_strangers_are_counted(tables: tuple[Path, Path, Path], tmp_path: Path) -> None:
    features, outcomes, scores = tables
    (tmp_path / "scores.csv").write_text(scores.read_text() + "Q1,0.3,low\nQ2,0.9,high\n")
    found = study((features, outcomes, tmp_path / "scores.csv"))
    (note,) = (one for one in found.notes if one.code == "scores-of-others")
    assert note.sentence.startswith("2 of the 200 scores")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"training": "nowhere"}, "no cohort 'nowhere'; there are: training, testing"),
        ({"excluded": "reason"}, "no clinical column 'reason'"),
        ({"excluded": "centre"}, "reason to exclude every patient"),
        ({"survival_time": ("alive", 1.0)}, "no clinical column 'alive'"),
    ],
)
def test_options_that_fit_nothing(tables: tuple[Path, Path, Path], options: dict[str, object], words: str) -> None:
    with pytest.raises(CohortRejected, match=words):
        study(tables, **options)


def test_scores_of_another_cohort(tables: tuple[Path, Path, Path], tmp_path: Path) -> None:
    features, outcomes, scores = tables
    (tmp_path / "other.csv").write_text(scores.read_text().replace("P", "X"))
    with pytest.raises(CohortRejected, match=r"None of the 198 patients .* has a score from other\.csv \(198 scores\)"):
        study((features, outcomes, tmp_path / "other.csv"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,points\nA,1\n", "no column 'score'; it has id, points"),
        ("id,score\nA,1\nA,2\n", "1 id in more than one row"),
        ("id,score\nA,high\n", "the score of row 1 is 'high'"),
        ("id,score\nA,\n", "no score in its 1 row"),
        ("id,score,group\nA,1,middle\n", "a group is 'middle'"),
        ("id,score,group\nA,1,high\nB,2,low\n", "1 score of the low group is not below"),
    ],
)
def test_tables_of_scores_with_mistakes(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(CohortRejected, match=words):
        read_scores(tmp_path / "scores.csv")


def test_without_groups_a_cut_off_is_asked_for(tables: tuple[Path, Path, Path], tmp_path: Path) -> None:
    features, outcomes, scores = tables
    lines = [line.rsplit(",", 1)[0] for line in scores.read_text().splitlines()]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    with pytest.raises(CohortRejected, match="--cut-off NUMBER, median or optimal"):
        study((features, outcomes, tmp_path / "scores.csv"))
