"""`rdeepnet analyse therapy` on simulated tables of features and on a real clinical table. Kind: mechanics, oracle."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from models.csv_table import lines
from models.features.names import features_of
from models.simulation.feature_shape import measured_shape
from models.simulation.therapy import TherapyTruth, simulate_therapy
from models.therapy.analysis import analyse_therapy
from models.therapy.design import Comparison
from models.therapy.patients import Reason
from models.therapy.results import TherapySettings
from models.therapy.tables import ClinicalColumns, Measurement, read_tables
from models.volume import Region
from models.volume import Sequence as MrSequence
from reports.analysis.therapy.compose import compose_therapy
from tests.conftest import ROOT

RUNNER = CliRunner()
VOLUME = "t1c_intratumoral_original_shape_MeshVolume"


def called(*arguments: str, status: int = 0) -> str:
    result = RUNNER.invoke(app, ["analyse", "therapy", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_features(path: Path, identifiers: Sequence[str], names: Sequence[str], values: np.ndarray) -> Path:
    about = ("a" * 64, "simulated", "none")
    header = ("patient", *names, "settings_digest", "engine", "bias_correction")
    rows = ((identifier, *map(float, row), *about) for identifier, row in zip(identifiers, values, strict=True))
    path.write_text("".join(lines([header, *rows])), encoding="utf-8")
    return path


class Site:
    """Tables of a simulated site: 40 features of 127 patients, and one patient for each reason to be left out."""

    def __init__(self, folder: Path) -> None:
        names = features_of([MrSequence.T1C], [Region.INTRATUMORAL])
        wanted = [name for name in names if "original_" in name and "diagnostics" not in name][:39]
        wanted.append(f"t1c_{Region.PERITUMORAL}_original_shape_MeshVolume")
        assert VOLUME in wanted
        cohort = simulate_therapy(measured_shape(tuple(wanted)), truth=TherapyTruth.PLANTED, seed=2)
        self.folder, self.names = folder, cohort.names
        self.identifiers = [f"S{number}" for number in range(127)]
        self.before_values, self.after_values = cohort.before, cohort.after
        self.responses = ["PR" if one else "SD" for one in cohort.responded]
        self.before = write_features(
            folder / "before.csv",
            [*self.identifiers, "gone", "never"],
            self.names,
            np.vstack([cohort.before, cohort.before[:2] * 1.1]),
        )
        self.after = write_features(folder / "after.csv", self.identifiers, self.names, cohort.after)
        self.clinical = self.write_clinical(
            [*self.identifiers, "gone", "never"], response=[*self.responses, "CR", "SD"], scanner=["A", "B", "A"] * 43
        )

    def write_clinical(self, identifiers: Sequence[str], **columns: Sequence[str]) -> Path:
        path = self.folder / f"clinical{len(list(self.folder.iterdir()))}.csv"
        rows = zip(identifiers, *columns.values(), strict=True)
        path.write_text("".join(lines([("id", *columns), *rows])), encoding="utf-8")
        return path

    def options(self, **changed: Path | str) -> list[str]:
        given: Mapping[str, object] = {
            "before": self.before,
            "after": self.after,
            "clinical": self.clinical,
            "out": self.folder / "out",
        } | changed
        return [text for name, value in given.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def printed(site: Site) -> str:
    return called(*site.options(), "--permutations", "60")


@pytest.fixture(scope="module")
def result(site: Site, printed: str) -> dict[str, Any]:
    return json.loads((site.folder / "out" / "result.json").read_text(encoding="utf-8"))


def test_every_key_of_the_result_is_documented(result: dict[str, Any]) -> None:
    page = (ROOT / "reports" / "ANALYSIS.md").read_text(encoding="utf-8")
    keys = {*result, *result["settings"], *result["patients"], *result["comparisons"]["before"]}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_every_file_is_written(site: Site, result: dict[str, Any]) -> None:
    out = site.folder / "out"
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == set(result["files"])
    lists = ("before", "after", "responders", "non-responders", "change")
    assert {"report.html", "report.pdf", "methods.txt", *(f"{one}.csv" for one in lists)} <= found
    for name in ("chance", "upset", "correlations", "slopes", "volcano-change"):
        assert {f"figures/{name}.svg", f"figures/{name}.pdf"} <= found
    assert any(name.startswith("figures/heatmap-") for name in found)


def test_tables_hold_every_feature_with_what_a_reviewer_asks_for(site: Site, result: dict[str, Any]) -> None:
    assert len(result["features"]) == 39  # the peritumoral one is left out
    for name, compared in result["comparisons"].items():
        rows = rows_of(site.folder / "out" / f"{name}.csv")
        assert [row["feature"] for row in rows] == [
            result["features"][place] for place in np.argsort(compared["p"], kind="stable")
        ]
        for row in rows:
            assert float(row["low"]) <= float(row["effect"]) <= float(row["high"])
            assert (float(row["p"]) < 0.05) == ((float(row["low"]) > 0) or (float(row["high"]) < 0))
            assert float(row["p"]) <= float(row["fdr"])
        assert sum(float(row["p"]) < 0.05 for row in rows) == compared["hits"]
        assert compared["expected"] == pytest.approx(0.05 * 39)
        assert compared["permutations"]["permutations"] == 60
    before = {row["feature"]: row for row in rows_of(site.folder / "out" / "before.csv")}
    mean = site.before_values[:72, site.names.index(VOLUME)].mean()
    assert float(before[VOLUME]["mean_responders"]) == pytest.approx(mean)
    assert before[VOLUME]["n"] == "127"


def test_chance_stands_beside_every_count_and_the_note_beside_the_overlap(site: Site, printed: str) -> None:
    page = (site.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "A feature in all four lists is not evidence of response." in page
    assert "expected by chance" in page
    assert "clustering on them separates the groups by construction" in page
    assert "Tumours of responders shrink" in page
    assert "who drew the tumours" in page
    heading, *_ = (line for line in printed.splitlines() if line.startswith("Comparison"))
    for title in ("P < 0.05", "Expected by chance", "FDR < 0.05", "Permutation P", "Paper"):
        assert title in heading
    assert "Does change differ by response?" in printed


def test_patients_left_out_are_named_in_the_report_and_counted_in_the_terminal(site: Site, printed: str) -> None:
    rows = rows_of(site.folder / "out" / "patients-left-out.csv")
    assert [(row["id"], row["reason"]) for row in rows] == [
        ("gone", "no features after therapy, complete response"),
        ("never", "no features after therapy"),
    ]
    assert "Left out: 1, no features after therapy, complete response." in printed
    assert "missing because they responded, not at random" in printed
    assert "gone" not in printed


def test_adjusted_for_volume_and_scanner(site: Site, result: dict[str, Any]) -> None:
    tables = read_tables(
        site.before,
        site.after,
        site.clinical,
        columns=ClinicalColumns(),
        prefixes=("t1c_intratumoral_",),
        adjusted=(VOLUME,),
        block="scanner",
    )
    settings = TherapySettings(permutations=0, adjusted=(VOLUME,), block="scanner")
    analysis = analyse_therapy(tables.patients, settings, covariates=tables.covariates, blocks=tables.blocks)
    assert analysis.covariates_tested == (VOLUME,)
    assert set(result["features"]) - set(analysis.names) == {VOLUME}
    kept = [result["features"].index(name) for name in analysis.names]
    found = analysis.comparisons[Comparison.BEFORE]
    assert found.unadjusted is not None
    np.testing.assert_allclose(
        found.unadjusted, np.array(result["comparisons"]["before"]["p"])[kept], rtol=0.2
    )  # variances are shared with one feature fewer
    assert not np.isclose(found.test.p, found.unadjusted).any()
    report = compose_therapy(
        analysis, created=datetime.now(UTC), software="rdeepnet", sources=("before", "after", "clinical")
    )
    assert f"adjusted for {VOLUME}, scanner (block)" in " ".join(report.methods)
    assert "permutations (seed" not in " ".join(report.methods)
    assert "chance" not in {chart.name for chart in report.charts()}
    table = next(table for table in report.tables() if table.name == "before")
    assert "p_unadjusted" in {column.key for column in table.columns}


ISPY = "longest diameter=MRI LD Baseline:MRI LD PreSurg"


def test_i_spy_1_by_diameter(shared_data: Path, tmp_path: Path) -> None:
    """204 real patients; P by scipy 1.17 `ttest_ind` and `ttest_rel` on the same table (RADIOGENOMICS §7)."""
    table = str(shared_data / "omics" / "ispy1_clinical.csv")
    tables = ("--before", table, "--after", table, "--clinical", table, "--out", str(tmp_path))
    text = called(*tables, "--column", "id=SUBJECTID", "--response", "PCR", "--measurement", ISPY, "--json")
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert json.loads(text) == result
    definitions = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))["$defs"]
    assert Draft202012Validator({"$ref": "#/$defs/analysis", "$defs": definitions}).is_valid(result)
    assert (result["patients"]["responders"], result["patients"]["non_responders"]) == (54, 150)
    assert sum(result["patients"]["left_out"].values()) == 221 - 204
    found = {name: compared["p"][0] for name, compared in result["comparisons"].items()}
    assert found["before"] == pytest.approx(0.27176724954358, rel=1e-10)
    assert found["after"] == pytest.approx(1.4927161989239764e-05, rel=1e-9)
    assert found["responders"] == pytest.approx(2.5698072067336385e-14, rel=1e-9)
    assert found["non-responders"] == pytest.approx(1.5741732157803108e-30, rel=1e-9)
    assert found["change"] == pytest.approx(0.005967602896097806, rel=1e-9)
    row = rows_of(tmp_path / "change.csv")[0]
    assert float(row["effect"]) == pytest.approx(-50.148148 + 36.126667, abs=1e-5)  # millimetres
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 feature in 54 responders, 150 non-responders (1 or 0)" in page
    assert "Paper" not in page  # no number of the paper belongs beside a diameter


def test_i_spy_1_with_covariates_and_two_measurements(shared_data: Path) -> None:
    table = shared_data / "omics" / "ispy1_clinical.csv"
    tables = read_tables(
        table,
        table,
        table,
        columns=ClinicalColumns().renamed(("id=SUBJECTID", "response=PCR")),
        measurements=[Measurement.parse(ISPY), Measurement.parse("early=MRI LD Baseline:MRI LD 1-3dAC")],
        adjusted=("age", "ERpos"),
        block="HR_HER2_STATUS",
    )
    analysis = analyse_therapy(
        tables.patients, TherapySettings(permutations=20), covariates=tables.covariates, blocks=tables.blocks
    )
    assert analysis.names == ("longest diameter", "early")
    assert tables.patients.reasons()[Reason.NO_COVARIATE] >= 1
    assert analysis.correlation is None
    assert analysis.comparisons[Comparison.AFTER].test.p[0] < 0.01


def refused(site: Site, *more: str, status: int = 1, **changed: Path | str) -> str:
    out = site.folder / "refused"
    text = called(*site.options(out=out, **changed), *more, status=status)
    assert not out.exists()
    assert "Traceback" not in text
    return " ".join(text.split())


def test_wrong_tables_end_in_a_sentence_with_numbers(site: Site) -> None:
    ids, values = site.identifiers, site.after_values
    names = list(site.names)

    def table(name: str, identifiers: Sequence[str], columns: Sequence[str], cells: np.ndarray) -> Path:
        return write_features(site.folder / name, identifiers, columns, cells)

    assert "129 patients of 129 with the same features before (before.csv) and after" in refused(
        site, after=site.before
    )
    assert "2 rows (1, 127) have an id that another row also has" in refused(
        site, after=table("twice.csv", [*ids[:-1], ids[0]], names, values)
    )
    assert "40 features, fewer.csv 39; in the first only: 1, in the second only: 0" in refused(
        site, "--region", "all", after=table("fewer.csv", ids, names[:-1], values[:, :-1])
    )
    other = [f"Q{number}" for number in range(127)]
    assert "of 129 identifiers before and 127 after, 0 are in both" in refused(
        site, after=table("other.csv", other, names, values)
    )
    gap = values.copy()
    gap[3, 4] = np.inf
    assert "1 infinite value in 1 feature" in refused(site, after=table("infinite.csv", ids, names, gap))
    assert "has no feature that begins with t2w_intratumoral_" in refused(site, "--sequence", "t2w")


def test_wrong_clinical_tables_end_in_a_sentence_with_numbers(site: Site) -> None:
    ids = site.identifiers
    assert "has no column 'response'; it has id, outcome." in refused(
        site, clinical=site.write_clinical(ids, outcome=site.responses)
    )
    assert "--column response=NAME" in refused(site, clinical=site.write_clinical(ids, outcome=site.responses))
    mixed = ["pCR", "1", *site.responses[2:]]
    assert "2 of the 127 responses in 'response' are not on the scale of the others (RECIST): 'pCR' (1), '1' (1)" in (
        refused(site, clinical=site.write_clinical(ids, response=mixed))
    )
    assert "0 responders and 127 non-responders have features" in refused(
        site, clinical=site.write_clinical(ids, response=["SD"] * 127)
    )
    confounded = ["A" if one == "PR" else "B" for one in site.responses]
    assert "depend on each other" in refused(
        site, "--block", "scanner", clinical=site.write_clinical(ids, response=site.responses, scanner=confounded)
    )
    assert "'age' is neither a feature nor a column of" in refused(site, "--adjust", "age")
    assert "'scaner' is neither a feature nor a column" in refused(site, "--block", "scaner")


def test_a_wrong_line_is_a_mistake_of_usage(site: Site) -> None:
    assert "'diameter' names no measurement" in refused(site, "--measurement", "diameter", status=2)
    assert "with a role of id, response" in refused(site, "--column", "patient=x", status=2)
    assert "is not one of intratumoral, peritumoral, all" in refused(site, "--region", "breast", status=2)
    assert "does not exist" in refused(site, status=2, before=site.folder / "nowhere.csv")


def test_a_plain_table_needs_its_columns_named(site: Site) -> None:
    plain = site.folder / "plain.csv"
    plain.write_text("id,diameter\nS0,12\nS1,big\n", encoding="utf-8")
    assert "has no column settings_digest" in refused(site, before=plain)
    named = ("--measurement", "d=diameter:diameter")
    assert "the column 'diameter' of row 2 holds 'big'; a number or an empty cell" in refused(
        site, *named, before=plain, after=plain
    )
    assert "has no column 'size'" in refused(site, "--measurement", "d=size:diameter", before=plain, after=plain)
