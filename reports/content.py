"""`Report`: everything a report says, before any encoding.

SR and PDF are two encodings of one `Report`: they never compute or word anything, so they cannot disagree. Every row
carries the number and the text a reader sees; the key is what `dicom_io.codes` maps to a coded concept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from models.inference.predict import Group, ModelIdentity, Quantity
from models.quality_notes import QualityNote
from models.validity import State, Validity
from models.volume import Region, Sequence
from reports.change_facts import ChangeFacts, NotCompared
from reports.feature_words import FeatureClass
from reports.language import Language
from reports.replacement import Replacement


@dataclass(frozen=True)
class Subject:
    """Patient and examination of the report, as stated by the images; texts are already decoded to Unicode.

    Empty strings and None where the images say nothing.
    """

    patient_name: str  # for display: "Family, Given"
    patient_id: str
    birth_date: date | None
    sex: str  # "F", "M", "O" or ""
    age: str  # "047Y" style text of the study, or ""
    study_date: date | None
    study_description: str
    accession_number: str
    institution: str
    referring_physician: str
    study_instance_uid: str
    laterality: str  # "L", "R", "B" or ""
    laterality_source: str = ""  # "stated in the headers, confirmed by the images"; "" where nothing is known of it


@dataclass(frozen=True)
class Measurement:
    """A number in the report.

    Attributes
    ----------
    key : stable identifier: "recurrence_score", "rfs", "krt7_as_high", "cut_off", or a full feature name
    label : what a reader sees
    value : the number
    unit : UCUM code, "1" where there is none
    shown : the number as a reader sees it, unit included
    horizon_months : for survival probabilities
    interval : 95 % interval in the same unit
    ibsi : IBSI code, for features that have one
    in_words : the number as a frequency or a remark, "88 of 100 patients recurrence-free"; "" where there is none
    plausible_range : (low, high) in the same unit, where it is known
    range_shown : the plausible range as a reader sees it, "−0.08 to 2.21"; "" where it is not known
    percentile : per cent of the training patients with a lower value; None where it is not known, or only a limit is
    """

    key: str
    label: str
    value: float
    unit: str
    shown: str
    horizon_months: float | None = None
    interval: tuple[float, float] | None = None
    ibsi: str | None = None
    in_words: str = ""
    plausible_range: tuple[float, float] | None = None
    range_shown: str = ""
    percentile: float | None = None


@dataclass(frozen=True)
class ContributionGroup:
    """A group of inputs (sequence × region × class) and how it moved the model's output.

    The three numbers are fractions of the sum of all groups' net movements without their signs, so the absolute values
    of `share` add up to 1. Where `raising` and `lowering` are both large, the features of the group disagree.

    Attributes
    ----------
    label : "T1+C, tumour, texture"
    features : number of inputs in the group
    share : net movement, raising + lowering; positive raises the output
    raising, lowering : movement by the inputs that raise (≥ 0) and that lower (≤ 0) the output
    kind : sequence, region and class of the inputs; None where their names are none of the feature vector's
    """

    label: str
    features: int
    share: float
    raising: float
    lowering: float
    kind: tuple[Sequence, Region, FeatureClass] | None = None


@dataclass(frozen=True)
class TrainingCurve:
    """Kaplan-Meier curve of one group of the training patients.

    Attributes
    ----------
    group, label : the group, and its name at the end of the curve: "low 97%"
    survival : 0 to 1, at 0, 1, 2 … months
    at_risk : (months, number of patients at risk as a reader sees it)
    """

    group: Group
    label: str
    survival: tuple[float, ...]
    at_risk: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class TrainingGroups:
    """The small picture of a model's risk groups among its training patients.

    Attributes
    ----------
    title : above it
    curves : low before high
    ticks : (months, label) of the time axis
    unit : of the time axis
    at_risk_label : at the end of the rows with the numbers at risk
    note : below it, the hazard ratio; "" where it is not known
    """

    title: str
    curves: tuple[TrainingCurve, ...]
    ticks: tuple[tuple[int, str], ...]
    unit: str
    at_risk_label: str
    note: str


@dataclass(frozen=True)
class ModelSection:
    """Section of the report about one model, as far as its validity allows.

    Attributes
    ----------
    quantity : what the model answers, also where there is no answer
    validity : state and reasons
    headline : the bold line: the group, or why there is none
    lead : line above it, "To be confirmed: …"; "" where there is none
    measurements : score or probability, then survival by horizon, then the cut-off; empty where there is no score
    group, group_label : None where the state does not allow a group
    conclusion : one or two sentences for the tumour board
    advice : what to do where there is no result; "" where there is one
    contributions : groups of inputs (label, signed share), largest first
    leading_features : the features with the largest attributions, with their values
    contribution_groups : `contributions` with both directions, same order
    range_note : what the plausible range is and where it comes from; "" where there is none
    about : what the model is, and where the score lies among those of its training patients; "" where it is not known
    training_groups : the risk groups among its training patients; None where they are not known, or there is no score
    sequences : what the model was computed from, in order; empty where it is not known
    horizons_months : for which the model gives survival, whether there is a score or not
    """

    model: ModelIdentity
    quantity: Quantity
    validity: Validity
    headline: str
    lead: str
    measurements: tuple[Measurement, ...]
    group: Group | None
    group_label: str | None
    conclusion: str
    advice: str
    contributions: tuple[tuple[str, float], ...]
    leading_features: tuple[Measurement, ...]
    provider: str
    contribution_groups: tuple[ContributionGroup, ...] = ()
    range_note: str = ""
    about: str = ""
    training_groups: TrainingGroups | None = None
    sequences: tuple[Sequence, ...] = ()
    horizons_months: tuple[float, ...] = ()

    @property
    def state(self) -> State:
        """State of the answer."""
        return self.validity.state


@dataclass(frozen=True)
class NotApplicableSection:
    """A model that was not run, and why.

    Attributes
    ----------
    is_expected : the study lacks nothing; another model answers the same question, so page 1 does not mention it
    quantity, horizons_months : what it would have said; None and empty where that is not known
    """

    model: ModelIdentity
    sentence: str  # "not applicable, because no T2W series was found"
    is_expected: bool = False
    quantity: Quantity | None = None
    horizons_months: tuple[float, ...] = ()


@dataclass(frozen=True)
class RegionSection:
    """Size and selected features of one region in one sequence."""

    sequence: Sequence
    region: Region
    title: str  # "Tumour on T1+C"
    volume: Measurement  # key "volume", mm3
    features: tuple[Measurement, ...]  # every feature of this region, in order; the key SR takes `leading` only
    leading: tuple[str, ...]  # keys of the features the key SR and the PDF show


@dataclass(frozen=True, eq=False)
class KeyImage:
    """The slice with the largest tumour area in one sequence.

    Attributes
    ----------
    pixels : float32 (rows, columns), N4-corrected
    tumour, shell : bool (rows, columns)
    pixel_spacing_mm : (between rows, between columns)
    slice_index : zero-based
    edges : patient directions at the (left, right, top, bottom) edge of the image, e.g. ("R", "L", "A", "P")
    caption : what a reader sees
    """

    sequence: Sequence
    pixels: NDArray[np.float32]
    tumour: NDArray[np.bool_]
    shell: NDArray[np.bool_]
    pixel_spacing_mm: tuple[float, float]
    slice_index: int
    edges: tuple[str, str, str, str]
    caption: str


@dataclass(frozen=True, eq=False)
class Subtraction:
    """Maximum intensity projection of T1+C minus the phase before contrast, along the slices.

    Attributes
    ----------
    image : the projection, in the intensities of the source images; its tumour is a projection as well, its slice the
        first of those that were projected
    last_slice_index : zero-based, the last of them
    """

    image: KeyImage
    last_slice_index: int


@dataclass(frozen=True)
class SeriesUsed:
    """One row of the table of images used."""

    role: str  # "T1+C", "T2W", "Tumour segmentation (T1+C)"
    description: str
    series_number: str
    detail: str  # "phase 2 of 3; 60 slices of 2.0 mm; 0.70 × 0.70 mm"
    series_instance_uid: str
    why: str  # which rule or assignment took it


@dataclass(frozen=True)
class ChangeRow:
    """A number then and now.

    Attributes
    ----------
    label : "Tumour volume, T1+C"
    then, now : the numbers; None where the model gave none that may be shown
    then_shown, now_shown : as a reader sees them, with plausible range and group
    change_shown : "−4.20 cm³ (−34%)"; "" where there is no number in both
    sequence : of a size; None for a model
    model, model_title : name and title of the package; "" for a size
    """

    label: str
    then: Measurement | None
    now: Measurement | None
    then_shown: str
    now_shown: str
    change_shown: str
    sequence: Sequence | None = None
    model: str = ""
    model_title: str = ""


@dataclass(frozen=True)
class ChangeSection:
    """Change since an earlier study, in the language of the report.

    Attributes
    ----------
    facts : what the texts are about
    title : "Change since 2026-03-04"
    interval_days : from the earlier examination to this one
    interval_shown : "128 days"
    rows : sizes, then models
    sentences : what to know when reading them
    columns : names of the columns of the table
    """

    facts: ChangeFacts
    title: str
    interval_days: int
    interval_shown: str
    rows: tuple[ChangeRow, ...]
    sentences: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def study_instance_uid(self) -> str:
        """UID of the earlier study."""
        return self.facts.study_instance_uid

    @property
    def report(self) -> tuple[str, str, str] | None:
        """Key report of the earlier study; None where it was not sent."""
        return self.facts.report


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes
    ----------
    subject : patient and examination
    created : when the report was made, with time zone
    title : "Breast MRI radiomics: recurrence risk and KRT7-AS expression"
    models : one section per applicable model
    not_applicable : models that were not run, with the reason
    regions : one section for each sequence and region, T1+C before T2W, tumour before shell
    key_images : one for each sequence
    series : what was read, and why
    notes : every doubt, warnings first
    provenance : label → text: versions, digests, settings, N4, engine, device
    notice : "Research use only …", verbatim on every page and in every object
    notices : the notices of the model packages, each once
    state : of the document as a whole
    reasons : sentences against the answers, each once, the weightiest first
    not_checked : what no header says and the software does not check
    replaces : the earlier report of the same study that this one replaces; None for the first
    change : change since an earlier study of the patient; None where none is compared
    not_compared : earlier studies that may be of the patient and are not compared; each has its note, too
    subtraction : of a dynamic contrast series; None where there is none, or no key images are asked for
    language : of every text in it; labels of the provenance are English keys in all
    """

    subject: Subject
    created: datetime
    title: str
    models: tuple[ModelSection, ...]
    not_applicable: tuple[NotApplicableSection, ...]
    regions: tuple[RegionSection, ...]
    key_images: tuple[KeyImage, ...]
    series: tuple[SeriesUsed, ...]
    notes: tuple[QualityNote, ...]
    provenance: Mapping[str, str]
    notice: str
    notices: tuple[str, ...]
    state: State
    reasons: tuple[str, ...]
    not_checked: str
    replaces: Replacement | None = None
    change: ChangeSection | None = None
    not_compared: tuple[NotCompared, ...] = ()
    subtraction: Subtraction | None = None
    language: Language = Language.ENGLISH

    @property
    def has_result(self) -> bool:
        """Returns whether any model has a score to show."""
        return not self.models or self.state.shows_score
