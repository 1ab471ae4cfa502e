"""Schema of an imported table, a TOML file: the column of the patient, what the rows are of, what each column is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from models.errors import CohortRejected, SetupError
from models.number_words import counted
from models.typed_tables import Matches, Text, check, read_whole

UNKNOWN = "unknown"  # provenance that nobody stated
# No underscore, so that sequence, region and feature can be told apart in a name.
_OptionalWord = Annotated[str, Matches(r"(?:[a-z0-9][a-z0-9.-]*)?", "lower-case letters, digits, points and hyphens")]


class SourceFormat(StrEnum):
    """Program that made the table."""

    PYRADIOMICS = "pyradiomics"  # one row a case or region, a column for each feature, Image and Mask
    SLICER = "slicer"  # SlicerRadiomics: one row a feature, a column for each segment
    MIRP = "mirp"  # one row a case or region, names in MIRP's own words
    TABLE = "table"  # any other


class ColumnRole(StrEnum):
    """Role of a column of the source."""

    FEATURE = "feature"  # a number computed from image and region
    CLINICAL = "clinical"  # a number, or a text with a number for each value, known without an image
    PROVENANCE = "provenance"  # how the features were made; read where it is known how, else kept out
    IGNORE = "ignore"  # not brought in: outcomes, comments


@dataclass(frozen=True)
class RowRule:
    """Sequence or region of the rows.

    Attributes
    ----------
    every : of every row; "" where a column says it
    column : that says it
    values : sequence (or region) → pattern of the cells of that column, with * and ?
    """

    every: _OptionalWord = ""
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.column) != bool(self.values) or (self.every and self.column):
            raise SetupError("expected every = WORD, or column = NAME with the table values")
        if wrong := [word for word in self.values if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", word)]:
            raise SetupError(f"values has {wrong[0]!r}; expected lower-case letters, digits, points and hyphens")
        check(self)

    def of(self, cell: str) -> tuple[str, ...]:
        """The words whose pattern a cell matches."""
        return tuple(word for word, pattern in self.values.items() if fnmatchcase(cell.lower(), pattern.lower()))


@dataclass(frozen=True)
class ColumnRule:
    """One column of the source.

    Attributes
    ----------
    role : what it is
    sequence, region : of a feature; "" for those of its row
    feature : name of the feature or clinical variable; "" for that of the column
    unit : UCUM code; "" where it is not known
    values : of a clinical column of texts: text → number
    """

    role: ColumnRole
    sequence: _OptionalWord = ""
    region: _OptionalWord = ""
    feature: str = ""
    unit: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.role is not ColumnRole.FEATURE and (self.sequence or self.region):
            raise SetupError(f"a column of role '{self.role}' has neither sequence nor region")
        if self.role is not ColumnRole.CLINICAL and self.values:
            raise SetupError(f"a column of role '{self.role}' has no values; expected role = \"clinical\"")
        check(self)


@dataclass(frozen=True)
class StatedProvenance:
    """Origin of the features, as far as the table itself does not state it."""

    software: Text = UNKNOWN
    settings: Text = UNKNOWN
    bias_correction: Text = UNKNOWN


@dataclass(frozen=True)
class Schema:
    """A schema.

    Attributes
    ----------
    format : who made the table
    patient : column with the patient
    patient_pattern : regular expression whose group is the patient in that column; "" for the whole cell
    sequence, region : of the rows
    provenance : how the features were made
    columns : name of a column of the source → what it is; every column is named
    """

    format: SourceFormat
    patient: Text
    columns: Mapping[str, ColumnRule]
    patient_pattern: str = ""
    sequence: RowRule = field(default_factory=RowRule)
    region: RowRule = field(default_factory=RowRule)
    provenance: StatedProvenance = field(default_factory=StatedProvenance)

    def __post_init__(self) -> None:
        if self.patient_pattern:
            try:
                groups = re.compile(self.patient_pattern).groups
            except re.error as error:
                raise SetupError(f"patient_pattern is no regular expression: {error}") from error
            if groups != 1:
                raise SetupError(f"patient_pattern has {counted(groups, 'group')}; expected one, which is the patient")
        for what, rule in (("sequence", self.sequence), ("region", self.region)):
            if rule.every or rule.column:
                continue
            for name, column in self.columns.items():
                if column.role is ColumnRole.FEATURE and not getattr(column, what):
                    raise SetupError(f"columns.{name} has no {what}, and there is no table [{what}]; give one of them")


def read_schema(path: Path) -> Schema:
    """Reads a schema file.

    Raises
    ------
    CohortRejected
        With every mistake in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); name the schema file.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CohortRejected(
            f"{path.name} is not valid TOML: {error}. rdeepnet import --guess writes a schema to begin with."
        ) from error
    try:
        return read_whole(Schema, table, what=f"The schema {path.name}", text=text)
    except SetupError as error:  # data of the researcher, not of the installation
        raise CohortRejected(str(error)) from error


_HEAD = """\
# Schema for rdeepnet import, guessed from {source}. Read every line, correct it, then:
#   rdeepnet import {source} --schema THIS_FILE --out features.csv
"""


def written(schema: Schema, *, source: str, remarks: Mapping[str, str] | None = None) -> str:
    """The schema as TOML, one line a column.

    Parameters
    ----------
    source : name of the file it was guessed from
    remarks : name of a column → comment behind it
    """
    remarks = remarks or {}
    lines = [_HEAD.format(source=source), f"format = {_toml(schema.format)}", f"patient = {_toml(schema.patient)}"]
    lines.append(
        f"patient_pattern = {_toml(schema.patient_pattern)}"
        if schema.patient_pattern
        else "# patient_pattern = 'sub-(\\d+)'   # the part of that column that is the patient"
    )
    for what, rule, example in (
        ("sequence", schema.sequence, "'*t1*'"),
        ("region", schema.region, "'*tumour*'"),
    ):
        lines.append(f"\n[{what}]   # of the rows; a column with its own {what} overrides it")
        if rule.column:
            lines += [f"column = {_toml(rule.column)}", f"values = {_inline(rule.values)}"]
        else:
            lines += [f"every = {_toml(rule.every)}"] if rule.every else []
            lines += [f"# column = 'Mask'   # or: a column that says it, with the pattern of each {what}"]
            lines += [f"# values = {{ {'t1c' if what == 'sequence' else 'intratumoral'} = {example} }}"]
    stated = schema.provenance
    lines.append("\n[provenance]   # what the table itself does not say")
    lines += [f"{name} = {_toml(getattr(stated, name))}" for name in ("software", "settings", "bias_correction")]
    lines.append("\n[columns]   # role: feature, clinical, provenance or ignore")
    for name, column in schema.columns.items():
        remark = f"   # {remarks[name]}" if name in remarks else ""
        lines.append(f"{json.dumps(name, ensure_ascii=False)} = {_rule(column)}{remark}")
    return "\n".join(lines) + "\n"


def _rule(rule: ColumnRule) -> str:
    stated = [f"role = {_toml(rule.role)}"]
    stated += [
        f"{name} = {_toml(getattr(rule, name))}"
        for name in ("sequence", "region", "feature", "unit")
        if getattr(rule, name)
    ]
    if rule.values:
        stated.append(f"values = {_inline(rule.values)}")
    return f"{{ {', '.join(stated)} }}"


def _inline(table: Mapping[str, object]) -> str:
    pairs: Iterable[str] = (f"{json.dumps(key, ensure_ascii=False)} = {_toml(value)}" for key, value in table.items())
    return f"{{ {', '.join(pairs)} }}"


def _toml(value: object) -> str:
    """JSON's notation of texts and numbers is TOML's as well."""
    return json.dumps(str(value) if isinstance(value, str) else value, ensure_ascii=False)
