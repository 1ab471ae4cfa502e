"""Tables of gene expression as the usual programs write them: read counts or TPM, genes × samples.

featureCounts and plain matrices hold many samples; HTSeq, STAR, RSEM, Salmon (genes) and GDC one per file. Sources are
never mixed in one matrix: their TPM rest on different lengths. Nothing is guessed about a plain matrix: its user says
what the values are, and they are checked against it (`values.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.omics.annotation import stable_id
from models.omics.identifiers import check_identifiers, check_orientation
from models.omics.text_tables import first_lines, read_text_table
from models.omics.tpm import Floats
from models.omics.values import Unit, check_values


class Strand(StrEnum):
    """Strandedness of the library."""

    UNSTRANDED = "unstranded"  # reads of both strands count for a gene
    FORWARD = "forward"  # the first read lies on the strand of the gene
    REVERSE = "reverse"  # the first read lies on the other strand (dUTP)
    UNKNOWN = "unknown"  # not stated


class Source(StrEnum):
    """Program that wrote a table."""

    FEATURECOUNTS = "featureCounts"
    HTSEQ = "HTSeq"
    STAR = "STAR"
    RSEM = "RSEM"
    SALMON = "Salmon"
    GDC = "GDC"
    MATRIX = "matrix"


@dataclass(frozen=True, eq=False)
class Expression:
    """Expression of genes in some samples.

    Attributes
    ----------
    source : program that wrote it
    identifiers : of the genes, different
    samples : names of the samples, different
    values : float64 (genes, samples), in `unit`; never logarithms
    unit : counts or TPM
    strand : strandedness of the library
    lengths : float64 (genes,), bases, where the table has them
    names, biotypes : of the genes, where the table has them
    remarks : sentences about the tables
    """

    source: Source
    identifiers: tuple[str, ...]
    samples: tuple[str, ...]
    values: Floats
    unit: Unit
    strand: Strand
    lengths: Floats | None = None
    names: tuple[str, ...] | None = None
    biotypes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = field(default=())

    def genes(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Expression:
        """Some of the genes."""
        rows = np.arange(len(self.identifiers))[chosen].tolist()
        return replace(
            self,
            identifiers=tuple(self.identifiers[row] for row in rows),
            values=self.values[rows],
            lengths=None if self.lengths is None else self.lengths[rows],
            names=None if self.names is None else tuple(self.names[row] for row in rows),
            biotypes=None if self.biotypes is None else tuple(self.biotypes[row] for row in rows),
        )


_SUFFIXES = re.compile(
    r"(\.gz|\.(txt|tsv|csv|sf|results|counts?|tab|bam|sam|htseq|genes|quant|isoforms)|\.?ReadsPerGene\.out|"
    r"\.rna_seq\.augmented_star_gene_counts|\.?Aligned\.(sortedByCoord\.)?out|[._-]quant|[._-]htseq)$",
    re.IGNORECASE,
)
_PREFIXES = re.compile(r"^(featurecounts|htseq|star|rsem|salmon|gdc|quant)[._-](?=.)", re.IGNORECASE)
_STAR_COLUMN = {Strand.UNSTRANDED: 1, Strand.FORWARD: 2, Strand.REVERSE: 3}
_GDC_COLUMN = {
    Strand.UNSTRANDED: "unstranded",
    Strand.FORWARD: "stranded_first",
    Strand.REVERSE: "stranded_second",
}
_ANNOTATING = {"length": "length", "gene_name": "name", "gene_type": "biotype", "gene_biotype": "biotype"}
_EVEN = 0.2  # difference of the strands of an unstranded library, as a share of their sum


def read_expression(
    paths: Sequence[Path],
    *,
    unit: Unit | None = None,
    strand: Strand = Strand.UNKNOWN,
    adds_duplicates: bool = False,
) -> Expression:
    """Reads one table of many samples, or one file for each sample, of one program.

    Parameters
    ----------
    paths : the files, in the order of the samples
    unit : what the values of a plain matrix are; which of both columns is taken of GDC (default: TPM)
    strand : strandedness of the library; needed for STAR
    adds_duplicates : rows with the same gene are added up instead of being refused

    Raises
    ------
    CohortRejected
        When a file is no such table, the files do not fit together, or the values are not what they should be.
    """
    if not paths:
        raise CohortRejected("No table of expression was given; at least one file was expected.")
    sources = [recognised(path) for path in paths]
    if len(set(sources)) > 1:
        others = ", ".join(f"{sources.count(one)} of {one}" for one in dict.fromkeys(sources))
        raise CohortRejected(
            f"The {counted(len(paths), 'file')} come from different programs ({others}); their values rest on "
            "different gene lengths and are not mixed in one matrix. Give the files of one program."
        )
    parts = [_READERS[source](path, unit, strand) for source, path in zip(sources, paths, strict=True)]
    return _checked(_joined(parts, paths), adds_duplicates=adds_duplicates)


def recognised(path: Path) -> Source:
    """The program that wrote a file, by its first lines.

    Raises
    ------
    CohortRejected
        When the file holds transcripts instead of genes, or cannot be read.
    """
    if path.suffix == ".parquet":
        return Source.MATRIX
    lines = first_lines(path, 8)
    header = next((line for line in lines if not line.startswith("#")), "")
    cells = header.split("\t")
    if lines and lines[0].startswith("# gene-model:"):
        return Source.GDC
    if cells[:6] == ["Geneid", "Chr", "Start", "End", "Strand", "Length"]:
        return Source.FEATURECOUNTS
    if cells[0] == "N_unmapped" and len(cells) == 4:
        return Source.STAR
    if "expected_count" in cells and "TPM" in cells:
        if cells[0] != "gene_id":
            raise CohortRejected(
                f"{path.name} holds transcripts (RSEM's isoforms.results); give genes.results of the same run."
            )
        return Source.RSEM
    if cells[:5] == ["Name", "Length", "EffectiveLength", "TPM", "NumReads"]:
        second = lines[1].split("\t")[0] if len(lines) > 1 else ""
        if re.match(r"ENS[A-Z]*T\d", second) or "|" in second:
            raise CohortRejected(
                f"{path.name} holds transcripts (the first is {second[:24]}); genes were expected. Run salmon quant "
                "with --geneMap and your GTF, and give quant.genes.sf."
            )
        return Source.SALMON
    if len(cells) == 2 and re.fullmatch(r"\d+(\.\d+)?", cells[1].strip()):
        return Source.HTSEQ
    return Source.MATRIX


def sample_name(path: str | Path) -> str:
    """Name of a sample from that of its file: without folder and the endings that programs add.

    Tools that write a fixed name into a folder for each sample (Salmon's quant.genes.sf) give the folder's name.
    """
    name = Path(path).name
    while (shorter := _SUFFIXES.sub("", name)) != name and shorter:
        name = shorter
    if name.lower() in ("quant", "readspergene.out", "genes", "abundance") and Path(path).parent.name:
        return Path(path).parent.name
    return _PREFIXES.sub("", name)


def _featurecounts(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    _only(path, Source.FEATURECOUNTS, unit, Unit.COUNTS)
    table = read_text_table(path, delimiter="\t")
    flag = re.search(r'"?-s"?\s+"?([012])"?', " ".join(table.comments))
    said = (Strand.UNSTRANDED, Strand.FORWARD, Strand.REVERSE)[int(flag[1])] if flag else Strand.UNKNOWN
    if strand is not Strand.UNKNOWN and said not in (Strand.UNKNOWN, strand):
        raise CohortRejected(
            f"{path.name} was counted as {said} (-s {flag[1] if flag else ''}), but {strand} was given; leave --strand "
            "out, or count again."
        )
    columns = table.header[6:]
    if not columns:
        raise CohortRejected(f"{path.name} has no column of counts after Length; at least one sample was expected.")
    return Expression(
        source=Source.FEATURECOUNTS,
        identifiers=table.texts(0),
        samples=tuple(sample_name(name) for name in columns),
        values=table.numbers(columns),
        unit=Unit.COUNTS,
        strand=strand if said is Strand.UNKNOWN else said,
        lengths=table.numbers(["Length"])[:, 0],
    )


def _htseq(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    _only(path, Source.HTSEQ, unit, Unit.COUNTS)
    table = read_text_table(path, delimiter="\t", header=("gene", "count"))
    genes, counts = table.texts(0), table.numbers(["count"])
    is_gene = np.array([not gene.startswith("__") for gene in genes])
    return Expression(
        source=Source.HTSEQ,
        identifiers=tuple(gene for gene in genes if not gene.startswith("__")),
        samples=(sample_name(path),),
        values=counts[is_gene],
        unit=Unit.COUNTS,
        strand=strand,
        remarks=_unassigned(float(counts[~is_gene].sum()), float(counts.sum()), path),
    )


def _star(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    _only(path, Source.STAR, unit, Unit.COUNTS)
    table = read_text_table(path, delimiter="\t", header=("gene", "unstranded", "forward", "reverse"))
    genes = table.texts(0)
    is_gene = np.array([not gene.startswith("N_") for gene in genes])
    counts = table.numbers(["unstranded", "forward", "reverse"])
    if strand is Strand.UNKNOWN:
        raise CohortRejected(_which_strand(path, counts[is_gene].sum(axis=0)))
    column = _STAR_COLUMN[strand] - 1
    return Expression(
        source=Source.STAR,
        identifiers=tuple(gene for gene in genes if not gene.startswith("N_")),
        samples=(sample_name(path),),
        values=counts[is_gene][:, [column]],
        unit=Unit.COUNTS,
        strand=strand,
        remarks=_unassigned(float(counts[~is_gene, column].sum()), float(counts[:, column].sum()), path),
    )


def _which_strand(path: Path, sums: Floats) -> str:
    """Sentence that asks for the strand and suggests one."""
    _, forward, reverse = sums
    if abs(forward - reverse) <= _EVEN * (forward + reverse):
        likely = Strand.UNSTRANDED
    else:
        likely = Strand.FORWARD if forward > reverse else Strand.REVERSE
    return (
        f"{path.name} has counts for three kinds of library, and the strand is not known: {sums[0]:,.0f} reads "
        f"unstranded, {forward:,.0f} forward, {reverse:,.0f} reverse, which looks {likely}. Say it with --strand "
        f"{likely}."
    )


def _rsem(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    _only(path, Source.RSEM, unit, Unit.TPM)
    table = read_text_table(path, delimiter="\t")
    return Expression(Source.RSEM, table.texts(0), (sample_name(path),), table.numbers(["TPM"]), Unit.TPM, strand)


def _salmon(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    _only(path, Source.SALMON, unit, Unit.TPM)
    table = read_text_table(path, delimiter="\t")
    return Expression(Source.SALMON, table.texts(0), (sample_name(path),), table.numbers(["TPM"]), Unit.TPM, strand)


def _gdc(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    if unit is Unit.LOG2_TPM:
        raise CohortRejected(f"{path.name} is a table of GDC; its values are taken as tpm or counts.")
    table = read_text_table(path, delimiter="\t", may_be_empty=("gene_name", "gene_type"))
    genes = table.texts(0)
    is_gene = np.array([not gene.startswith("N_") for gene in genes])
    kept = np.flatnonzero(is_gene).tolist()
    if unit is Unit.COUNTS and strand is Strand.UNKNOWN:
        forward_reverse = [_GDC_COLUMN[one] for one in (Strand.UNSTRANDED, Strand.FORWARD, Strand.REVERSE)]
        raise CohortRejected(_which_strand(path, table.numbers(forward_reverse, rows=kept).sum(axis=0)))
    if unit is not Unit.COUNTS and strand not in (Strand.UNKNOWN, Strand.UNSTRANDED):
        raise CohortRejected(
            f"{path.name} has TPM of unstranded counts only; for a {strand} library give --values counts, and an "
            "annotation for the lengths."
        )
    column = "tpm_unstranded" if unit is not Unit.COUNTS else _GDC_COLUMN[strand]
    names, biotypes = table.texts(table.header.index("gene_name")), table.texts(table.header.index("gene_type"))
    return Expression(
        source=Source.GDC,
        identifiers=tuple(genes[row] for row in kept),
        samples=(sample_name(path),),
        values=table.numbers([column], rows=kept),
        unit=Unit.COUNTS if unit is Unit.COUNTS else Unit.TPM,
        strand=strand if unit is Unit.COUNTS else Strand.UNSTRANDED,
        names=tuple(names[row] for row in kept),
        biotypes=tuple(biotypes[row] for row in kept),
    )


def _matrix(path: Path, unit: Unit | None, strand: Strand) -> Expression:
    if unit is None:
        raise CohortRejected(
            f"{path.name} is a plain matrix, and what its values are is not guessed; say it with --values counts, tpm "
            "or log2tpm (log2 of TPM + 1)."
        )
    table = read_text_table(path, delimiter=None, may_be_empty=("gene_name", "gene_type", "gene_biotype"))
    if len(table.header) < 2:
        raise CohortRejected(
            f"{path.name} has one column; genes in the first column and one column for each sample, separated by "
            "commas or tabs, were expected."
        )
    genes = table.texts(0)
    about = {_ANNOTATING[name.lower()]: name for name in table.header[1:] if name.lower() in _ANNOTATING}
    samples = [name for name in table.header[1:] if name.lower() not in _ANNOTATING]
    check_orientation(genes, samples, path.name)

    def told(what: str) -> tuple[str, ...] | None:
        return table.texts(table.header.index(about[what])) if what in about else None

    return Expression(
        source=Source.MATRIX,
        identifiers=genes,
        samples=tuple(samples),
        values=table.numbers(samples),
        unit=unit,
        strand=strand,
        lengths=table.numbers([about["length"]])[:, 0] if "length" in about else None,
        names=told("name"),
        biotypes=told("biotype"),
    )


_READERS = {
    Source.FEATURECOUNTS: _featurecounts,
    Source.HTSEQ: _htseq,
    Source.STAR: _star,
    Source.RSEM: _rsem,
    Source.SALMON: _salmon,
    Source.GDC: _gdc,
    Source.MATRIX: _matrix,
}


def _only(path: Path, source: Source, unit: Unit | None, own: Unit) -> None:
    if unit not in (None, own):
        reason = (
            "its TPM rest on effective lengths and are taken as they are" if own is Unit.TPM else "it has counts only"
        )
        raise CohortRejected(f"{path.name} is a table of {source}: {reason}; leave --values out, or say {own}.")


def _unassigned(lost: float, total: float, path: Path) -> tuple[str, ...]:
    if total <= 0 or lost <= 0.5 * total:
        return ()
    share = f"{100 * lost / total:.0f} %"
    return (f"{share} of the reads of {sample_name(path)} belong to no gene; check annotation and strand.",)


def _joined(parts: list[Expression], paths: Sequence[Path]) -> Expression:
    """Several files side by side; their genes must be the same, in any order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    columns, rows_of_first = [first.values], {gene: row for row, gene in enumerate(first.identifiers)}
    for part, path in zip(parts[1:], paths[1:], strict=True):
        if part.identifiers == first.identifiers:
            columns.append(part.values)
            continue
        common = rows_of_first.keys() & set(part.identifiers)
        if len(part.identifiers) != len(first.identifiers) or len(common) != len(rows_of_first):
            raise CohortRejected(
                f"{path.name} has {len(part.identifiers):,} {agreeing(len(part.identifiers), 'gene')} and "
                f"{paths[0].name} {len(first.identifiers):,}, {len(common):,} of them the same; files that were "
                "counted with one annotation were expected."
            )
        order = np.argsort([rows_of_first[gene] for gene in part.identifiers])
        columns.append(part.values[order])
    return replace(
        first,
        samples=tuple(sample for part in parts for sample in part.samples),
        values=np.hstack(columns),
        remarks=tuple(remark for part in parts for remark in part.remarks),
    )


def _checked(expression: Expression, *, adds_duplicates: bool) -> Expression:
    twice = [name for name in dict.fromkeys(expression.samples) if expression.samples.count(name) > 1]
    if twice:
        raise CohortRejected(
            f"{len(twice)} of the {counted(len(set(expression.samples)), 'sample')} "
            f"{agreeing(len(twice), 'is', 'are')} there more than once (by place, the first is column "
            f"{expression.samples.index(twice[0]) + 1}); each was expected once. Rename or leave out."
        )
    check_identifiers(expression.identifiers)
    values, unit = check_values(expression.values, expression.unit)
    expression = replace(expression, values=values, unit=unit)
    doubled = duplicates(expression.identifiers)
    if not doubled:
        return expression
    if not adds_duplicates:
        raise CohortRejected(
            f"{len(doubled):,} {agreeing(len(doubled), 'gene is', 'genes are')} there more than once (such as "
            f"{', '.join(doubled[:3])}); give identifiers such as ENSG00000257671, which are unique, or add their rows "
            "up with --add-duplicates."
        )
    return _added_up(expression, len(doubled))


def duplicates(identifiers: Sequence[str]) -> list[str]:
    """Identifiers that are there more than once, versions apart."""
    counts: dict[str, int] = {}
    for identifier in identifiers:
        key = stable_id(identifier)
        counts[key] = counts.get(key, 0) + 1
    return [key for key, count in counts.items() if count > 1]


def _added_up(expression: Expression, doubled: int) -> Expression:
    keys = [stable_id(one) for one in expression.identifiers]
    first = list(dict.fromkeys(keys))
    row_of = {key: row for row, key in enumerate(first)}
    added = np.zeros((len(first), expression.values.shape[1]))
    np.add.at(added, [row_of[key] for key in keys], expression.values)
    place = {key: index for index, key in reversed(list(enumerate(keys)))}
    kept = expression.genes(np.array([place[key] for key in first]))
    remark = (
        f"{doubled:,} {agreeing(doubled, 'gene was', 'genes were')} there more than once; the "
        f"{len(keys) - len(first) + doubled:,} rows were added up, and the length of the first was kept."
    )
    return replace(kept, values=added, remarks=(*expression.remarks, remark))
