"""Tables of expression: every format of `data/omics/formats`, and every mistake with its sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import CohortRejected
from models.omics.annotation import Annotation, read_gtf
from models.omics.genes import gene_table, write_gene_table
from models.omics.identifiers import changed_by_spreadsheet
from models.omics.tables import Expression, Source, Strand, read_expression, recognised, sample_name
from models.omics.tpm import ExpressionFilter, log2_tpm, tpm
from models.omics.values import Unit

GENES = tuple(f"ENSG{number:011d}.1" for number in range(6))
COUNTS = np.array([[5, 2], [0, 0], [7, 90], [1, 3], [30, 11], [2, 2]], dtype=float)


@pytest.fixture(scope="module")
def formats(shared_data: Path) -> Path:
    return shared_data / "omics" / "formats"


@pytest.fixture(scope="module")
def annotation(shared_data: Path) -> Annotation:
    return read_gtf(shared_data / "r_oracles" / "genes.gtf")


@pytest.fixture(scope="module")
def featurecounts(formats: Path) -> Expression:
    return read_expression([formats / "featurecounts.txt"])


def write(
    path: Path,
    values: np.ndarray,
    *,
    genes: tuple[str, ...] = GENES,
    samples: tuple[str, ...] = ("P1", "P2"),
    delimiter: str = ",",
) -> list[Path]:
    rows = [delimiter.join(("gene", *samples))]
    rows += [delimiter.join((gene, *map(str, row))) for gene, row in zip(genes, values.tolist(), strict=True)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return [path]


def as_tpm(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=0) * 1e6


# -- the formats of programs ------------------------------------------------------------------------------------------


def test_one_library_in_all_formats(formats: Path, featurecounts: Expression) -> None:
    """The same two samples in six shapes (README of the data)."""
    star = [formats / f"star_{one}.ReadsPerGene.out.tab" for one in ("S1", "S2")]
    gdc = [formats / f"gdc_{one}.rna_seq.augmented_star_gene_counts.tsv" for one in ("S1", "S2")]
    found = {
        Source.HTSEQ: read_expression([formats / "htseq_S1.txt", formats / "htseq_S2.txt"]),
        Source.STAR: read_expression(star, strand=Strand.UNSTRANDED),
        Source.GDC: read_expression(gdc, unit=Unit.COUNTS, strand=Strand.UNSTRANDED),
    }
    assert featurecounts.samples == ("S1", "S2")
    assert featurecounts.values.shape == (20, 2)
    for source, expression in found.items():
        assert (expression.source, expression.unit, expression.samples) == (source, Unit.COUNTS, ("S1", "S2"))
        assert expression.identifiers == featurecounts.identifiers
        np.testing.assert_array_equal(expression.values, featurecounts.values)


def test_tpm_of_programs_is_taken_as_it_is(formats: Path) -> None:
    rsem = read_expression([formats / "rsem_S1.genes.results", formats / "rsem_S2.genes.results"])
    salmon = read_expression([formats / "salmon_S1.quant.genes.sf", formats / "salmon_S2.quant.genes.sf"])
    assert rsem.unit is salmon.unit is Unit.TPM
    np.testing.assert_allclose(rsem.values, salmon.values, atol=0.006)
    assert rsem.values[0, 0] == 59909.34


def test_gdc_brings_names_and_biotypes(formats: Path) -> None:
    found = read_expression([formats / "gdc_S1.rna_seq.augmented_star_gene_counts.tsv"])
    assert found.unit is Unit.TPM
    assert found.names is not None
    assert found.biotypes is not None
    assert (found.names[0], found.biotypes[0], found.strand) == ("GENE0", "protein_coding", Strand.UNSTRANDED)
    assert gene_table(found).is_lncrna.sum() > 0
    with pytest.raises(CohortRejected, match="TPM of unstranded counts only"):
        read_expression([formats / "gdc_S1.rna_seq.augmented_star_gene_counts.tsv"], strand=Strand.REVERSE)


def test_the_strand_of_star_is_asked_for(formats: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortRejected, match="which looks unstranded"):
        read_expression([formats / "star_S1.ReadsPerGene.out.tab"])
    text = "N_unmapped\t1\t1\t1\nN_multimapping\t0\t0\t0\nG1\t100\t4\t96\n"
    (tmp_path / "x.ReadsPerGene.out.tab").write_text(text)
    with pytest.raises(CohortRejected, match="4 forward, 96 reverse, which looks reverse"):
        read_expression([tmp_path / "x.ReadsPerGene.out.tab"])
    assert read_expression([tmp_path / "x.ReadsPerGene.out.tab"], strand=Strand.REVERSE).values[0, 0] == 96


def test_featurecounts_says_its_strand(formats: Path, tmp_path: Path) -> None:
    text = (formats / "featurecounts.txt").read_text().replace('"-p"', '"-p" "-s" "2"')
    (tmp_path / "counts.txt").write_text(text)
    assert read_expression([tmp_path / "counts.txt"]).strand is Strand.REVERSE
    with pytest.raises(CohortRejected, match="counted as reverse"):
        read_expression([tmp_path / "counts.txt"], strand=Strand.FORWARD)


def test_compressed_and_semicolons(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.csv", COUNTS, delimiter=";")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    for one in (path, tmp_path / "b.csv.gz"):
        np.testing.assert_array_equal(read_expression([one], unit=Unit.COUNTS).values, COUNTS)
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(path.read_bytes())[:-12])
    with pytest.raises(CohortRejected, match="ends too early"):
        read_expression([tmp_path / "c.csv.gz"], unit=Unit.COUNTS)


def test_row_names_of_r_without_a_heading(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.tsv", COUNTS, delimiter="\t")
    path.write_text(path.read_text().removeprefix("gene\t"))
    found = read_expression([path], unit=Unit.COUNTS)
    assert found.samples == ("P1", "P2")
    np.testing.assert_array_equal(found.values, COUNTS)


def test_transcripts_are_refused(tmp_path: Path) -> None:
    salmon = "Name\tLength\tEffectiveLength\tTPM\tNumReads\nENST00000000001.1\t1\t1\t1000000\t1\n"
    (tmp_path / "quant.sf").write_text(salmon)
    with pytest.raises(CohortRejected, match=r"holds transcripts .* --geneMap"):
        read_expression([tmp_path / "quant.sf"])
    (tmp_path / "a.isoforms.results").write_text("transcript_id\tgene_id\texpected_count\tTPM\n")
    with pytest.raises(CohortRejected, match=r"give genes\.results"):
        read_expression([tmp_path / "a.isoforms.results"])


def test_files_that_do_not_fit_together(formats: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortRejected, match="1 of HTSeq, 1 of RSEM"):
        read_expression([formats / "htseq_S1.txt", formats / "rsem_S1.genes.results"])
    shuffled = (formats / "htseq_S2.txt").read_text().splitlines()
    (tmp_path / "htseq_S2.txt").write_text("\n".join(reversed(shuffled)) + "\n")
    both = read_expression([formats / "htseq_S1.txt", tmp_path / "htseq_S2.txt"])
    apart = read_expression([formats / "htseq_S1.txt", formats / "htseq_S2.txt"])
    np.testing.assert_array_equal(both.values, apart.values)
    (tmp_path / "htseq_S2.txt").write_text("\n".join(shuffled[3:]) + "\n")
    with pytest.raises(CohortRejected, match=r"has 17 genes and htseq_S1\.txt 20, 17 of them the same"):
        read_expression([formats / "htseq_S1.txt", tmp_path / "htseq_S2.txt"])
    with pytest.raises(CohortRejected, match="1 of the 1 sample is there more than once"):
        read_expression([formats / "htseq_S1.txt", formats / "htseq_S1.txt"])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/S1.bam", "S1"),
        ("run/P07Aligned.sortedByCoord.out.bam", "P07"),
        ("star_S1.ReadsPerGene.out.tab", "S1"),
        ("P07/quant.genes.sf", "P07"),
        ("rsem_S1.genes.results", "S1"),
        ("TCGA-AB.rna_seq.augmented_star_gene_counts.tsv", "TCGA-AB"),
        ("P1.htseq.counts.gz", "P1"),
    ],
)
def test_names_of_samples(path: str, name: str) -> None:
    assert sample_name(path) == name


# -- plain matrices and their mistakes ---------------------------------------------------------------------------------


def test_nothing_is_guessed_about_a_matrix(tmp_path: Path) -> None:
    paths = write(tmp_path / "a.csv", COUNTS)
    assert recognised(paths[0]) is Source.MATRIX
    with pytest.raises(CohortRejected, match="not guessed"):
        read_expression(paths)


def test_a_matrix_with_lengths_names_and_biotypes(shared_data: Path, tmp_path: Path) -> None:
    found = read_expression([shared_data / "r_oracles" / "counts.csv"], unit=Unit.COUNTS)
    expected = pd.read_csv(shared_data / "r_oracles" / "tpm.csv", index_col=0)
    np.testing.assert_allclose(gene_table(found).tpm, expected, rtol=1e-12)
    (tmp_path / "a.csv").write_text("gene,Length,gene_name,gene_biotype,P1\nG1,100,A,lincRNA,5\nG2,200,,,5\n")
    table = gene_table(read_expression([tmp_path / "a.csv"], unit=Unit.COUNTS))
    assert (table.names, table.biotypes) == (("A", "G2"), ("lincRNA", ""))
    np.testing.assert_allclose(table.tpm[:, 0], [2e6 / 3, 1e6 / 3])


def test_a_matrix_is_read_in_each_unit(tmp_path: Path) -> None:
    values = as_tpm(COUNTS)
    for unit, given in ((Unit.TPM, values), (Unit.LOG2_TPM, log2_tpm(values))):
        found = read_expression(write(tmp_path / "a.csv", given), unit=unit)
        assert found.unit is Unit.TPM
        np.testing.assert_allclose(found.values, values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "unit", "sentence"),
    [
        (COUNTS - 3, Unit.COUNTS, r"6 of 12 values are negative \(lowest -3\); counts are never. They look like"),
        (as_tpm(COUNTS), Unit.COUNTS, "they are TPM"),
        (log2_tpm(COUNTS * 1.1), Unit.COUNTS, "they look like logarithms"),
        (COUNTS, Unit.TPM, "add up to 45 to 108 instead of 1,000,000, and all are whole numbers: they are counts"),
        (as_tpm(COUNTS) * [0.31, 0.55], Unit.TPM, "add up to 310,000 to 550,000 .* FPKM or another unit"),
        (as_tpm(COUNTS)[:5] * 0.9, Unit.TPM, "FPKM|genes are missing"),
        (log2_tpm(as_tpm(COUNTS)), Unit.TPM, r"they are logarithms \(undone they add up to a million\)"),
        (as_tpm(COUNTS), Unit.LOG2_TPM, "they are no logarithms"),
        (log2_tpm(log2_tpm(as_tpm(COUNTS))), Unit.LOG2_TPM, "log2 was applied twice"),
        (log2_tpm(as_tpm(COUNTS) * 0.4), Unit.LOG2_TPM, "add up to 400,000 to 400,000 instead"),
    ],
)
def test_values_of_another_unit(tmp_path: Path, values: np.ndarray, unit: Unit, sentence: str) -> None:
    with pytest.raises(CohortRejected, match=sentence):
        read_expression(write(tmp_path / "a.csv", values, genes=GENES[: len(values)]), unit=unit)


def test_a_transposed_matrix(tmp_path: Path) -> None:
    paths = write(tmp_path / "a.csv", COUNTS.T, genes=("P1", "P2"), samples=GENES)
    with pytest.raises(CohortRejected, match="has 2 rows and 6 columns, and 6 of the columns are genes; it is transp"):
        read_expression(paths, unit=Unit.COUNTS)
    wide = np.ones((3, 2500))
    symbols = tuple(f"SYM{number}" for number in range(2500))
    paths = write(tmp_path / "b.csv", wide, genes=("P1", "P2", "P3"), samples=symbols)
    with pytest.raises(CohortRejected, match="has 3 rows and 2,500 columns; it is transposed"):
        read_expression(paths, unit=Unit.COUNTS)


@pytest.mark.parametrize("symbol", ["1-Mar", "Mar-01", "44621", "2-Sep", "2022/03/01", "01.03.2022", "2.31E+13"])
def test_symbols_changed_by_a_spreadsheet(tmp_path: Path, symbol: str) -> None:
    genes = ("A", "B", "C", "D", "E", symbol)
    with pytest.raises(CohortRejected, match="1 of 6 genes is a date or number"):
        read_expression(write(tmp_path / "a.csv", COUNTS, genes=genes), unit=Unit.COUNTS)


def test_numbers_and_odd_names_of_genes_are_no_dates() -> None:
    assert changed_by_spreadsheet(["7105", "44621", "8813"]) == []  # Entrez
    assert changed_by_spreadsheet(["MARCH1", "SEPT2", "DEC1", "AC073130.2", "7SK", "5S_rRNA", "HLA-A", "NKX3-1"]) == []


def test_duplicated_genes(tmp_path: Path) -> None:
    genes = ("A", "B", "A", "C", "D", "E")
    paths = write(tmp_path / "a.csv", COUNTS, genes=genes)
    with pytest.raises(CohortRejected, match=r"1 gene is there more than once \(such as A\)"):
        read_expression(paths, unit=Unit.COUNTS)
    found = read_expression(paths, unit=Unit.COUNTS, adds_duplicates=True)
    assert found.identifiers == ("A", "B", "C", "D", "E")
    np.testing.assert_array_equal(found.values[0], COUNTS[0] + COUNTS[2])
    assert "the 2 rows were added up" in found.remarks[-1]
    with pytest.raises(CohortRejected, match="more than once"):  # of two versions
        read_expression(write(tmp_path / "a.csv", COUNTS, genes=(*GENES[:5], GENES[0][:-1] + "2")), unit=Unit.COUNTS)


def test_the_copy_on_chromosome_y_is_a_gene_of_its_own(tmp_path: Path) -> None:
    genes = (*GENES[:5], GENES[0] + "_PAR_Y")
    assert len(read_expression(write(tmp_path / "a.csv", COUNTS, genes=genes), unit=Unit.COUNTS).identifiers) == 6


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (".", r"1 cell is missing \(first: row 3\)"),
        ("", "1 cell is missing"),
        ("NA", "1 cell is missing"),
        ("many", r"1 cell is no number \(first: 'many' in row 3\)"),
        ("inf", "1 of 12 values is infinite"),
    ],
)
def test_cells_without_a_number(tmp_path: Path, cell: str, sentence: str) -> None:
    (path,) = write(tmp_path / "a.csv", COUNTS)
    path.write_text(path.read_text().replace(",7.0,", f",{cell},"))
    with pytest.raises(CohortRejected, match=sentence):
        read_expression([path], unit=Unit.COUNTS)


def test_a_decimal_comma(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a.csv", COUNTS, delimiter=";")
    path.write_text(path.read_text().replace(".0", ",5"))
    with pytest.raises(CohortRejected, match="a decimal comma"):
        read_expression([path], unit=Unit.COUNTS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gene,P1,P2\nA,1\n", "no table with 3 columns in every row"),
        ("gene,P1,P1\nA,1,2\n", "1 name of a column more than once"),
        ("gene,P1\n", "no row below its header"),
        ("gene\nA\n", "has one column"),
        ("gene,P1\n,1\n", "1 of 1 row names no gene"),
        ("gene,P1\nENST00000000001,1\n", "1 of 1 row is a transcript"),
    ],
)
def test_what_is_no_matrix(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CohortRejected, match=sentence):
        read_expression([tmp_path / "a.csv"], unit=Unit.COUNTS)


def test_places_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(CohortRejected, match="does not exist"):
        read_expression([tmp_path / "no.csv"], unit=Unit.COUNTS)
    with pytest.raises(CohortRejected, match="at least one file"):
        read_expression([])


# -- TPM --------------------------------------------------------------------------------------------------------------


def test_tpm_equals_edger(shared_data: Path) -> None:
    counts = pd.read_csv(shared_data / "r_oracles" / "counts.csv", index_col=0)
    expected = pd.read_csv(shared_data / "r_oracles" / "tpm.csv", index_col=0)
    np.testing.assert_allclose(tpm(counts.iloc[:, 1:], counts["length"]), expected, rtol=1e-12)


def test_lengths_of_the_table_and_of_the_annotation_agree(
    formats: Path, featurecounts: Expression, annotation: Annotation
) -> None:
    own = gene_table(featurecounts, annotation)
    htseq = read_expression([formats / "htseq_S1.txt", formats / "htseq_S2.txt"])
    joined = gene_table(htseq, annotation)
    np.testing.assert_allclose(own.tpm, joined.tpm, rtol=1e-14)
    np.testing.assert_allclose(own.tpm.sum(axis=0), 1e6)
    assert own.names[0] == "GENE0"
    assert (own.remarks, joined.remarks) == ((), ())
    assert joined.is_lncrna.sum() == annotation.is_lncrna.sum()
    assert "GENCODE 27" in joined.made_from
    with pytest.raises(CohortRejected, match="no gene lengths"):
        gene_table(htseq)


def test_an_annotation_of_another_release(
    formats: Path, featurecounts: Expression, annotation: Annotation, tmp_path: Path
) -> None:
    other = Annotation(
        "other.gtf",
        "GENCODE 44",
        annotation.identifiers[5:],
        annotation.names[5:],
        annotation.biotypes[5:],
        annotation.chromosomes[5:],
        annotation.lengths[5:] + 7,
    )
    htseq = read_expression([formats / "htseq_S1.txt"])
    with pytest.raises(CohortRejected, match=r"5 of the 20 genes of the expression, .* another release, or truncated"):
        gene_table(htseq, other)
    found = gene_table(featurecounts, other)
    assert any("100 % of the genes have another length" in remark for remark in found.remarks)
    assert any("5 of the 20 genes" in remark for remark in found.remarks)
    renamed = Annotation(
        "n.gtf",
        "",
        tuple(f"{one.split('.')[0]}.99" for one in annotation.identifiers[:19]) + annotation.identifiers[19:],
        annotation.names,
        annotation.biotypes,
        annotation.chromosomes,
        annotation.lengths,
    )
    assert any("95 % of the genes have another version" in remark for remark in gene_table(htseq, renamed).remarks)
    with pytest.raises(CohortRejected, match="another release"):
        gene_table(read_expression(write(tmp_path / "a.csv", COUNTS), unit=Unit.COUNTS), annotation)


def test_what_is_written_is_read_back(featurecounts: Expression, annotation: Annotation, tmp_path: Path) -> None:
    table = gene_table(featurecounts, annotation)
    write_gene_table(table, tmp_path / "tpm.csv")
    again = gene_table(read_expression([tmp_path / "tpm.csv"], unit=Unit.TPM))
    assert (again.identifiers, again.names, again.biotypes) == (table.identifiers, table.names, table.biotypes)
    np.testing.assert_array_equal(again.tpm, table.tpm)
    write_gene_table(table, tmp_path / "tpm.parquet")
    packed = gene_table(read_expression([tmp_path / "tpm.parquet"], unit=Unit.TPM))
    assert (packed.identifiers, packed.names, packed.samples) == (table.identifiers, table.names, table.samples)
    np.testing.assert_array_equal(packed.tpm, table.tpm)
    with pytest.raises(CohortRejected, match=r"neither in \.csv nor in \.parquet"):
        write_gene_table(table, tmp_path / "tpm.xlsx")


def test_the_filter_says_how_many_it_left() -> None:
    values = np.array([[0.1, 0, 0, 0, 0], [0.09, 0.09, 9, 0, 0], [0, 0, 0, 0, 0]])
    rule = ExpressionFilter()
    assert rule.keeps(values).tolist() == [True, True, False]
    assert ExpressionFilter(smallest_share=0.4).keeps(values).tolist() == [False, False, False]
    assert rule.sentence(2, 3, "lncRNAs").startswith("2 of 3 lncRNAs have at least 0.1 TPM in at least 20 %")
    with pytest.raises(CohortRejected, match="share between 0 and 1"):
        ExpressionFilter(smallest_share=20)


def test_an_antisense_gene_of_an_unstranded_library_is_doubtful(featurecounts: Expression) -> None:
    table = gene_table(featurecounts)
    assert "may not be stranded (not stated)" in str(table.antisense_caution("KRT7-AS"))
    assert table.antisense_caution("MALAT1") is None
    stranded = gene_table(read_strand(featurecounts, Strand.REVERSE))
    assert stranded.antisense_caution("KRT7-AS") is None
    assert "reads of KRT7 may be" in str(
        gene_table(read_strand(featurecounts, Strand.UNSTRANDED)).antisense_caution("KRT7-AS")
    )


def read_strand(expression: Expression, strand: Strand) -> Expression:
    from dataclasses import replace

    return replace(expression, strand=strand)
