"""Tables of other programs become tables of ours. Kind: mechanics; the values are those of the source, to the digit.

PyRadiomics writes real ones here, by its own command line. The columns of MIRP are those of its version 2.7.0, read
from a file that it wrote; those of SlicerRadiomics are by its source.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from appliance.offline.feature_file import write_imported
from models.cohort.features import FeatureRows, read_features
from models.cohort.imported import sidecar_file
from models.errors import CohortRejected
from models.features.columns import ColumnKind
from models.importing.assemble import ImportedTable, assembled
from models.importing.provenance import digest_of
from models.importing.schema import ColumnRole, RowRule, SourceFormat, read_schema, written
from models.importing.tables import guessed_schema, read_tables, schema_for
from tests.models.importing.made_sources import FEATURES, write_pyradiomics, write_table


def imported(*files: Path, out: Path, **told: str) -> tuple[ImportedTable, FeatureRows]:
    """A table brought in without a schema, and the rows that are read from what was written."""
    cells, program = read_tables(files)
    schema, _ = schema_for(cells, program, **told)
    table = assembled(cells, schema)
    write_imported(table, out)
    return table, read_features(out)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """out.csv of PyRadiomics' command line: two patients, two sequences, two labels of one mask."""
    pytest.importorskip("radiomics", reason="PyRadiomics, an extra, is not installed")
    import SimpleITK as sitk

    folder = tmp_path_factory.mktemp("radiomics")
    rng = np.random.default_rng(3)
    mask = np.zeros((12, 14, 13), dtype=np.uint8)
    mask[3:9, 3:10, 3:9] = 2
    mask[4:8, 5:9, 4:8] = 1
    cases = []
    for patient in ("007", "008"):
        for sequence in ("t1", "t2"):
            image = sitk.GetImageFromArray(np.rint(200 + 60 * rng.normal(size=mask.shape)).astype(np.int16))
            roi = sitk.GetImageFromArray(mask)
            for one in (image, roi):
                one.SetSpacing((0.7, 0.7, 1.5))
            sitk.WriteImage(image, str(folder / f"{patient}_{sequence}.nrrd"))
            sitk.WriteImage(roi, str(folder / f"{patient}_mask.nrrd"))
            cases += [
                [patient, folder / f"{patient}_{sequence}.nrrd", folder / f"{patient}_mask.nrrd", label, 50]
                for label in (1, 2)
            ]
    write_table(folder / "cases.csv", ["PatientID", "Image", "Mask", "Label", "Age"], cases)
    code = "import sys; from radiomics.scripts import parse_args; sys.exit(parse_args())"
    line = [sys.executable, "-c", code, "cases.csv", "-o", "out.csv", "-f", "csv", "--format-path", "basename"]
    result = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert (folder / "out.csv").stat().st_size > 0, result.stderr[-2000:]
    return folder / "out.csv"


def test_a_real_table_of_pyradiomics_with_several_rows_a_patient(real: Path, tmp_path: Path) -> None:
    cells, program = read_tables([real])
    assert program is SourceFormat.PYRADIOMICS
    guessed = guessed_schema(cells, program)
    assert (guessed.schema.patient, guessed.left_out) == ("PatientID", ("Age",))
    with pytest.raises(CohortRejected, match=r"row 1 and row 2 have the same patient .* \(2 such cases in all\)"):
        assembled(cells, guessed.as_features_only())

    text = written(guessed.schema, source="out.csv")
    every = 'every = "image"', 'every = "roi"'
    text = text.replace(every[0], 'column = "Image"\nvalues = { t1c = "*_t1.*", t2w = "*_t2.*" }')
    text = text.replace(every[1], 'column = "Label"\nvalues = { intratumoral = "1", peritumoral = "2" }')
    (tmp_path / "schema.toml").write_text(text.replace('bias_correction = "unknown"', 'bias_correction = "none"'))
    schema = read_schema(tmp_path / "schema.toml")
    table = assembled(cells, schema)
    write_imported(table, tmp_path / "features.csv")
    rows = read_features(tmp_path / "features.csv")

    with real.open(newline="") as stream:
        source = list(csv.DictReader(stream))
    assert rows.identifiers == ("007", "008")
    assert [column.group for column in rows.imported[:: 107]] == [
        "t1c intratumoral", "t1c peritumoral", "t2w intratumoral", "t2w peritumoral", "clinical"
    ]  # fmt: skip
    for place, (sequence, label) in enumerate((("t1c", "1"), ("t1c", "2"), ("t2w", "1"), ("t2w", "2"))):
        names = [name for name in source[0] if name.startswith("original_")]
        column = [rows.names.index(f"{sequence}_{('intra', 'peri')[label == '2']}tumoral_{name}") for name in names]
        assert column == list(range(107 * place, 107 * (place + 1)))
        for patient, values in zip(rows.identifiers, rows.values[:, column], strict=True):
            row = next(
                one
                for one in source
                if (one["PatientID"], one["Label"]) == (patient, label) and sequence[:2] in one["Image"]
            )
            assert values.tolist() == [float(row[name]) for name in names]
    assert rows.values[:, -1].tolist() == [50.0, 50.0]

    stated = json.loads(sidecar_file(tmp_path / "features.csv").read_text())
    import radiomics

    assert stated["software"] == [f"PyRadiomics {radiomics.__version__.removeprefix('v')}"] == [rows.engines[0]]
    assert stated["settings"]["t1c intratumoral"]["normalize"] is False
    assert {one["image_sha1"] for one in stated["images"]} == {one["diagnostics_Image-original_Hash"] for one in source}
    assert stated["settings_digest"] == digest_of(stated["settings"]) == rows.settings_digests[1]
    assert rows.bias_corrections == ("none", "none")


def test_one_row_a_patient(tmp_path: Path) -> None:
    table, rows = imported(write_pyradiomics(tmp_path / "r.csv"), out=tmp_path / "f.parquet", sequence="t1c")
    assert rows.identifiers == ("P000", "P001", "P002", "P003")
    assert rows.names == tuple(f"t1c_roi_{name}" for name in FEATURES)
    assert rows.identified_by == "patient"
    assert {column.kind for column in rows.imported} == {ColumnKind.FEATURE}
    np.testing.assert_array_equal(rows.values, table.values)


def test_settings_that_say_no_more_than_the_region_do_not_differ(tmp_path: Path) -> None:
    path = write_pyradiomics(tmp_path / "r.csv")
    path.write_text(path.read_text().replace("'label': 1", "'label': 2", 1))
    imported(path, out=tmp_path / "f.csv")


SLICER = ("Image type", "Feature Class", "Feature Name")
ENTRIES = (
    ("diagnostics", "Versions", "PyRadiomics", "v3.0.1"),
    ("original", "firstorder", "Mean", "12.5"),
    ("original", "glcm", "Contrast", "0.25"),
)


def test_a_table_of_slicer_is_one_patient_with_a_column_for_each_segment(tmp_path: Path) -> None:
    rows = [(*name, value, value if value.startswith("v") else float(value) + 1) for *name, value in ENTRIES]
    for patient in ("P1", "P2"):
        write_table(tmp_path / f"{patient}.tsv", (*SLICER, "Seg_Tumour", "Seg_Rim"), rows, delimiter="\t")
    table, found = imported(tmp_path / "P1.tsv", tmp_path / "P2.tsv", out=tmp_path / "f.csv", sequence="t1c")
    assert found.identifiers == ("P1", "P2")
    assert dict(zip(found.names, found.values[0].tolist(), strict=True)) == {
        "t1c_seg-rim_original_firstorder_Mean": 13.5,
        "t1c_seg-rim_original_glcm_Contrast": 1.25,
        "t1c_seg-tumour_original_firstorder_Mean": 12.5,
        "t1c_seg-tumour_original_glcm_Contrast": 0.25,
    }
    assert found.engines == ("PyRadiomics 3.0.1",) * 2
    assert table.sidecar.origin["program"] == "slicer"


def test_a_table_of_the_first_versions_of_slicer(tmp_path: Path) -> None:
    rows = [("tumour", *entry) for entry in ENTRIES]
    path = write_table(tmp_path / "P1.csv", ("Label", "Input image type", *SLICER[1:], "Value"), rows)
    _, found = imported(path, out=tmp_path / "f.csv")
    assert found.names == ("image_roi_original_firstorder_Mean", "image_roi_original_glcm_Contrast")
    with pytest.raises(CohortRejected, match="more than once for one segment"):
        read_tables([write_table(path, ("Label", "Input image type", *SLICER[1:], "Value"), rows * 2)])


def test_a_table_of_mirp(tmp_path: Path) -> None:
    about = ("sample_name", "image_file_name", "image_modality", "image_mask_label", "image_voxel_size_x")
    features = ("morph_volume", "stat_mean", "cm_joint_max_d1_3d_v_mrg_fbn_n16", "ngl_dc_energy_d1_a0.0_3d_fbn_n16")
    for patient in ("P1", "P2"):
        row = (patient, "t1.nrrd", "mr", "mask", 1.0, 100.0, 5.5, 0.125, "")
        write_table(tmp_path / f"{patient}.csv", (*about, *features), [row], delimiter=";")
    table, found = imported(tmp_path / "P1.csv", tmp_path / "P2.csv", out=tmp_path / "f.csv", region="tumour")
    assert found.names == tuple(f"image_tumour_{name}" for name in features[:3])
    assert [note.code for note in table.notes] == ["columns-without-values"]
    assert (found.engines, found.settings_digests) == (("unknown",) * 2, ("unknown",) * 2)


def test_any_other_table_needs_a_schema_that_says_what_its_columns_are(tmp_path: Path) -> None:
    header = ("ID", "adc_mean", "Age", "ER", "grade", "RFS_months", "relapse")
    rows = [
        (f"P{n}", 900 + n, 50 + n, ("neg", "pos")[n % 2], ("I", "II", "III")[n % 3], 12 + n, n % 2) for n in range(6)
    ]
    cells, program = read_tables([write_table(tmp_path / "t.csv", header, rows)])
    with pytest.raises(CohortRejected, match="of no program that is known"):
        schema_for(cells, program)
    guessed = guessed_schema(cells, program)
    roles = {name: rule.role for name, rule in guessed.schema.columns.items()}
    assert roles == {
        "ID": ColumnRole.IGNORE,
        "adc_mean": ColumnRole.CLINICAL,
        "Age": ColumnRole.CLINICAL,
        "ER": ColumnRole.CLINICAL,
        "grade": ColumnRole.IGNORE,
        "RFS_months": ColumnRole.IGNORE,
        "relapse": ColumnRole.IGNORE,
    }
    assert "looks like an outcome" in guessed.remarks["RFS_months"]
    text = written(guessed.schema, source="t.csv", remarks=guessed.remarks)
    text = text.replace(
        '"adc_mean" = { role = "clinical" }',
        '"adc_mean" = { role = "feature", sequence = "adc", region = "tumour", feature = "mean", unit = "um2/s" }',
    )
    (tmp_path / "s.toml").write_text(text)
    schema = read_schema(tmp_path / "s.toml")
    assert schema.sequence == RowRule()
    write_imported(assembled(cells, schema), tmp_path / "f.csv")
    found = read_features(tmp_path / "f.csv")
    assert found.names == ("adc_tumour_mean", "clinical_Age", "clinical_ER")
    assert found.imported[0].unit == "um2/s"
    assert found.values[:2].tolist() == [[900, 50, 0], [901, 51, 1]]


def test_rows_whose_extraction_failed_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = write_pyradiomics(tmp_path / "r.csv")
    with path.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    rows[1][3:] = [""] * len(rows[1][3:])
    table, found = imported(write_table(path, header, rows), out=tmp_path / "f.csv")
    assert found.identifiers == ("P000", "P002", "P003")
    assert [note.code for note in table.notes] == ["rows-without-features"]
    assert "row 2" in table.notes[0].sentence


def test_the_sidecar_belongs_to_the_table(tmp_path: Path) -> None:
    imported(write_pyradiomics(tmp_path / "r.csv"), out=tmp_path / "f.csv")
    sidecar = sidecar_file(tmp_path / "f.csv")
    kept = sidecar.read_text()
    for damage, words in (
        (None, "cannot be read"),
        ("{", "does not say what the columns"),
        (kept.replace('"t1c"', '"t2w"').replace('"image"', '"t2w"'), "is of another import"),
    ):
        sidecar.unlink()
        if damage is not None:
            sidecar.write_text(damage)
        with pytest.raises(CohortRejected, match=words):
            read_features(tmp_path / "f.csv")
        sidecar.write_text(kept)
    table = tmp_path / "f.csv"
    table.write_text(table.read_text().replace(FEATURES[0], "relapse", 1))
    with pytest.raises(CohortRejected, match="not those of its sidecar"):
        read_features(table)
