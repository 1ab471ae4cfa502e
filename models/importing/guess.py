"""Guesses the schema of a table from the names and cells of its columns; a person reads and corrects it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from models.errors import CohortRejected, SetupError
from models.importing.cell_numbers import is_empty, is_number
from models.importing.cells import FILE, INDEX, Cells
from models.importing.formats import DIAGNOSTICS, SEGMENT, is_mirp, is_pyradiomics
from models.importing.schema import ColumnRole, ColumnRule, RowRule, Schema, SourceFormat

SEQUENCE, REGION = "image", "roi"  # where nobody says of what the rows are
_PATIENT = re.compile(r"(?:patient|subject|case|sample|study)?[ _-]*(?:id|name|identifier|number)?|pid|mrn|accession")
# Words of the columns of a case file of PyRadiomics and of a table of Slicer.
_ABOUT = frozenset({"Image", "Mask", "Label", "Label_channel", "Reader", SEGMENT})
_OUTCOME = re.compile(
    r"(?:status|times?|days|months|years|label|target|duration)$"
    r"|.*?(?:^|[ _-])(?:events?|time|followup|follow|fu|rfs|dfs|dss|pfs|os|efs|dmfs|survival|surv|death|dead|died"
    r"|deceased|alive|vital|relapsed?|recurrence|recurred|progression|censor|censored|outcome|cohort|split|krt7|pcr)"
    r"(?:$|[ _-])"
)


@dataclass(frozen=True)
class Guess:
    """A schema with what is doubtful about it.

    Attributes
    ----------
    schema : usable as it is where `is_certain`
    is_certain : every feature is named as its program names it, and the patient is in a column that says so
    left_out : columns that a person must decide about: no feature of the program, nor its provenance
    remarks : column → comment for a reader of the schema
    """

    schema: Schema
    is_certain: bool
    left_out: tuple[str, ...]
    remarks: Mapping[str, str] = field(default_factory=dict)

    def as_features_only(self) -> Schema:
        """The schema without what a person has not decided: columns of no program stay out."""
        out = ColumnRule(ColumnRole.IGNORE)
        columns = {name: out if name in self.left_out else rule for name, rule in self.schema.columns.items()}
        return replace(self.schema, columns=columns)


def guess(cells: Cells, source: SourceFormat, *, patient: str = "") -> Guess:
    """The schema of a table; Slicer's are turned before.

    Parameters
    ----------
    patient : column with the patient; "": guessed

    Raises
    ------
    CohortRejected
        When no column can be the patient.
    """
    patient, is_patient = (patient, True) if patient else _patient(cells, source)
    columns: dict[str, ColumnRule] = {}
    remarks: dict[str, str] = {}
    left_out = []
    for name in cells.header:
        if name == FILE:
            continue
        if name == patient:
            columns[name], remarks[name] = ColumnRule(ColumnRole.IGNORE), "the patient"
            continue
        role = _known_role(name, source)
        if role is not None:
            columns[name] = ColumnRule(role)
            continue
        left_out.append(name)
        columns[name], remark = _other(cells, name)
        if remark:
            remarks[name] = remark
    has_features = any(rule.role is ColumnRole.FEATURE for rule in columns.values())
    every = RowRule(every=SEQUENCE), RowRule(every=REGION)
    schema = Schema(
        format=source,
        patient=patient,
        columns=columns,
        sequence=every[0] if has_features else RowRule(),
        region=(_segments(cells) if source is SourceFormat.SLICER else every[1]) if has_features else RowRule(),
    )
    return Guess(
        schema,
        is_certain=is_patient and has_features and source is not SourceFormat.TABLE,
        left_out=tuple(left_out),
        remarks=remarks,
    )


def told(guessed: Guess, *, sequence: str = "", region: str = "") -> Guess:
    """A guess with what the command line says of all rows; empty texts change nothing.

    Raises
    ------
    CohortRejected
        When one is no word of a schema.
    """
    schema = guessed.schema
    try:
        changed = replace(
            schema,
            sequence=RowRule(every=sequence) if sequence else schema.sequence,
            region=RowRule(every=region) if region else schema.region,
        )
    except SetupError as error:
        raise CohortRejected(f"--sequence or --region: {error}.") from error
    return replace(guessed, schema=changed)


def _patient(cells: Cells, source: SourceFormat) -> tuple[str, bool]:
    """The column with the patient, and whether its name says so."""
    if source is SourceFormat.SLICER:
        return FILE, True  # a table of Slicer is of one image, and names nobody
    if source is SourceFormat.MIRP:
        return "sample_name", True
    for name in cells.header:
        if name.lower() not in ("", "name", "number") and _PATIENT.fullmatch(name.lower()) and name != FILE:
            return name, True
    for name in ("Image", INDEX):
        if name in cells.header:
            return name, False
    first = cells.header[0]
    if len(set(cells.column(first))) == len(cells.rows) and not any(map(is_empty, cells.column(first))):
        return first, False
    raise CohortRejected(f"{cells.source} has no column that can be the patient; name it with --id COLUMN.")


def _known_role(name: str, source: SourceFormat) -> ColumnRole | None:
    """Role of a column by the naming of the program that made the table; None where a person must decide."""
    if source in (SourceFormat.PYRADIOMICS, SourceFormat.SLICER):
        if is_pyradiomics(name):
            return ColumnRole.FEATURE
        return ColumnRole.PROVENANCE if name.startswith(DIAGNOSTICS) or name in _ABOUT else None
    if source is SourceFormat.MIRP:
        if name == "sample_name" or name.startswith("image_"):
            return ColumnRole.PROVENANCE
        return ColumnRole.FEATURE if is_mirp(name) else None
    return ColumnRole.FEATURE if is_pyradiomics(name) else None


def _other(cells: Cells, name: str) -> tuple[ColumnRule, str]:
    """A column of no program: clinical where it has numbers or two texts; an outcome by its name is ignored."""
    if name == INDEX:
        return ColumnRule(ColumnRole.IGNORE), "numbers of rows, or identifiers: no input"
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z]{2})(?=[A-Z])", "_", name).lower()).strip("_")
    if _OUTCOME.match(words):
        return ColumnRule(ColumnRole.IGNORE), "looks like an outcome or its cohort: leave it to the table of outcomes"
    column = cells.column(name)
    different = sorted({cell for cell in column if not is_empty(cell) or cell.lower() == "none"})
    if all(is_number(cell) for cell in column):
        return ColumnRule(ColumnRole.CLINICAL), ""
    if len(different) == 2:
        values = {different[0]: 0.0, different[1]: 1.0}
        return ColumnRule(ColumnRole.CLINICAL, values=values), "two texts: check which is 1"
    if all(is_empty(cell) or is_number(cell.replace(",", ".", 1)) for cell in column):
        return ColumnRule(ColumnRole.IGNORE), "numbers with decimal commas: export the table with decimal points"
    return ColumnRule(ColumnRole.IGNORE), (
        f"{len(different)} texts: for an input make it clinical, with values = {{ TEXT = NUMBER }} for each"
    )


def _segments(cells: Cells) -> RowRule:
    """Regions of a table of Slicer: its segments, by their names."""
    segments = dict.fromkeys(cells.column(SEGMENT))
    if len(segments) == 1:
        return RowRule(every=REGION)
    values = {
        re.sub(r"[^a-z0-9.-]+", "-", segment.lower()).strip("-.") or REGION: _literal(segment) for segment in segments
    }
    return RowRule(column=SEGMENT, values=values)


def _literal(text: str) -> str:
    """A pattern that only this text matches."""
    return re.sub(r"([*?\[])", r"[\1]", text)
