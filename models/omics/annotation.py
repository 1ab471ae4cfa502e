"""Annotation of genes from a GTF: names, biotypes and union-exon lengths, kept as a small Parquet table.

The length of a gene is the number of bases that its exons cover together (featureCounts' Length, the width of
`GenomicRanges::reduce`): neither its longest transcript nor the sum of its exons.
"""

from __future__ import annotations

import difflib
import gzip
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from models.errors import CohortRejected
from models.files import SHARED, write_output
from models.number_words import agreeing, counted

# Until GENCODE 30 long non-coding RNAs had many biotypes, in Ensembl as well; since 31 there is one. TEC, misc_RNA,
# pseudogenes and miRNA are none of them.
LNCRNA_BIOTYPES = frozenset(
    {
        "lncRNA",
        "lincRNA",
        "antisense",
        "antisense_RNA",
        "sense_intronic",
        "sense_overlapping",
        "3prime_overlapping_ncRNA",
        "3prime_overlapping_ncrna",
        "macro_lncRNA",
        "bidirectional_promoter_lncRNA",
        "bidirectional_promoter_lncrna",
        "non_coding",
        "processed_transcript",
    }
)
_VERSION = re.compile(r"^(ENS[A-Z]*\d+)\.\d+")
_ATTRIBUTE = re.compile(rb'(\w+) "?([^";]*)"?;?')
_GENE_ID = re.compile(rb'gene_id "([^"]+)"')
_CHROMOSOMES = {*map(str, range(1, 23)), "X", "Y", "M"}
_COLUMNS = ("id", "name", "biotype", "chromosome", "length")
_FORMAT = "rdeepnet genes 1"


def stable_id(identifier: str) -> str:
    """Identifier of a gene without its version; `_PAR_Y` stays: that copy is a gene of its own."""
    return _VERSION.sub(r"\1", identifier)


@dataclass(frozen=True, eq=False)
class Annotation:
    """Genes of one release.

    Attributes
    ----------
    source : name of the GTF
    release : as its first lines state it; empty where they do not
    identifiers : as in the file, with their versions; different
    names : symbols; two genes may share one
    biotypes : of the genes; empty texts where the file has none
    chromosomes : where they lie
    lengths : int64 (genes,), bases covered by exons
    remarks : sentences about the file
    """

    source: str
    release: str
    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    biotypes: tuple[str, ...]
    chromosomes: tuple[str, ...]
    lengths: NDArray[np.int64]
    remarks: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.identifiers)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each identifier without version."""
        return {stable_id(identifier): row for row, identifier in enumerate(self.identifiers)}

    @cached_property
    def rows_of_names(self) -> dict[str, list[int]]:
        """Rows of each name."""
        found: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            found.setdefault(name, []).append(row)
        return found

    @cached_property
    def is_lncrna(self) -> NDArray[np.bool_]:
        """True for long non-coding RNAs: (genes,)."""
        return np.array([biotype in LNCRNA_BIOTYPES for biotype in self.biotypes], dtype=np.bool_)


def find_gene(text: str, identifiers: Iterable[str], names: Iterable[str]) -> int:
    """Row of the gene that a text names, by identifier (with or without version) or by name.

    Raises
    ------
    CohortRejected
        When no gene, or more than one, has that name.
    """
    wanted, ids, symbols = stable_id(text), [stable_id(one) for one in identifiers], list(names)
    rows = [row for row, one in enumerate(ids) if one == wanted] or [
        row for row, name in enumerate(symbols) if name == text
    ]
    if len(rows) > 1:
        raise CohortRejected(
            f"{counted(len(rows), 'gene is', 'genes are')} called '{text}' "
            f"({', '.join(ids[row] for row in rows[:5])}); name one by its identifier."
        )
    if not rows:
        near = difflib.get_close_matches(text, {*symbols, *ids}, n=3)
        advice = f"near to it: {', '.join(near)}" if near else "give its identifier, such as ENSG00000257671"
        raise CohortRejected(f"None of the {len(ids):,} {agreeing(len(ids), 'gene')} is called '{text}'; {advice}.")
    return rows[0]


def read_gtf(path: Path) -> Annotation:
    """Reads a GTF of GENCODE, Ensembl or of the same form, also compressed (.gz), line by line.

    Raises
    ------
    CohortRejected
        When the file does not exist, ends too early, or is no GTF.
    """
    genes, comments = _Genes(path.name), list[str]()
    with _opened(path) as stream:
        number, line = 0, b"\n"
        for number, line in enumerate(_lines(stream, path), start=1):
            if line[:1] == b"#":
                if len(comments) < 20:
                    comments.append(line.decode("utf-8", "replace").strip("#! \r\n"))
            elif b"\texon\t" in line or b"\tgene\t" in line:
                genes.add(line, number)
            elif number <= 200 and line.strip() and line.count(b"\t") != 8:
                raise CohortRejected(
                    f"{path.name}: line {number} has {counted(line.count(bytes([9])) + 1, 'column')}; the 9 columns of "
                    "a GTF, separated by tabs, were expected."
                )
        if line[-1:] != b"\n":
            raise CohortRejected(
                f"{path.name} ends inside line {number:,}, without a line end: it is truncated; fetch it again and "
                "compare its size. Where the size is right, add the line end."
            )
    return genes.annotation(comments)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not path.is_file():
        raise CohortRejected(f"{path} does not exist, or is no file; give the GTF of your annotation.")
    try:
        with path.open("rb") as raw:
            if raw.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream  # type: ignore[misc]
            else:
                yield raw
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror or error}); give the GTF again.") from error


def _lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    number = 0
    try:
        for number, line in enumerate(stream, start=1):  # noqa: B007
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CohortRejected(
            f"{path.name} ends too early, after {number:,} whole lines: the compressed file is truncated or damaged; "
            "fetch it again and compare its size."
        ) from error


class _Genes:
    """Genes met so far, with their exons."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.facts: dict[bytes, tuple[str, str, str, str]] = {}  # identifier, name, biotype, chromosome
        self.has_line: set[bytes] = set()
        self.exons: dict[bytes, dict[bytes, array[int]]] = {}  # gene → chromosome → start, end, start, end, …

    def add(self, line: bytes, number: int) -> None:
        cells = line.split(b"\t", 8)
        if len(cells) != 9 or cells[2] not in (b"exon", b"gene"):
            if len(cells) == 9:
                return
            raise CohortRejected(
                f"{self.source}: line {number:,} has {counted(len(cells), 'column')}; the 9 columns of a GTF were "
                "expected. The file is truncated or no GTF."
            )
        match = _GENE_ID.search(cells[8])
        if match is None:
            kind = "a GFF3" if b"ID=" in cells[8] or b"gene_id=" in cells[8] else "no GTF"
            raise CohortRejected(
                f"{self.source}: line {number:,} has no gene_id; it is {kind}. Give the GTF of the release."
            )
        gene = match[1]
        if cells[2] == b"gene":
            self.facts[gene] = _facts(gene, cells[0], cells[8])
            self.has_line.add(gene)
            return
        if gene not in self.facts:
            self.facts[gene] = _facts(gene, cells[0], cells[8])
        try:
            start, end = int(cells[3]), int(cells[4])
        except ValueError:
            start, end = 0, -1
        if not 0 < start <= end:
            begins, ends = (cell.decode("utf-8", "replace")[:20] for cell in cells[3:5])
            raise CohortRejected(
                f"{self.source}: the exon of line {number:,} begins at '{begins}' and ends at '{ends}'; two positions "
                "in order were expected."
            )
        self.exons.setdefault(gene, {}).setdefault(cells[0], array("q")).extend((start, end))

    def annotation(self, comments: list[str]) -> Annotation:
        if not self.exons:
            raise CohortRejected(f"{self.source} has no exon of a gene; give the GTF with all exons.")
        bare = [gene for gene in self.facts if gene not in self.exons]
        if bare:
            raise CohortRejected(
                f"{self.source}: {len(bare):,} of {len(self.facts):,} {agreeing(len(self.facts), 'gene')} "
                f"{agreeing(len(bare), 'has', 'have')} no exon (the last is {bare[-1].decode()}); the file is "
                "truncated, or exons were filtered out. Fetch it again."
            )
        facts = list(self.facts.values())
        lengths = [sum(map(union_length, self.exons[gene].values())) for gene in self.facts]
        return Annotation(
            source=self.source,
            release=_release(comments),
            identifiers=tuple(one[0] for one in facts),
            names=tuple(one[1] for one in facts),
            biotypes=tuple(one[2] for one in facts),
            chromosomes=tuple(one[3] for one in facts),
            lengths=np.array(lengths, dtype=np.int64),
            remarks=self._remarks(facts),
        )

    def _remarks(self, facts: list[tuple[str, str, str, str]]) -> tuple[str, ...]:
        remarks = []
        there = {chromosome.removeprefix("chr").replace("MT", "M") for *_, chromosome in facts}
        missing = _CHROMOSOMES - there
        if missing:
            remarks.append(
                f"The annotation has genes on {len(there & _CHROMOSOMES)} of the 25 human chromosomes (not on "
                f"{', '.join(sorted(missing, key=lambda one: (not one.isdigit(), one.zfill(2)))[:5])}"
                f"{', …' if len(missing) > 5 else ''}); if it should be whole, the file was cut at a line end."
            )
        without = sum(not one[2] for one in facts)
        if without:
            remarks.append(
                f"{without:,} of {len(facts):,} {agreeing(len(facts), 'gene')} {agreeing(without, 'has', 'have')} "
                "neither gene_type nor gene_biotype; long non-coding RNAs cannot be told among "
                f"{agreeing(without, 'it', 'them')}."
            )
        if lacking := len(facts) - len(self.has_line):
            remarks.append(
                f"{lacking:,} {agreeing(lacking, 'gene has', 'genes have')} no line in the file; known is what the "
                "first exon says."
            )
        shared = len(facts) - len({one[1] for one in facts})
        if shared:
            sharing = agreeing(shared, "gene shares its name", "genes share their name")
            remarks.append(f"{shared:,} {sharing} with another; genes are told apart by identifier.")
        return tuple(remarks)


def _facts(gene: bytes, chromosome: bytes, attributes: bytes) -> tuple[str, str, str, str]:
    values = {key: value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(attributes)}
    identifier = gene.decode("utf-8", "replace")
    if "." not in identifier and (version := values.get(b"gene_version")):
        identifier = f"{identifier}.{version}"
    biotype = values.get(b"gene_type") or values.get(b"gene_biotype") or ""
    return identifier, values.get(b"gene_name") or stable_id(identifier), biotype, chromosome.decode("utf-8", "replace")


def union_length(exons: MutableSequence[int]) -> int:
    """Bases covered by exons [start, end, start, end, …], ends included."""
    pairs = np.array(exons, dtype=np.int64).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    reached = np.maximum.accumulate(pairs[:, 1])
    begins = pairs[:, 0].copy()
    begins[1:] = np.maximum(begins[1:], reached[:-1] + 1)
    return int(np.maximum(reached - begins + 1, 0).sum()) if len(pairs) else 0


def _release(comments: list[str]) -> str:
    text = " ".join(comments)
    if match := re.search(r"version (\d+\w*)", text):
        return f"GENCODE {match[1]}"
    if match := re.search(r"GENCODE v?(\d+\w*)", text):
        return f"GENCODE {match[1]}"
    if match := re.search(r"genome-(?:build|version) (\S+)", text):
        return f"Ensembl, {match[1]}"
    return ""


def write_annotation(annotation: Annotation, path: Path) -> None:
    """Writes the genes as a Parquet table: id, name, biotype, chromosome, length.

    Raises
    ------
    NotWritable
        When it cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    columns = (
        list(annotation.identifiers),
        list(annotation.names),
        list(annotation.biotypes),
        list(annotation.chromosomes),
        annotation.lengths,
    )
    about = {"format": _FORMAT, "source": annotation.source, "release": annotation.release}
    about["remarks"] = "\n".join(annotation.remarks)
    table = pyarrow.table(dict(zip(_COLUMNS, columns, strict=True))).replace_schema_metadata(about)
    stream = pyarrow.BufferOutputStream()
    parquet.write_table(table, stream, compression="zstd")
    write_output(path, stream.getvalue().to_pybytes(), mode=SHARED)


def read_annotation(path: Path) -> Annotation:
    """Reads what `write_annotation` wrote, or a GTF.

    Raises
    ------
    CohortRejected
        When it is neither.
    """
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise CohortRejected(f"{path} does not exist, or is no file; rdeepnet annotation makes it from a GTF.")
    if path.suffix != ".parquet":
        return read_gtf(path)
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise CohortRejected(f"{path.name} is not a Parquet file: {error}.") from error
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if about.get("format") != _FORMAT or tuple(table.column_names) != _COLUMNS:
        raise CohortRejected(
            f"{path.name} is no annotation of this version; make it with rdeepnet annotation from your GTF."
        )
    identifiers, names, biotypes, chromosomes = (tuple(table.column(name).to_pylist()) for name in _COLUMNS[:4])
    return Annotation(
        source=about["source"],
        release=about["release"],
        identifiers=identifiers,
        names=names,
        biotypes=biotypes,
        chromosomes=chromosomes,
        lengths=table.column("length").to_numpy(),
        remarks=tuple(about["remarks"].splitlines()),
    )
