"""Expression of a cohort as TPM with names and biotypes, from tables of any program and an annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import lines
from models.errors import CohortRejected
from models.files import PRIVATE, write_output
from models.number_words import agreeing
from models.omics.annotation import LNCRNA_BIOTYPES, Annotation, find_gene, stable_id
from models.omics.tables import Expression, Source, Strand
from models.omics.tpm import Floats, tpm
from models.omics.values import Unit

_MOST_WITHOUT_LENGTH = 0.02  # of the reads or genes; more says that the annotation is another release
_SAME_LENGTH = 0.99  # of the genes, for the lengths of table and annotation to be of one release


@dataclass(frozen=True, eq=False)
class GeneTable:
    """TPM of all genes that were counted.

    Attributes
    ----------
    identifiers : of the genes, different
    names, biotypes : of the genes; the identifier, and an empty text, where they are not known
    samples : names of the samples
    tpm : float64 (genes, samples)
    strand : strandedness of the library
    made_from : how the TPM came about, a sentence
    remarks : sentences about the tables
    """

    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    biotypes: tuple[str, ...]
    samples: tuple[str, ...]
    tpm: Floats
    strand: Strand
    made_from: str
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.identifiers)

    @cached_property
    def is_lncrna(self) -> NDArray[np.bool_]:
        """True for long non-coding RNAs: (genes,)."""
        return np.array([biotype in LNCRNA_BIOTYPES for biotype in self.biotypes], dtype=np.bool_)

    def row(self, gene: str) -> int:
        """Row of a gene by identifier or name; errors as `find_gene`."""
        return find_gene(gene, self.identifiers, self.names)

    def of_genes(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> GeneTable:
        """Some of the genes; their TPM stay shares of all genes."""
        rows = np.arange(len(self))[chosen].tolist()
        return replace(
            self,
            identifiers=tuple(self.identifiers[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
            biotypes=tuple(self.biotypes[row] for row in rows),
            tpm=self.tpm[rows],
        )

    def of_samples(self, columns: Sequence[int]) -> GeneTable:
        """Some of the samples, in the requested order."""
        return replace(self, samples=tuple(self.samples[one] for one in columns), tpm=self.tpm[:, list(columns)])

    def antisense_caution(self, gene: str) -> str | None:
        """Sentence where the strand of the library leaves open from which strand the reads of an antisense gene are."""
        if not gene.endswith(("-AS", "-AS1", "-AS2", "-AS3")) or self.strand in (Strand.FORWARD, Strand.REVERSE):
            return None
        partner = gene.rsplit("-AS", 1)[0]
        library = "is not stranded" if self.strand is Strand.UNSTRANDED else "may not be stranded (not stated)"
        return (
            f"{gene} lies antisense to {partner}, and the library {library}: reads of {partner} may be counted for "
            f"{gene} as well."
        )


def gene_table(expression: Expression, annotation: Annotation | None = None) -> GeneTable:
    """TPM of an expression table: counts over the lengths of the table or the annotation; TPM as they are.

    Raises
    ------
    CohortRejected
        When lengths are needed and not there, or the annotation is of another release.
    """
    if expression.unit is Unit.COUNTS and expression.lengths is None and annotation is None:
        raise CohortRejected(
            f"Counts of {expression.source} have no gene lengths; give the annotation they were counted with "
            "(--annotation, from rdeepnet annotation)."
        )
    known = _rows(expression, annotation) if annotation is not None else None
    remarks = list(expression.remarks)
    if annotation is not None and known is not None:
        remarks += _compare(expression, annotation, known)
    if expression.unit is Unit.TPM:
        given = expression.source is Source.MATRIX
        values = expression.values
        made_from = "TPM of a matrix, as given." if given else f"TPM as {expression.source} wrote them."
    elif expression.lengths is not None:
        values = tpm(expression.values, expression.lengths)
        made_from = f"TPM of counts of {expression.source}, with the gene lengths of its table."
    else:
        assert annotation is not None
        assert known is not None
        found = known >= 0
        expression, known = expression.genes(found), known[found]
        values = tpm(expression.values, annotation.lengths[known])
        made_from = (
            f"TPM of counts of {expression.source}, with union-exon lengths of {annotation.source}"
            f"{f' ({annotation.release})' if annotation.release else ''}."
        )
    names, biotypes = _facts(expression, annotation, known)
    return GeneTable(
        identifiers=expression.identifiers,
        names=names,
        biotypes=biotypes,
        samples=expression.samples,
        tpm=values,
        strand=expression.strand,
        made_from=made_from,
        remarks=tuple(remarks),
    )


def _rows(expression: Expression, annotation: Annotation) -> NDArray[np.intp]:
    """Row of each gene in the annotation, by identifier, else by a name that one gene has; -1 where it is not there."""
    by_id, by_name = annotation.rows, annotation.rows_of_names
    found = np.full(len(expression.identifiers), -1, dtype=np.intp)
    for place, identifier in enumerate(expression.identifiers):
        row = by_id.get(stable_id(identifier))
        named = by_name.get(identifier, []) if row is None else []
        if row is not None or len(named) == 1:
            found[place] = named[0] if row is None else row
    return found


def _compare(expression: Expression, annotation: Annotation, known: NDArray[np.intp]) -> list[str]:
    """Remarks about table and annotation; refuses an annotation that is needed and does not fit."""
    total, missing = len(known), int(np.count_nonzero(known < 0))
    remarks = []
    if missing:
        lost = float(expression.values[known < 0].sum() / max(expression.values.sum(), 1e-300))
        example = ", ".join(one for one, row in zip(expression.identifiers, known, strict=True) if row < 0)
        known_genes = f"{len(annotation):,} {agreeing(len(annotation), 'gene')}"
        sentence = (
            f"{missing:,} of the {total:,} {agreeing(total, 'gene')} of the expression, with {100 * lost:.2g} % of it, "
            f"{agreeing(missing, 'is', 'are')} not in {annotation.source} ({known_genes}"
            f"{', ' + annotation.release if annotation.release else ''}; missing {agreeing(missing, 'is', 'are')} "
            f"{example[:60]}{'…' if len(example) > 60 else ''})"
        )
        needs_lengths = expression.unit is Unit.COUNTS and expression.lengths is None
        if missing == total or (needs_lengths and max(lost, missing / total) > _MOST_WITHOUT_LENGTH):
            raise CohortRejected(
                f"{sentence}: it is another release, or truncated. Give the annotation the reads were counted with."
            )
        left_out = agreeing(missing, "; it was left out", "; they were left out") if needs_lengths else ""
        remarks.append(f"{sentence}{left_out}.")
    rows = known[known >= 0]
    if expression.lengths is not None and rows.size:
        same = float(np.mean(expression.lengths[known >= 0] == annotation.lengths[rows]))
        if same < _SAME_LENGTH:
            remarks.append(
                f"{100 * (1 - same):.0f} % of the genes have another length in {annotation.source} than in the table "
                f"of {expression.source}: the annotation is another release. The table's lengths were used; names and "
                "biotypes are the annotation's."
            )
    else:
        versions = _other_versions(expression, annotation, known)
        if versions > 0.05:
            remarks.append(
                f"{100 * versions:.0f} % of the genes have another version in {annotation.source} than in the table: "
                "the annotation is probably another release."
            )
    return remarks


def _other_versions(expression: Expression, annotation: Annotation, known: NDArray[np.intp]) -> float:
    pairs = [
        (one, annotation.identifiers[row])
        for one, row in zip(expression.identifiers, known.tolist(), strict=True)
        if row >= 0 and "." in one and "." in annotation.identifiers[row]
    ]
    return sum(one != other for one, other in pairs) / len(pairs) if pairs else 0.0


def _facts(
    expression: Expression, annotation: Annotation | None, known: NDArray[np.intp] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and biotypes: the annotation's, else the table's, else the identifier and an empty text."""
    names = list(expression.names or expression.identifiers)
    names = [name or identifier for name, identifier in zip(names, expression.identifiers, strict=True)]
    biotypes = list(expression.biotypes or ("",) * len(names))
    if annotation is not None and known is not None:
        for place, row in enumerate(known.tolist()):
            if row >= 0:
                names[place], biotypes[place] = annotation.names[row], annotation.biotypes[row]
    return tuple(names), tuple(biotypes)


def write_gene_table(table: GeneTable, path: Path) -> None:
    """Writes `gene,gene_name,gene_type`, then the TPM of each sample: a matrix that `read_expression` takes back.

    Raises
    ------
    CohortRejected
        When the name ends neither in .csv nor in .parquet.
    NotWritable
        When it cannot be written.
    """
    header = ["gene", "gene_name", "gene_type", *table.samples]
    if path.suffix == ".csv":
        facts = zip(table.identifiers, table.names, table.biotypes, table.tpm, strict=True)
        rows = ([gene, name, biotype, *values.tolist()] for gene, name, biotype, values in facts)
        content = "".join(lines([header, *rows])).encode()
    elif path.suffix == ".parquet":
        content = _parquet(table, header)
    else:
        raise CohortRejected(f"'{path.name}' ends neither in .csv nor in .parquet; name one of both.")
    write_output(path, content, mode=PRIVATE)


def _parquet(table: GeneTable, header: list[str]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    columns = [list(table.identifiers), list(table.names), list(table.biotypes), *table.tpm.T]
    stream = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns, names=header), stream, compression="zstd")
    content: bytes = stream.getvalue().to_pybytes()
    return content
