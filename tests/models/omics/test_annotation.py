"""Annotations: lengths equal GenomicRanges::reduce (`r_oracles/genes_lengths.csv`), releases, damaged files."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from models.errors import CohortRejected
from models.omics.annotation import (
    Annotation,
    find_gene,
    read_annotation,
    read_gtf,
    stable_id,
    union_length,
    write_annotation,
)


def gtf_line(kind: str, start: object, end: object, attributes: str, chromosome: str = "chr1") -> str:
    return f"{chromosome}\tHAVANA\t{kind}\t{start}\t{end}\t.\t+\t.\t{attributes}\n"


GENCODE = 'gene_id "ENSG00000000001.4"; gene_type "lncRNA"; gene_name "A-AS1";'
ENSEMBL = 'gene_id "ENSG00000000002"; gene_version "7"; gene_name "B"; gene_biotype "lincRNA";'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.gtf"
    path.write_text(
        "##description: evidence-based annotation of the human genome (GRCh38), version 31 (Ensembl 97)\n"
        + gtf_line("gene", 1, 100, GENCODE)
        + gtf_line("exon", 1, 10, GENCODE)
        + gtf_line("exon", 11, 20, GENCODE)
        + gtf_line("exon", 5, 12, GENCODE)
        + gtf_line("exon", 1, 3, ENSEMBL, "2")
    )
    return path


@pytest.fixture(scope="module")
def annotation(shared_data: Path) -> Annotation:
    return read_gtf(shared_data / "r_oracles" / "genes.gtf")


def test_lengths_equal_r(annotation: Annotation, shared_data: Path) -> None:
    with (shared_data / "r_oracles" / "genes_lengths.csv").open() as stream:
        expected = {row["gene"]: int(row["union"]) for row in csv.DictReader(stream)}
    assert dict(zip(annotation.identifiers, annotation.lengths.tolist(), strict=True)) == expected
    assert annotation.release == "GENCODE 27"


def test_biotypes_of_many_releases(annotation: Annotation, small: Path) -> None:
    types = dict(zip(annotation.biotypes, annotation.is_lncrna.tolist(), strict=True))
    assert not any(types[name] for name in ("TEC", "miRNA", "processed_pseudogene", "protein_coding"))
    assert all(types[name] for name in ("lincRNA", "antisense", "antisense_RNA", "sense_intronic", "lncRNA"))
    assert read_gtf(small).is_lncrna.all()


def test_attributes_of_gencode_and_ensembl(small: Path) -> None:
    found = read_gtf(small)
    assert found.release == "GENCODE 31"
    assert found.identifiers == ("ENSG00000000001.4", "ENSG00000000002.7")
    assert found.names == ("A-AS1", "B")
    assert found.lengths.tolist() == [20, 3]
    assert any("1 gene has no line in the file" in remark for remark in found.remarks)
    assert any("on 2 of the 25 human chromosomes" in remark for remark in found.remarks)


def test_compressed_equals_plain_and_the_table_keeps_everything(small: Path, tmp_path: Path) -> None:
    (tmp_path / "small.gtf.gz").write_bytes(gzip.compress(small.read_bytes()))
    packed, plain = read_gtf(tmp_path / "small.gtf.gz"), read_annotation(small)
    write_annotation(plain, tmp_path / "genes.parquet")
    again = read_annotation(tmp_path / "genes.parquet")
    for one in (packed, again):
        assert (one.identifiers, one.names, one.biotypes, one.chromosomes, one.release, one.remarks) == (
            plain.identifiers,
            plain.names,
            plain.biotypes,
            plain.chromosomes,
            plain.release,
            plain.remarks,
        )
        np.testing.assert_array_equal(one.lengths, plain.lengths)


def test_a_truncated_file_is_refused(small: Path, tmp_path: Path) -> None:
    packed = gzip.compress(small.read_bytes() * 200)
    (tmp_path / "cut.gtf.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CohortRejected, match=r"ends too early, after \d+ whole lines"):
        read_gtf(tmp_path / "cut.gtf.gz")
    whole = small.read_bytes()
    (tmp_path / "cut.gtf").write_bytes(whole[:-5])
    with pytest.raises(CohortRejected, match="ends inside line 6, without a line end: it is truncated"):
        read_gtf(tmp_path / "cut.gtf")
    (tmp_path / "cut.gtf").write_bytes(whole + gtf_line("gene", 1, 9, 'gene_id "ENSG00000000003.1";').encode())
    with pytest.raises(CohortRejected, match=r"1 of 3 genes has no exon \(the last is ENSG00000000003\.1\)"):
        read_gtf(tmp_path / "cut.gtf")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gene,length\nA,1\n", "has 1 column; the 9 columns of a GTF"),
        (gtf_line("exon", 1, 2, "ID=exon1;Parent=t1"), "it is a GFF3"),
        (gtf_line("exon", 9, 2, GENCODE), "begins at '9' and ends at '2'"),
        (gtf_line("exon", "x", 2, GENCODE), "two positions in order"),
        ("# nothing\n", "has no exon"),
    ],
)
def test_what_is_no_gtf_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "wrong.gtf"
    path.write_text(text)
    with pytest.raises(CohortRejected, match=sentence):
        read_gtf(path)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no")
    with pytest.raises(CohortRejected, match="no annotation of this version"):
        read_annotation(tmp_path / "a.parquet")
    with pytest.raises(CohortRejected, match="not a Parquet file"):
        read_annotation(tmp_path / "b.parquet")
    with pytest.raises(CohortRejected, match="does not exist"):
        read_annotation(tmp_path / "c.parquet")


def test_genes_are_found_by_identifier_and_name() -> None:
    ids, names = ("ENSG00000257671.1", "ENSG00000000002.1", "ENSG00000000003.1_PAR_Y"), ("KRT7-AS", "B", "B")
    assert find_gene("KRT7-AS", ids, names) == find_gene("ENSG00000257671", ids, names) == 0
    assert find_gene("ENSG00000257671.9", ids, names) == 0
    assert find_gene("ENSG00000000003.2_PAR_Y", ids, names) == 2
    with pytest.raises(CohortRejected, match="2 genes are called 'B'"):
        find_gene("B", ids, names)
    with pytest.raises(CohortRejected, match="near to it: KRT7-AS"):
        find_gene("KRT7-AS1", ids, names)


def test_versions_and_unions() -> None:
    assert stable_id("ENSG00000000001.12") == "ENSG00000000001"
    assert stable_id("ENSG00000000001.12_PAR_Y") == "ENSG00000000001_PAR_Y"
    assert stable_id("AC073130.2") == "AC073130.2"  # a name, not an identifier with a version
    assert union_length([10, 20, 1, 5, 12, 30, 15, 16]) == 5 + 21
