"""`rdeepnet annotation` and `rdeepnet analyse genes` as a user calls them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.commands.parameters import ExpressionUnit, StrandName
from models.omics.tables import Strand
from models.omics.values import Unit
from tests.conftest import ROOT

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def annotated(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("genes") / "genes.parquet"
    result = RUNNER.invoke(app, ["annotation", str(shared_data / "r_oracles" / "genes.gtf"), "--out", str(out)])
    assert result.exit_code == Exit.OK
    assert "20 genes of GENCODE 27, 11 of them long non-coding RNAs" in result.stdout
    assert "warning: The annotation has genes on 2 of the 25 human chromosomes" in result.stderr
    return out


def test_counts_become_a_folder_with_tpm(annotated: Path, shared_data: Path, tmp_path: Path) -> None:
    counts = str(shared_data / "omics" / "formats" / "featurecounts.txt")
    result = RUNNER.invoke(app, ["analyse", "genes", "-e", counts, "-a", str(annotated), "-o", str(tmp_path)])
    assert result.exit_code == Exit.OK
    assert "19 of 20 genes have at least 0.1 TPM in at least 20 % of the samples" in result.stdout
    with (tmp_path / "tpm.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert sum(float(row["S1"]) for row in rows) == pytest.approx(1e6)
    assert (rows[0]["gene_name"], rows[0]["gene_type"]) == ("GENE0", "protein_coding")
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["genes"], found["kept"], found["lncrnas"]) == (20, 19, {"genes": 11, "kept": 11})
    assert {path.name for path in tmp_path.iterdir()} >= set(found["files"]) - {"figures"}
    assert "GENE0" in (tmp_path / "report.html").read_text()
    # What was written is taken back.
    again = RUNNER.invoke(
        app,
        ["analyse", "genes", "-e", str(tmp_path / "tpm.csv"), "--values", "tpm", "-o", str(tmp_path / "b"), "--json"],
    )
    assert again.exit_code == Exit.OK
    assert json.loads(again.stdout)["biotypes"] == found["biotypes"]


def test_one_file_for_each_sample(annotated: Path, shared_data: Path, tmp_path: Path) -> None:
    formats = shared_data / "omics" / "formats"
    line = ["analyse", "genes", "-a", str(annotated), "-o", str(tmp_path), "--format", "parquet"]
    for sample in ("S1", "S2"):
        line += ["-e", str(formats / f"star_{sample}.ReadsPerGene.out.tab")]
    refused = RUNNER.invoke(app, line)
    assert refused.exit_code == Exit.INCOMPLETE
    assert "which looks unstranded. Say it with --strand unstranded." in refused.stderr
    assert RUNNER.invoke(app, [*line, "--strand", "unstranded"]).exit_code == Exit.OK
    assert (tmp_path / "tpm.parquet").is_file()


def test_annotation_as_json(shared_data: Path, tmp_path: Path) -> None:
    gtf = str(shared_data / "r_oracles" / "genes.gtf")
    result = RUNNER.invoke(app, ["annotation", gtf, "--out", str(tmp_path / "genes.parquet"), "--json"])
    document = json.loads(result.stdout)
    schema = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator({"$ref": "#/$defs/annotation", "$defs": schema["$defs"]}).validate(document)
    assert (document["genes"], document["lncrnas"], document["release"]) == (20, 11, "GENCODE 27")


def test_mistakes_are_a_sentence_and_leave_nothing(tmp_path: Path) -> None:
    matrix = tmp_path / "matrix.csv"
    matrix.write_text("gene,P1\nA,1\n")
    result = RUNNER.invoke(app, ["analyse", "genes", "-e", str(matrix), "-o", str(tmp_path / "out")])
    assert result.exit_code == Exit.INCOMPLETE
    assert result.stderr.strip().endswith("say it with --values counts, tpm or log2tpm (log2 of TPM + 1).")
    assert not (tmp_path / "out").exists()
    wrong = RUNNER.invoke(app, ["annotation", str(matrix), "--out", str(tmp_path / "genes.parquet")])
    assert wrong.exit_code == Exit.INCOMPLETE
    assert "the 9 columns of a GTF" in wrong.stderr
    assert RUNNER.invoke(app, ["annotation", str(matrix), "--out", str(tmp_path / "x.csv")]).exit_code == Exit.USAGE


def test_options_offer_what_there_is() -> None:
    assert set(get_args(ExpressionUnit)) == set(Unit)
    assert {*get_args(StrandName), Strand.UNKNOWN} == set(Strand)
