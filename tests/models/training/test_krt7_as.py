"""Training of a KRT7-AS model: TPM, the rule for high, what is found and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.cohort.patients import join
from models.errors import CohortRejected, SetupError
from models.inference.package import FeatureOrigin
from models.inference.runtime import Provider, load_model
from models.inference.tasks import Task
from models.model_card.about import NOTICE, About
from models.model_card.statements import STATEMENTS, read_statements, template
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape
from models.training.expression import (
    Counts,
    gene_tpm,
    high_expression,
    outcomes_of,
    read_counts,
    tpm,
)
from models.training.krt7_as import train_krt7_as
from models.training.krt7_as_package import write_krt7_as
from models.training.network import Recipe
from models.training.options import TrainingOptions
from models.training.patients import training_patients
from models.training.sample_size import binary_patients_per_parameter, survival_patients_per_parameter
from models.volume import Sequence
from tests.models.small_packages import SETTINGS


def test_tpm_by_hand_sums_to_a_million() -> None:
    # Reads per base: 1, 2, 1 and 0, 1, 3 → shares of 4.
    found = tpm([[10, 0], [40, 20], [5, 15]], [10, 20, 5])
    np.testing.assert_allclose(found, np.array([[0.25, 0], [0.5, 0.25], [0.25, 0.75]]) * 1e6)
    np.testing.assert_allclose(found.sum(axis=0), 1e6)
    for counts, lengths, message in (
        ([[1.0]], [0.0], "must be positive"),
        ([[-1.0]], [5.0], "not negative"),
        ([[0.0]], [5.0], "has no read"),
        ([[1.0]], [5.0, 6.0], "genes × samples"),
    ):
        with pytest.raises(CohortRejected, match=message):
            tpm(counts, lengths)


def write_counts(path: Path, *, genes: int = 120, head: str = "gene,length,p1,p2,p3") -> Path:
    rows = [f"g{number},{1000 + number},{number},{2 * number},5" for number in range(genes - 1)]
    path.write_text("\n".join([head, *rows, "KRT7-AS,800,4,8,0"]) + "\n", encoding="utf-8")
    return path


def test_counts_are_read_and_the_gene_is_found(tmp_path: Path) -> None:
    counts = read_counts(write_counts(tmp_path / "counts.csv"))
    assert counts.identifiers == ("p1", "p2", "p3")
    expression = gene_tpm(counts, "KRT7-AS")
    np.testing.assert_allclose(expression, tpm(counts.counts, counts.lengths)[-1])
    assert expression[2] == 0
    some = counts.of(["p3", "p1", "p9"])
    assert some.identifiers == ("p1", "p3")
    np.testing.assert_array_equal(gene_tpm(some, "KRT7-AS"), expression[[0, 2]])
    with pytest.raises(CohortRejected, match="has no gene 'KRT8'"):
        gene_tpm(counts, "KRT8")
    with pytest.raises(CohortRejected, match="None of the 3 patients"):
        counts.of(["p9"])


def test_tables_of_counts_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    with pytest.raises(CohortRejected, match="cannot be read"):
        read_counts(path)
    with pytest.raises(CohortRejected, match="begins with the columns id, length"):
        read_counts(write_counts(path, head="id,length,p1,p2,p3"))
    with pytest.raises(CohortRejected, match="has 40 genes; all genes that were counted are needed"):
        read_counts(write_counts(path, genes=40))
    write_counts(path)
    path.write_text(path.read_text() + "g1,1000,1,1,1\n")
    with pytest.raises(CohortRejected, match="the gene 'g1' more than once"):
        read_counts(path)
    write_counts(path)
    path.write_text(path.read_text() + "g999,1000,1,x,1\n")
    with pytest.raises(CohortRejected, match="holds 'x' where a number"):
        read_counts(path)


def test_high_is_above_the_median_or_above_a_threshold() -> None:
    expression = np.array([1.0, 2.0, 3.0, 4.0])
    rule = high_expression(expression, threshold_tpm=None, gene="KRT7-AS")
    assert rule.threshold_tpm == 2.5
    assert "above 2.5 TPM of KRT7-AS (the median of the training patients)" in rule.words
    counts = Counts("counts.csv", ("g",), np.ones(1), ("a", "b", "c", "d"), expression[np.newaxis])
    given = high_expression(expression, threshold_tpm=3.0, gene="KRT7-AS")
    np.testing.assert_array_equal(outcomes_of(counts, expression, given).krt7_as_high, [0, 0, 0, 1])
    with pytest.raises(CohortRejected, match="0 of 4 patients have more than 9 TPM"):
        high_expression(expression, threshold_tpm=9.0, gene="KRT7-AS")


def test_counts_to_package(shape: FeatureShape, quick: Recipe, tmp_path: Path) -> None:
    cohort = simulate_cohort(shape, truth=Truth.NULL, seed=12, sizes={"training": 400})
    identifiers = tuple(f"p{number}" for number in range(400))
    rule = high_expression(cohort.krt7_as_tpm, threshold_tpm=None, gene="KRT7-AS")
    counts = Counts("counts.csv", ("KRT7-AS",), np.ones(1), identifiers, cohort.krt7_as_tpm[np.newaxis])
    features = FeatureRows(
        "features.csv", identifiers, cohort.names, cohort.values, (SETTINGS,) * 400, ("e 1",) * 400, ("n4",) * 400
    )
    joined = join(features, outcomes_of(counts, cohort.krt7_as_tpm, rule))
    patients = training_patients(joined, task=Task.KRT7_AS, sequences=tuple(Sequence))
    assert patients.values.shape == (400, 120)
    assert {name.split("_")[1] for name in patients.names} == {"intratumoral"}
    assert patients.is_high.sum() == 200
    assert patients.origin == FeatureOrigin(SETTINGS, "e 1", "n4")
    options = TrainingOptions(recipe=quick, divisions=1, permutations=1)
    trained = train_krt7_as(patients.names, patients.values, is_high=patients.is_high, options=options)
    assert trained.out_of_fold.has_signal
    assert np.mean(trained.permuted_auc) < trained.out_of_fold.value
    assert trained.probabilities[patients.is_high].mean() > trained.probabilities[~patients.is_high].mean() + 0.02
    about = About("krt7_site", "1.0.0", "KRT7-AS expression", NOTICE, rule.words)
    write_krt7_as(tmp_path / "krt7", trained, patients, about=about)
    package = load_model(tmp_path / "krt7", provider=Provider.CPU).package
    assert package.out_of_fold == trained.out_of_fold
    assert rule.words in (tmp_path / "krt7" / "MODEL_CARD.md").read_text(encoding="utf-8")


def rows(cohorts: tuple[str, ...], *, high: float = 1.0) -> OutcomeRows:
    unknown = np.full(len(cohorts), np.nan)
    names = tuple(f"p{number}" for number in range(len(cohorts)))
    return OutcomeRows("outcomes.csv", names, cohorts, names, unknown, unknown, np.full(len(cohorts), high), {})


def feature_rows(count: int) -> FeatureRows:
    values = np.random.default_rng(1).normal(size=(count, 2))
    names = ("t1c_intratumoral_original_glcm_Contrast", "t1c_peritumoral_original_glcm_Contrast")
    return FeatureRows(
        "features.csv",
        tuple(f"p{i}" for i in range(count)),
        names,
        values,
        ("s",) * count,
        ("e",) * count,
        ("n",) * count,
    )


def test_the_training_cohort_is_certain_or_asked_for() -> None:
    features, t1c = feature_rows(4), (Sequence.T1C,)
    named = join(features, rows(("testing", "training", "training", "testing")))
    assert training_patients(named, task=Task.KRT7_AS, sequences=t1c).cohort == "training"
    assert len(training_patients(named, task=Task.KRT7_AS, sequences=t1c, cohort="testing").values) == 2
    other = join(features, rows(("a", "b", "a", "b")))
    with pytest.raises(CohortRejected, match=r"2 cohorts \(a, b\), none of them called training"):
        training_patients(other, task=Task.KRT7_AS, sequences=t1c)
    with pytest.raises(CohortRejected, match="There is no cohort 'c'; there are: a, b"):
        training_patients(other, task=Task.KRT7_AS, sequences=t1c, cohort="c")
    with pytest.raises(CohortRejected, match="has no T2W feature"):
        training_patients(named, task=Task.KRT7_AS, sequences=tuple(Sequence))
    with pytest.raises(CohortRejected, match="has all 2 features and a time and an event"):
        training_patients(named, task=Task.RECURRENCE, sequences=t1c)


def test_sample_size() -> None:
    # 698 patients, 3.7 years mean follow-up, .022 events a year: 105 patients for each parameter, computed apart
    # from this code from Riley's formula.
    assert survival_patients_per_parameter(patients=1000, events=81, person_years=3700) == pytest.approx(105, abs=1)
    # Half of the patients: maximal R² .75, anticipated .1125.
    assert binary_patients_per_parameter(patients=92, events=46) == pytest.approx(
        -10 / np.log(1 - 0.1125 / 0.9), rel=1e-9
    )


def test_statements_are_read_and_mistakes_listed(tmp_path: Path) -> None:
    path = tmp_path / "statements.toml"
    path.write_text(template(), encoding="utf-8")
    assert read_statements(path) == {}
    path.write_text('ethics = "Approved\\n by  us."\nfunding = ""\n', encoding="utf-8")
    assert read_statements(path) == {"ethics": "Approved by us."}
    path.write_text('ethics = 3\ncolour = "red"\n', encoding="utf-8")
    with pytest.raises(SetupError, match="unknown key 'colour'; 'ethics' is 3, not a text"):
        read_statements(path)
    path.write_text("ethics", encoding="utf-8")
    with pytest.raises(SetupError, match="is not valid TOML"):
        read_statements(path)
    assert len({statement.key for statement in STATEMENTS}) == len(STATEMENTS)
