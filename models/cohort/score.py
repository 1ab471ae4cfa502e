"""A model package on a table of features, without outcomes: score, group, survival and validity of every patient.

What is known of a patient is a row of features: validity is that of familiarity and of the package, not of intended use
and mask, which only the images say.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cohort.checks import check_features
from models.cohort.features import FeatureRows
from models.cohort.origin import SETTINGS_DIFFER, input_values, origin_notes, rows_made_otherwise
from models.csv_table import lines
from models.errors import CohortRejected
from models.files import write_output
from models.inference.familiarity import Measures
from models.inference.outcome import Group, PlausibleRange
from models.inference.package import ModelPackage
from models.inference.plausible_range import range_reasons
from models.inference.predict import familiarity_reasons, parameter_reasons, signal_reasons
from models.inference.range_of_study import range_of_training, training_spreads
from models.inference.runtime import LoadedModel
from models.inference.verdicts import verdicts
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity
from models.threads import one_thread
from models.validity import Reason, State, Validity, decide

Floats = NDArray[np.float64]

SUFFIXES = (".csv", ".parquet")
NOT_COMPLETE = "features-missing"  # code of a patient who lacks a sequence the model needs
UNLIKE = "unlike-training-patients"
_BATCH = 512  # patients compared with the training patients at a time: 14 MB of 3,452 inputs


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Scores of the patients of a table, in their order.

    Attributes
    ----------
    identifiers : of the patients
    scores : float64 (patients,), on the scale of the package; NaN where features are missing or the score is withheld
    withheld : float64 (patients,), scores that their state does not allow; NaN elsewhere
    groups : high or low by the package's cut-off; None where the state does not allow it
    ranges : plausible range of each score by other trainings, contours left out; None where there is none
    survival : horizon in months → float64 (patients,), NaN as the scores; empty unless the task is recurrence
    measures : how far the patients are from the training patients; NaN where features are missing
    validity : whether each answer holds; NOT_COMPUTABLE where features are missing
    codes : of each patient's own quality notes
    notes : about the table as a whole
    """

    identifiers: tuple[str, ...]
    scores: Floats
    withheld: Floats
    groups: tuple[Group | None, ...]
    ranges: tuple[PlausibleRange | None, ...]
    survival: dict[float, Floats]
    measures: Measures
    validity: tuple[Validity, ...]
    codes: tuple[tuple[str, ...], ...]
    notes: tuple[QualityNote, ...]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """bool (patients,): those with a score."""
        return ~np.isnan(self.scores)


@one_thread()
def score_rows(model: LoadedModel, features: FeatureRows) -> ScoredRows:
    """Scores every patient who has the features of the model.

    Raises
    ------
    CohortRejected
        When a check of the table refuses, it lacks a feature of the model, or no patient has all of them.
    """
    package = model.package
    check = check_features(features)
    if check.refusals:
        raise CohortRejected("\n".join(f"{refusal.code}: {refusal.sentence}" for refusal in check.refusals))
    values = input_values(package, features)
    complete: NDArray[np.bool_] = np.all(~np.isnan(values), axis=1)
    if not complete.any():
        raise CohortRejected(
            f"None of the {counted(complete.size, 'row')} of {features.source} has all "
            f"{counted(len(package.inputs), 'feature')} of the model '{package.identity.name}'; it needs "
            f"{' and '.join(needed.label for needed in package.sequences) or 'every column it was trained on'}."
        )
    scores = np.full(complete.size, np.nan)
    scores[complete] = model.score(values[complete])
    measures = _measures(model, values, complete)
    unlike = np.zeros(complete.size, dtype=np.bool_)
    known = measures.rows(complete)
    unlike[complete] = known.exceed(package.familiarity.limits)
    spreads = np.full(complete.size, np.nan)
    spreads[complete] = training_spreads(model, values[complete], scores[complete])
    ranges = tuple(range_of_training(package, score, spread) for score, spread in zip(scores, spreads, strict=True))
    made_otherwise = rows_made_otherwise(package, features)
    validity = _validity(package, known, complete, ranges, made_otherwise[SETTINGS_DIFFER])
    shown = np.array([one.state.shows_score for one in validity])
    withheld = np.where(shown, np.nan, scores)
    scores = np.where(shown, scores, np.nan)
    flags = {NOT_COMPLETE: ~complete, **made_otherwise, UNLIKE: unlike}
    survival: dict[float, Floats] = {}
    if package.baseline is not None:
        for months in package.horizons_months:
            survival[months] = np.full(complete.size, np.nan)
            survival[months][shown] = package.baseline.survival(scores[shown], months)
    return ScoredRows(
        identifiers=features.identifiers,
        scores=scores,
        withheld=withheld,
        groups=tuple(
            (Group.HIGH if score > package.cut_off else Group.LOW) if one.state.shows_group else None
            for score, one in zip(scores, validity, strict=True)
        ),
        ranges=tuple(one if known.state.shows_score else None for one, known in zip(ranges, validity, strict=True)),
        survival=survival,
        measures=measures,
        validity=validity,
        codes=tuple(tuple(code for code, rows in flags.items() if rows[patient]) for patient in range(complete.size)),
        notes=(
            *check.notes,
            *model.notes,
            *origin_notes(package, features),
            *_unlike_notes(unlike, complete),
            *verdicts(package),
        ),
    )


def _validity(
    package: ModelPackage,
    measures: Measures,
    complete: NDArray[np.bool_],
    ranges: Ordered[PlausibleRange | None],
    other_settings: NDArray[np.bool_],
) -> tuple[Validity, ...]:
    of_package = (*signal_reasons(package), *parameter_reasons(package))
    lacking = decide((Reason(NOT_COMPLETE, State.NOT_COMPUTABLE, "Features of the model are missing."),))
    found = [lacking] * complete.size
    for row, reasons in zip(np.flatnonzero(complete), familiarity_reasons(package, measures), strict=True):
        of_settings = (_of_other_settings(package),) if other_settings[row] else ()
        found[row] = decide((*of_package, *of_settings, *reasons))
        if found[row].state.shows_score:
            found[row] = decide((*found[row].reasons, *range_reasons(package, ranges[int(row)])))
    return tuple(found)


def _of_other_settings(package: ModelPackage) -> Reason:
    sentence = (
        f"The features were extracted with other settings than those of the training patients of "
        f"'{package.identity.name}' ({package.origin.settings_digest[:12]}): they are other quantities."
    )
    return Reason(SETTINGS_DIFFER, State.OUTSIDE, sentence)


def _measures(model: LoadedModel, values: Floats, complete: NDArray[np.bool_]) -> Measures:
    package = model.package
    measures = Measures(*(np.full(complete.size, np.nan) for _ in range(4)))
    rows = np.flatnonzero(complete)
    for start in range(0, rows.size, _BATCH):
        batch = rows[start : start + _BATCH]
        part = package.familiarity.measures(values[batch], low=package.low, high=package.high)
        measures.residual[batch], measures.distance[batch] = part.residual, part.distance
        measures.share[batch], measures.count[batch] = part.share, part.count
    return measures


def _unlike_notes(unlike: NDArray[np.bool_], complete: NDArray[np.bool_]) -> Iterable[QualityNote]:
    if unlike.any():
        yield QualityNote(
            UNLIKE,
            Severity.WARNING,
            f"{int(unlike.sum())} of the {counted(int(complete.sum()), 'scored patient')} "
            f"{agreeing(int(unlike.sum()), 'has', 'have')} inputs unlike those of the training patients (about 2% of "
            "new patients from the same source have); their scores are extrapolated.",
        )


def write_scored(found: ScoredRows, model: LoadedModel, out: Path, *, withheld: bool = False) -> None:
    """Writes one row per patient, completely or not at all; CSV, or Parquet by the suffix.

    Columns: `id`, `score` (empty where there is none or it is withheld), `group`, `rfs_12_months` and so on,
    `range_low` and `range_high` (by other trainings; contours need images), `validity`, `reasons` (codes with
    semicolons), `withheld` (only when asked for), `familiar` (1 or 0), `residual`, `distance`, `share_outside`,
    `quality_notes` (codes with semicolons), `verdicts` (codes of what the package says against itself), `model`,
    `version`, `digest`, `signed_by`.

    Raises
    ------
    CohortRejected
        When the suffix is another one.
    SetupError
        When the file cannot be written.
    """
    check_suffix(out)
    identity = model.package.identity
    known = ~np.isnan(found.measures.residual)
    columns: dict[str, list[str] | list[float | None] | list[int | None]] = {
        "id": list(found.identifiers),
        "score": _numbers(found.scores),
        "group": [str(group) if group is not None else "" for group in found.groups],
        **{f"rfs_{months:g}_months": _numbers(values) for months, values in found.survival.items()},
        "range_low": [None if one is None else one.low for one in found.ranges],
        "range_high": [None if one is None else one.high for one in found.ranges],
        "validity": [str(one.state) for one in found.validity],
        "reasons": ["; ".join(reason.code for reason in one.reasons) for one in found.validity],
        **({"withheld": _numbers(found.withheld)} if withheld else {}),
        "familiar": [
            int(UNLIKE not in codes) if is_known else None for codes, is_known in zip(found.codes, known, strict=True)
        ],
        "residual": _numbers(found.measures.residual),
        "distance": _numbers(found.measures.distance),
        "share_outside": _numbers(found.measures.share),
        "quality_notes": ["; ".join(codes) for codes in found.codes],
        "verdicts": ["; ".join(note.code for note in verdicts(model.package))] * known.size,
        "model": [identity.name] * known.size,
        "version": [identity.version] * known.size,
        "digest": [identity.digest] * known.size,
        "signed_by": [identity.signed_by] * known.size,
    }
    if out.suffix == ".csv":
        write_output(out, "".join(lines([columns, *zip(*columns.values(), strict=True)])).encode())
    else:
        import pyarrow
        from pyarrow import parquet

        content = io.BytesIO()
        parquet.write_table(pyarrow.table({name: pyarrow.array(column) for name, column in columns.items()}), content)
        write_output(out, content.getvalue())


def check_suffix(out: Path) -> None:
    """Refuses a file that is neither CSV nor Parquet.

    Raises
    ------
    CohortRejected
    """
    if out.suffix not in SUFFIXES:
        raise CohortRejected(f"The scores were to go to '{out.name}'; a .csv or .parquet file was expected.")


def _numbers(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
