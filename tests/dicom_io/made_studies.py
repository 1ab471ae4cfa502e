"""Small studies, prepared images and reports made in memory, for the tests of the writing side.

Numbers are arbitrary but fixed; geometry is what matters: axial, oblique and sagittal grids, with and without T2W,
classic and multi-frame sources.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.answer_roles import Role
from dicom_io.earlier import SentObject
from dicom_io.implementation import derived_uid
from dicom_io.study import SourceInstance, SourceSeries, Study
from models.features.names import feature_definitions
from models.features.settings import FeatureSettings
from models.inference.predict import Group, ModelIdentity, Quantity
from models.intended_use import NOT_CHECKED
from models.preprocessing.prepare import Prepared, PreparedSequence
from models.quality_notes import QualityNote, Severity
from models.validity import VALID, State
from models.volume import Region, Roi, Sequence, Volume
from reports import wording
from reports.content import (
    ContributionGroup,
    KeyImage,
    Measurement,
    ModelSection,
    NotApplicableSection,
    RegionSection,
    Report,
    SeriesUsed,
    Subject,
)
from reports.feature_words import FeatureClass
from reports.notice.content import Notice, NoticeReason
from reports.replacement import Reason, Replacement

CREATED = datetime(2026, 7, 3, 14, 25, 36, 123456, tzinfo=UTC)
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SR = "1.2.840.10008.5.1.4.1.1.88.34"
STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
CHINESE_NAME = "Wang^XiaoDong=王^小东"

# What an answer that is replaced consisted of, as far as a later one needs to know.
REPLACED = (
    SentObject(Role.SEG_T1C, SEG, derived_uid("test", "earlier", "seg"), derived_uid("test", "series", "seg")),
    SentObject(Role.KEY_SR, SR, derived_uid("test", "earlier", "sr"), derived_uid("test", "series", "sr")),
)
REPLACEMENT = Replacement(REPLACED[-1].sop_instance_uid, CREATED, (Reason.SEGMENTATION,), 2)

NOTICE = Notice(
    NoticeReason.CHOICE, "Two segments overlap; one was expected.", "20 objects: 18 MR, 2 SEG", CREATED, earlier=None
)

ORIENTATIONS = ("axial", "oblique", "sagittal")

RECURRENCE = ModelIdentity(
    name="recurrence",
    version="1.2.0",
    digest=hashlib.sha256(b"recurrence").hexdigest(),
    title="RDeepNet recurrence score",
    notice="Demonstration model, not trained on patients.",
)
KRT7 = ModelIdentity(
    name="krt7_as",
    version="1.0.1",
    digest=hashlib.sha256(b"krt7_as").hexdigest(),
    title="KRT7-AS expression",
    notice="Demonstration model, not trained on patients.",
)


CONTRIBUTIONS = (
    ContributionGroup(
        "T1+C, tumour, texture", 3, 0.6, 0.7, -0.1, (Sequence.T1C, Region.INTRATUMORAL, FeatureClass.TEXTURE)
    ),
    ContributionGroup(
        "T1+C, peritumoral shell, intensity",
        2,
        -0.4,
        0.0,
        -0.4,
        (Sequence.T1C, Region.PERITUMORAL, FeatureClass.INTENSITY),
    ),
)


@dataclass(frozen=True, eq=False)
class Made:
    """The arguments of `encode`."""

    study: Study
    prepared: Prepared
    report: Report


def affine_of(orientation: str, spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Affine of a grid: steps of (slice, row, column) in LPS."""
    axes = {
        "axial": np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float),
        "sagittal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=float),
    }
    if orientation == "oblique":
        a, b = np.deg2rad(17.3), np.deg2rad(-8.9)
        about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
        direction = about_z @ about_x @ axes["axial"]
    else:
        direction = axes[orientation]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(spacing_mm)
    affine[:3, 3] = (-93.7512345, -101.25, -37.4)
    return affine


def header(*, name: str = CHINESE_NAME, character_set: str = "GB18030") -> pydicom.Dataset:
    """Patient and study modules in the source's character set, as they come from a file."""
    made = pydicom.Dataset()
    made.SpecificCharacterSet = ["", character_set] if character_set.startswith("ISO 2022") else character_set
    made.PatientName = name
    made.PatientID = "MADE-0001"
    made.IssuerOfPatientID = "HOSPITAL"
    made.PatientBirthDate = "19710304"
    made.PatientSex = "F"
    made.PatientAge = "055Y"
    made.PatientWeight = "61.5"
    made.StudyInstanceUID = STUDY_UID
    made.StudyDate = "20260701"
    made.StudyTime = "091500.25"
    made.StudyID = "4711"
    made.StudyDescription = "MRT Mamma"
    made.AccessionNumber = "ACC-0815"
    made.ReferringPhysicianName = "Li^Na"
    made.InstitutionName = "Hospital"
    made.FrameOfReferenceUID = derived_uid("test", "frame of reference")
    made.BodyPartExamined = "BREAST"
    return made


def subject(*, laterality: str = "L") -> Subject:
    """The same patient for the report."""
    return Subject(
        patient_name="Wang, XiaoDong (王小东)",
        patient_id="MADE-0001",
        birth_date=date(1971, 3, 4),
        sex="F",
        age="055Y",
        study_date=date(2026, 7, 1),
        study_description="MRT Mamma",
        accession_number="ACC-0815",
        institution="Hospital",
        referring_physician="Li, Na",
        study_instance_uid=STUDY_UID,
        laterality=laterality,
    )


def prepared_sequence(
    *, shape: tuple[int, int, int], orientation: str, spacing_mm: tuple[float, float, float], seed: int
) -> PreparedSequence:
    """A lumpy tumour with a hole and a shell around it; volume and masks on one grid."""
    rng = np.random.default_rng(seed)
    affine = affine_of(orientation, spacing_mm)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).astype(float)
    centre = np.array(shape) * (0.45, 0.4, 0.55)
    distance = np.linalg.norm((index - centre) / (np.array(shape) * 0.22), axis=-1)
    distance += 0.15 * rng.standard_normal(shape)
    tumour = distance < 0.8
    tumour[tuple(np.round(centre).astype(int))] = False
    shell = (distance < 1.5) & ~tumour
    volume = Volume(affine=affine, voxels=rng.normal(400.0, 60.0, shape).astype(np.float32))
    rois = {
        Region.INTRATUMORAL: Roi(affine=affine, mask=tumour, label="tumour"),
        Region.PERITUMORAL: Roi(affine=affine, mask=shell, label="peritumoral shell"),
    }
    return PreparedSequence(volume=volume, rois=rois, body=np.ones(shape, dtype=bool))


def source_series(sequence: Sequence, slices: int, *, multi_frame: bool) -> SourceSeries:
    """References to images that exist nowhere."""
    series = derived_uid("test series", sequence)
    frame = derived_uid("test", "frame of reference")
    if multi_frame:
        one = SourceInstance(ENHANCED_MR, derived_uid("test enhanced", sequence), series, frame)
        return SourceSeries(series, frame, (one,), tuple(range(slices + 1, 2 * slices + 1)))
    images = tuple(SourceInstance(MR, derived_uid("test", sequence, str(n)), series, frame) for n in range(slices))
    return SourceSeries(series, frame, images)


def features(sequence: Sequence, region: Region, *, count: int) -> tuple[Measurement, ...]:
    """`count` features of a region: of four classes some of the original image, which have IBSI codes, and of its
    sub-bands, with long names; then the others in the order of the vector.
    """
    classes = ("firstorder_Energy", "glcm_Contrast", "gldm_LargeDependenceHighGrayLevelEmphasis", "ngtdm_Strength")
    definitions = {definition.name: definition for definition in feature_definitions(FeatureSettings())}
    images = ("original", *(f"wavelet-{a}{b}{c}" for a in "LH" for b in "LH" for c in "LH"))
    names = dict.fromkeys([*(f"{image}_{one}" for image in images for one in classes), *definitions])
    rows = []
    for number, name in enumerate([*names][:count]):
        value = float(np.sin(number + 1) * 10.0 ** ((number % 13) - 6))
        key = f"{sequence}_{region}_{name}"
        rows.append(
            Measurement(
                key=key,
                label=key if number % 5 == 0 else name,
                value=value,
                unit=definitions[name].unit,
                shown=f"{value:.4g}",
                ibsi=definitions[name].ibsi,
            )
        )
    return tuple(rows)


def region_section(sequence: Sequence, region: Region, volume_mm3: float, *, count: int) -> RegionSection:
    """Volume and features of one region."""
    rows = features(sequence, region, count=count)
    word = {Region.INTRATUMORAL: "Tumour", Region.PERITUMORAL: "Peritumoral shell"}[region]
    volume = Measurement(key="volume", label="Volume", value=volume_mm3, unit="mm3", shown=f"{volume_mm3:.1f} mm³")
    return RegionSection(
        sequence=sequence,
        region=region,
        title=f"{word} on {sequence.label}",
        volume=volume,
        features=rows,
        leading=tuple(row.key for row in rows[:5]),
    )


def model_sections(rows: tuple[Measurement, ...]) -> tuple[ModelSection, ...]:
    """Sections of two models."""
    survival = tuple(
        Measurement(
            key="rfs",
            label=f"Recurrence-free survival at {months} months",
            value=value,
            unit="1",
            shown=f"{100 * value:.0f} %",
            horizon_months=float(months),
            interval=interval,
        )
        for months, value, interval in (
            (12, 0.97123456789, None),
            (24, 0.912, (0.86, 0.95)),
            (36, 0.857, (0.78, 0.91)),
        )
    )
    score = Measurement(
        key="recurrence_score",
        label="Recurrence score",
        value=1.4375,
        unit="{score}",
        shown="1.44",
        plausible_range=(1.2, 1.9),
        range_shown="1.20 to 1.90",
        percentile=83.25,
    )
    cut = Measurement(key="cut_off", label="Cut-off", value=1.10, unit="{score}", shown="1.10")
    probability = Measurement(
        key="krt7_as_high", label="Probability of high expression", value=0.31, unit="1", shown="31 %"
    )
    half = Measurement(key="cut_off", label="Cut-off", value=0.5, unit="1", shown="50 %")
    return (
        ModelSection(
            model=RECURRENCE,
            quantity=Quantity.RECURRENCE_SCORE,
            validity=VALID,
            headline="High risk of recurrence",
            lead="",
            advice="",
            measurements=(score, *survival, cut),
            group=Group.HIGH,
            group_label="High risk of recurrence",
            conclusion="The recurrence score of 1.44 lies above the cut-off of 1.10: high risk of recurrence.",
            contributions=tuple((group.label, group.share) for group in CONTRIBUTIONS),
            contribution_groups=CONTRIBUTIONS,
            sequences=(Sequence.T1C,),
            leading_features=rows[7:9],
            provider="CPUExecutionProvider",
            about="Trained on 698 patients. This score is higher than that of 83 of 100 training patients.",
        ),
        ModelSection(
            model=KRT7,
            quantity=Quantity.KRT7_AS_HIGH,
            validity=VALID,
            headline="Low expression of KRT7-AS",
            lead="",
            advice="",
            measurements=(probability, half),
            group=Group.LOW,
            group_label="Low expression of KRT7-AS",
            conclusion="The probability of high expression is 31 %: low expression of KRT7-AS.",
            contributions=(),
            sequences=(Sequence.T1C, Sequence.T2W),
            leading_features=(),
            provider="CPUExecutionProvider",
        ),
    )


def key_image(sequence: Sequence, prepared: PreparedSequence) -> KeyImage:
    """The slice with the largest tumour."""
    tumour = prepared.rois[Region.INTRATUMORAL].mask
    index = int(np.argmax(tumour.sum(axis=(1, 2))))
    return KeyImage(
        sequence=sequence,
        pixels=prepared.volume.voxels[index],
        tumour=tumour[index],
        shell=prepared.rois[Region.PERITUMORAL].mask[index],
        pixel_spacing_mm=prepared.volume.spacing_mm[1:],
        slice_index=index,
        edges=("R", "L", "A", "P"),
        caption=f"{sequence.label}, slice {index + 1}",
    )


def make(
    orientation: str = "axial",
    *,
    with_t2w: bool = True,
    multi_frame: bool = False,
    features_per_region: int = 12,
    shape: tuple[int, int, int] = (9, 30, 26),
    laterality: str = "L",
    patient_header: pydicom.Dataset | None = None,
) -> Made:
    """One study, ready for `encode`."""
    sequences = {
        Sequence.T1C: prepared_sequence(shape=shape, orientation=orientation, spacing_mm=(2.0, 0.703125, 0.71), seed=1)
    }
    if with_t2w:
        sequences[Sequence.T2W] = prepared_sequence(
            shape=(7, 21, 33), orientation=orientation, spacing_mm=(3.3, 0.9, 0.8), seed=2
        )
    sources = {
        sequence: source_series(sequence, part.volume.shape[0], multi_frame=multi_frame)
        for sequence, part in sequences.items()
    }
    frame = derived_uid("test", "frame of reference")
    received = SourceInstance(SEG, derived_uid("test", "seg"), derived_uid("test series", "seg"), frame)
    who = subject(laterality=laterality)
    series = tuple(
        SeriesUsed(
            role=sequence.label,
            description=f"{sequence.label} description",
            series_number="5",
            detail="9 slices of 2.0 mm",
            series_instance_uid=source.series_instance_uid,
            why="the rule 'contrast' fits its description",
        )
        for sequence, source in sources.items()
    )
    notes = (
        QualityNote(
            "shell-cut-by-body", Severity.WARNING, "12 % of the peritumoral shell lies outside the body.", Sequence.T1C
        ),
        QualityNote(
            "threshold", Severity.NOTE, "The fractional segmentation was cut at half of its maximum (128 of 255)."
        ),
    )
    absent = {} if with_t2w else {Sequence.T2W: "no T2W series was found"}
    study = Study(
        subject=who,
        header=patient_header if patient_header is not None else header(),
        volumes={sequence: part.volume for sequence, part in sequences.items()},
        tumours={Sequence.T1C: sequences[Sequence.T1C].rois[Region.INTRATUMORAL]},
        sources=sources,
        segmentations=(received,),
        series=series,
        notes=notes[1:],
        content_digest=hashlib.sha256(f"{orientation}{with_t2w}{multi_frame}".encode()).hexdigest(),
        missing=absent,
    )
    regions = tuple(
        region_section(sequence, region, part.rois[region].volume_mm3, count=features_per_region)
        for sequence, part in sequences.items()
        for region in Region
    )
    applicable = model_sections(regions[0].features)
    report = Report(
        subject=who,
        created=CREATED,
        title="Breast MRI radiomics: recurrence risk and KRT7-AS expression",
        models=applicable if with_t2w else applicable[:1],
        not_applicable=()
        if with_t2w
        else (NotApplicableSection(KRT7, "not applicable, because no T2W series was found"),),
        regions=regions,
        key_images=tuple(key_image(sequence, part) for sequence, part in sequences.items()),
        series=series,
        notes=notes,
        provenance={
            wording.SOFTWARE: "rdeepnet",
            wording.CREATED: CREATED.isoformat(),
            wording.BIAS: "N4, shrink 4, 4 × 50 iterations",
            wording.ENGINE: "pyradiomics 3.0.1",
            wording.SETTINGS_DIGEST: hashlib.sha256(b"settings").hexdigest(),
        },
        notice="Research use only. Not a medical device.",
        notices=("Demonstration model, not trained on patients.",),
        state=State.VALID,
        reasons=(),
        not_checked=NOT_CHECKED,
    )
    return Made(study, Prepared(sequences=sequences, notes=notes[:1]), report)
