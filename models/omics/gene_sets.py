"""Gene sets: GMT files, and the table of 28 immune cell types of Charoentong et al. in its own shape.

Sets are joined with the genes of a table by identifier, or by symbol where one gene alone has it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import rows_of
from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.omics.annotation import stable_id

FEW = 0.5  # of a set's genes; a set of which fewer are there is named


@dataclass(frozen=True)
class GeneSet:
    """A set as in a file: its genes once each, in their order."""

    name: str
    description: str
    genes: tuple[str, ...]


@dataclass(frozen=True)
class SetFile:
    """The sets of a file.

    Attributes
    ----------
    source : name of the file
    sets : different names
    remarks : sentences about the file
    """

    source: str
    sets: tuple[GeneSet, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """Sets as rows of a table of genes; sets without a gene in the table are not among them.

    Attributes
    ----------
    names : of the sets
    members : for each set, the rows of its genes, in ascending order
    sizes : for each set, the number of genes in its file
    absent : names of the sets of which no gene is in the table, or fewer than the smallest size
    ambiguous : symbols of the sets that more than one gene of the table has; they belong to no set
    remarks : sentences about the match
    """

    names: tuple[str, ...]
    members: tuple[NDArray[np.int64], ...]
    sizes: tuple[int, ...]
    absent: tuple[str, ...]
    ambiguous: tuple[str, ...]
    remarks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each set's genes that are in the table."""
        return tuple(len(rows) / size for rows, size in zip(self.members, self.sizes, strict=True))


def read_gene_sets(path: Path) -> SetFile:
    """Reads a GMT, or the table of Charoentong et al. (columns Metagene and Cell type).

    Raises
    ------
    CohortRejected
        When the file is neither.
    """
    if not path.is_file():
        raise CohortRejected(f"{path} does not exist, or is no file; give gene sets as GMT.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give gene sets as GMT.") from error
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")  # tables that a spreadsheet saved
    rows = text.splitlines()
    heading = next((number for number, row in enumerate(rows[:20]) if _is_heading(row)), None)
    found = _gmt(rows, path.name) if heading is None else _cell_types(rows[heading:], path.name)
    if not found.sets:
        raise CohortRejected(f"{path.name} has no gene set; lines of name, description and genes were expected.")
    return found


def _is_heading(row: str) -> bool:
    return {"metagene", "cell type"} <= {cell.strip(' "').lower() for cell in row.replace(",", "\t").split("\t")}


def _gmt(rows: Sequence[str], source: str) -> SetFile:
    """Name, description, genes, separated by tabs; two descriptions of one name are refused."""
    sets: dict[str, GeneSet] = {}
    doubled = repeated = 0
    empty = []
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        cells = [cell.strip() for cell in row.split("\t")]
        if len(cells) < 2:
            raise CohortRejected(
                f"{source}: line {number} has no tab; a GMT has name, description and genes, separated by tabs."
            )
        name, genes = cells[0], [gene.split(",")[0] if "," in gene else gene for gene in cells[2:] if gene]
        if not name:
            raise CohortRejected(f"{source}: line {number} has no name of a set.")
        once = tuple(dict.fromkeys(genes))
        repeated += len(genes) - len(once)
        if not once:
            empty.append(name)
        elif name in sets:
            if set(sets[name].genes) != set(once):
                raise CohortRejected(
                    f"{source} has two sets called '{name}' with {len(sets[name].genes)} and "
                    f"{counted(len(once), 'gene')}; give each a name of its own."
                )
            doubled += 1
        else:
            sets[name] = GeneSet(name, cells[1], once)
    remarks = _counted(
        repeated, "gene is duplicated within its set and counts", "genes are duplicated within their set and count"
    )
    remarks += _counted(doubled, "set is duplicated and counts", "sets are duplicated and count")
    if empty:
        remarks.append(
            f"{len(empty):,} {agreeing(len(empty), 'set')} of {source} without a gene: left out ({_some(empty)})."
        )
    return SetFile(source, tuple(sets.values()), tuple(remarks))


def _cell_types(rows: Sequence[str], source: str) -> SetFile:
    """A gene and its cell type in each row; slips of the published table ("memeory", double spaces) are mended."""
    delimiter = "\t" if "\t" in rows[0] else ","
    try:
        header, *cells = rows_of(rows, delimiter=delimiter)
    except csv.Error as error:
        raise CohortRejected(f"{source} is no table separated by tabs or commas: {error}.") from error
    names = [name.strip().lower() for name in header]
    gene_column, type_column = names.index("metagene"), names.index("cell type")
    immunity = names.index("immunity") if "immunity" in names else None
    found: dict[str, tuple[str, list[str]]] = {}
    for row in cells:
        if len(row) <= max(gene_column, type_column) or not row[gene_column].strip():
            continue
        kind = mended(row[type_column])
        about = row[immunity].strip() if immunity is not None and immunity < len(row) else ""
        found.setdefault(kind, (about, []))[1].append(row[gene_column].strip())
    sets = tuple(GeneSet(kind, about, tuple(dict.fromkeys(genes))) for kind, (about, genes) in found.items())
    repeated = sum(len(genes) for _, genes in found.values()) - sum(len(one.genes) for one in sets)
    remarks = _counted(
        repeated,
        "gene is duplicated within its cell type and counts",
        "genes are duplicated within their cell type and count",
    )
    return SetFile(source, sets, tuple(remarks))


def mended(cell_type: str) -> str:
    """Name of a cell type without the slips of the published table."""
    return " ".join(cell_type.split()).replace("memeory", "memory")


def match_sets(
    files: Sequence[SetFile],
    identifiers: Sequence[str],
    names: Sequence[str] | None = None,
    *,
    smallest: int = 1,
    largest: int | None = None,
) -> MatchedSets:
    """Finds the genes of the sets in a table.

    Parameters
    ----------
    files : their sets are taken together
    identifiers, names : of the genes of the table; the names may be shared
    smallest, largest : sets with fewer or more genes in the table are left out

    Raises
    ------
    CohortRejected
        When two files have sets of one name, or no set has a gene in the table.
    """
    sets = [(one, file.source) for file in files for one in file.sets]
    owners: dict[str, str] = {}
    for one, source in sets:
        if owners.setdefault(one.name, source) != source:
            raise CohortRejected(f"{owners[one.name]} and {source} both have a set called '{one.name}'; rename one.")
    row_of = {stable_id(identifier): row for row, identifier in enumerate(identifiers)}
    rows_of_name: dict[str, list[int]] = {}
    for row, name in enumerate(names if names is not None else identifiers):
        rows_of_name.setdefault(name, []).append(row)
    ambiguous: dict[str, None] = {}
    kept: list[tuple[str, NDArray[np.int64], int]] = []
    absent, too_large = [], []
    for one, _ in sets:
        rows: set[int] = set()
        for gene in one.genes:
            by_id = row_of.get(stable_id(gene))
            found = rows_of_name.get(gene, []) if by_id is None else [by_id]
            if len(found) > 1:
                ambiguous[gene] = None
            rows.update(found[:1] if len(found) == 1 else ())
        if len(rows) < max(1, smallest):
            absent.append(one.name)
        elif largest is not None and len(rows) > largest:
            too_large.append(one.name)
        else:
            kept.append((one.name, np.array(sorted(rows), dtype=np.int64), len(one.genes)))
    if not kept:
        given = next((gene for one, _ in sets for gene in one.genes), "")
        raise CohortRejected(
            f"None of the {len(sets):,} {agreeing(len(sets), 'set')} has {counted(max(1, smallest), 'gene')} in the "
            f"table: the sets name genes as '{given}', the table as '{(names or identifiers)[0]}'. Give sets and table "
            "with the same kind of names."
        )
    few = [name for name, rows, size in kept if len(rows) < FEW * size]
    all_sets = f"{len(sets):,} {agreeing(len(sets), 'set')}"
    remarks = [remark for file in files for remark in file.remarks]
    if absent:
        remarks.append(
            f"{len(absent):,} of {all_sets} {agreeing(len(absent), 'has', 'have')} fewer than "
            f"{counted(max(1, smallest), 'gene')} in the table and {agreeing(len(absent), 'was', 'were')} left out: "
            f"{_some(absent)}."
        )
    if too_large:
        have, were = agreeing(len(too_large), "has", "have"), agreeing(len(too_large), "was", "were")
        remarks.append(
            f"{len(too_large):,} of {all_sets} {have} more than {counted(largest, 'gene')} and {were} left out."
        )
    if few:
        sets_of = agreeing(len(few), "set")
        remarks.append(f"Of {len(few):,} {sets_of} fewer than half of the genes are in the table: {_some(few)}.")
    if ambiguous:
        symbols = agreeing(len(ambiguous), "symbol")
        remarks.append(
            f"{len(ambiguous):,} {symbols} of the sets left out, since more than one gene of the table has it: "
            f"{_some(list(ambiguous))}. Sets with identifiers are not ambiguous."
        )
    return MatchedSets(
        names=tuple(name for name, _, _ in kept),
        members=tuple(rows for _, rows, _ in kept),
        sizes=tuple(size for _, _, size in kept),
        absent=tuple(absent),
        ambiguous=tuple(ambiguous),
        remarks=tuple(remarks),
    )


def _counted(count: int, one: str, many: str) -> list[str]:
    return [f"{count:,} {agreeing(count, one, many)} once."] if count else []


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
