"""Reports to test and to look at: a phantom breast, plausible numbers, and the odd cases."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from models.features.settings import FeatureSettings
from models.features.table import Feature, FeatureTable, feature_name
from models.inference.outcome import GroupCurve, PlausibleRange, ScoreRank, SurvivalRange, TrainingFacts
from models.inference.predict import (
    Contribution,
    Group,
    ModelIdentity,
    ModelOutcome,
    NotApplicable,
    Prediction,
    Quantity,
)
from models.preprocessing.prepare import Prepared, PreparedSequence
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State
from models.volume import Region, Roi, Sequence, Volume
from reports.compose import compose
from reports.content import Report, SeriesUsed, Subject
from reports.language import Language

NOTICE = "demonstration model, not trained on patients"
CREATED = datetime(2026, 5, 17, 14, 3, 20, tzinfo=UTC)

SUBJECT = Subject(
    patient_name="Okonkwo-Lindqvist, Maria Elena",
    patient_id="RDN-004711",
    birth_date=date(1978, 11, 3),
    sex="F",
    age="047Y",
    study_date=date(2026, 5, 12),
    study_description="MR Mamma bds. nativ + KM dynamisch",
    accession_number="A2026051204",
    institution="Universitätsklinikum Nordstadt",
    referring_physician="Dr. Sørensen, Åse",
    study_instance_uid="1.2.826.0.1.3680043.8.498.47110815000000000000000000000001",
    laterality="L",
    laterality_source="stated in the headers, confirmed by the images",
)

SHAPE = ("Elongation", "MajorAxisLength", "Maximum3DDiameter", "MinorAxisLength", "Sphericity", "SurfaceVolumeRatio")
OTHERS = {
    "firstorder": ("90Percentile", "Entropy", "Mean", "Skewness"),
    "glcm": ("Contrast", "Idmn", "Imc1", "JointEntropy"),
    "glszm": ("GrayLevelNonUniformity", "ZoneEntropy"),
    "ngtdm": ("Coarseness",),
}
IMAGES = ("original", "wavelet-LLH", "wavelet-HHH")
UNITS = {"MajorAxisLength": "mm", "Maximum3DDiameter": "mm", "MinorAxisLength": "mm", "SurfaceVolumeRatio": "/mm"}
IBSI = {"Maximum3DDiameter": "L0JK", "Entropy": "TLU2", "Contrast": "ACUI", "Mean": "Q4LE", "Sphericity": "QCFX"}


def identity(
    name: str = "recurrence", *, title: str = "RDeepNet recurrence score", notice: str = NOTICE
) -> ModelIdentity:
    """A model package's identity."""
    return ModelIdentity(name=name, version="0.1.0", digest=(name.encode().hex() * 8)[:64], title=title, notice=notice)


def prepared(
    sequences: Ordered[Sequence] = tuple(Sequence), *, direction: np.ndarray | None = None, size: int = 96
) -> Prepared:
    """A breast with a tumour and its shell, `size` pixels of 1.5 mm wide, 24 slices of 3 mm.

    `direction` : unit vectors of the (slice, row, column) axes as columns; default axial
    """
    axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float) if direction is None else direction
    made = {}
    for place, sequence in enumerate(sequences):
        spacing = np.array([3.0, 144 / size, 144 / size])
        affine = np.eye(4)
        affine[:3, :3] = axes * spacing
        random = np.random.default_rng(7 + place)
        slices, rows, columns = np.mgrid[0:24, 0:size, 0:size].astype(float)
        slices, rows, columns = slices * spacing[0], rows * spacing[1], columns * spacing[2]
        breast = ((rows - 95) / 80) ** 2 + (np.abs(columns - 72) / 62) ** 2 < 1
        texture = random.normal(size=breast.shape)
        for axis in (1, 2):
            texture = (texture + np.roll(texture, 1, axis) + np.roll(texture, 2, axis)) / 2
        distance = np.sqrt(((slices - 36) / 1.2) ** 2 + ((rows - 70) / 1.15) ** 2 + (columns - 98) ** 2)
        distance += 2.2 * np.sin(rows / 4) * np.cos(columns / 5)
        tumour = distance < 12
        shell = (distance < 22) & ~tumour & breast
        voxels = np.where(breast, 220 + 30 * texture + 90 * (rows > 100), 8 + 3 * np.abs(texture))
        voxels = voxels + np.where(tumour, 260 - 80 * (distance < 5), 0)
        made[sequence] = PreparedSequence(
            volume=Volume(affine=affine, voxels=voxels.astype(np.float32)),
            rois={
                Region.INTRATUMORAL: Roi(affine=affine, mask=tumour, label="tumour"),
                Region.PERITUMORAL: Roi(affine=affine, mask=shell, label="peritumoral shell"),
            },
            body=breast,
        )
    return Prepared(sequences=made, notes=())


def features(sequences: Ordered[Sequence] = tuple(Sequence)) -> FeatureTable:
    """A small feature table with names, units and codes like the real one."""
    random = np.random.default_rng(3)
    sizes = {"MajorAxisLength": 27.4, "Maximum3DDiameter": 31.2, "MinorAxisLength": 21.9, "Sphericity": 0.71}
    rows = []
    for sequence in sequences:
        for region in Region:
            names = [f"original_shape_{name}" for name in SHAPE]
            names += [f"{image}_{family}_{name}" for image in IMAGES for family, of in OTHERS.items() for name in of]
            for name in names:
                short = name.rsplit("_", 1)[1]
                code = IBSI.get(short) if name.startswith("original") else None
                value = sizes.get(short, float(np.exp(random.normal(2, 3))))
                rows.append(Feature(feature_name(sequence, region, name), value, UNITS.get(short, "1"), code))
    return FeatureTable(features=tuple(rows), settings_digest="5e" * 32, engine="pyradiomics 3.0.1")


def _contributions(table: FeatureTable, *, seed: int) -> tuple[Contribution, ...]:
    random = np.random.default_rng(seed)
    made = [Contribution(f.name, f.value, float(random.normal(0.01, 0.05))) for f in table.features]
    return tuple(sorted(made, key=lambda contribution: -abs(contribution.attribution)))


def recurrence(
    table: FeatureTable,
    *,
    value: float = 1.43,
    survival: tuple[float, ...] = (0.883, 0.714, 0.602),
    interval: tuple[float, float] | None = None,
    model: ModelIdentity | None = None,
    notes: tuple[QualityNote, ...] = (),
) -> ModelOutcome:
    """Section of the recurrence model."""
    return ModelOutcome(
        model=model or identity(),
        quantity=Quantity.RECURRENCE_SCORE,
        predictions=(
            Prediction(Quantity.RECURRENCE_SCORE, value),
            *(
                Prediction(Quantity.RFS, probability, 12.0 * (year + 1), interval)
                for year, probability in enumerate(survival)
            ),
        ),
        cut_off=1.10,
        group=Group.HIGH if value > 1.10 else Group.LOW,
        contributions=_contributions(table, seed=1),
        provider="CPUExecutionProvider",
        notes=notes,
    )


def krt7_as(table: FeatureTable, *, value: float = 0.31) -> ModelOutcome:
    """Section of the KRT7-AS model."""
    return ModelOutcome(
        model=identity("krt7_as", title="KRT7-AS expression"),
        quantity=Quantity.KRT7_AS_HIGH,
        predictions=(Prediction(Quantity.KRT7_AS_HIGH, value),),
        cut_off=0.5,
        group=Group.HIGH if value > 0.5 else Group.LOW,
        contributions=_contributions(table, seed=2),
        provider="CPUExecutionProvider",
    )


SERIES = (
    SeriesUsed(
        role="T1+C",
        description="t1_fl3d_tra_dyna_SUB_2",
        series_number="8",
        detail="phase 2 of 6; 120 slices of 1.2 mm; 0.80 × 0.80 mm",
        series_instance_uid="1.3.12.2.1107.5.2.18.41185.2026051208143311289100000",
        why="rule “dynamic T1 with contrast”: first phase after contrast",
    ),
    SeriesUsed(
        role="T2W",
        description="t2_tse_tra",
        series_number="4",
        detail="60 slices of 2.5 mm; 0.90 × 0.90 mm",
        series_instance_uid="1.3.12.2.1107.5.2.18.41185.2026051208143311289155555",
        why="rule “T2-weighted”",
    ),
    SeriesUsed(
        role="Tumour segmentation (T1+C)",
        description="Tumour, Dr. Åse Sørensen",
        series_number="900",
        detail="DICOM-SEG, BINARY, 31 slices",
        series_instance_uid="1.2.276.0.7230010.3.1.3.17186306.55.1747046400.991337",
        why="segment “Tumour” (M-01000, SRT)",
    ),
)

QUALITY_NOTES = (
    QualityNote(
        "carried-over",
        Severity.NOTE,
        "The tumour was segmented on T1+C and carried over to T2W in patient space (same frame of reference).",
        Sequence.T2W,
        Region.INTRATUMORAL,
    ),
    QualityNote(
        "shell-cut-by-body",
        Severity.WARNING,
        "23% of the peritumoral shell lies outside the body and was cut off; the shell is thinner towards the skin.",
        Sequence.T1C,
        Region.PERITUMORAL,
    ),
)

OUTSIDE = QualityNote(
    "outside-training-range",
    Severity.WARNING,
    "412 of 3452 inputs (12%) lie outside the range of the training patients; 1% is usual.",
)


def report(
    *,
    sequences: Ordered[Sequence] = tuple(Sequence),
    subject: Subject = SUBJECT,
    notes: Ordered[QualityNote] = QUALITY_NOTES,
    series: Ordered[SeriesUsed] = SERIES,
    outcomes: Ordered[ModelOutcome | NotApplicable] | None = None,
    size: int = 96,
    direction: np.ndarray | None = None,
    language: Language = Language.ENGLISH,
) -> Report:
    """A report, by default of an ordinary study with both sequences."""
    table = features(sequences)
    if outcomes is None:
        outcomes = (recurrence(table, notes=(OUTSIDE,)), krt7_as(table))
    return compose(
        subject=subject,
        prepared=prepared(sequences, size=size, direction=direction),
        features=table,
        outcomes=outcomes,
        series=series,
        notes=notes,
        bias="N4 (SimpleITK 2.5.7), shrink 4, 4 × 50 iterations, body mask",
        settings=FeatureSettings(),
        created=CREATED,
        language=language,
    )


REASONS = {
    State.CONDITIONAL: Reason(
        "breast-not-confirmed",
        State.CONDITIONAL,
        "The headers do not say that this is a breast.",
        "nothing stated",
        "a breast",
        "--confirm breast, or intended_use.confirmed",
    ),
    State.BORDERLINE: Reason(
        "cut-off-in-range",
        State.BORDERLINE,
        "The cut-off of 1.10 lies in the plausible range of the score, -0.08 to 2.21.",
        "-0.08 to 2.21",
        "a range on one side of 1.10",
    ),
    State.OUTSIDE: Reason(
        "under-age",
        State.OUTSIDE,
        "The patient is 9 years old; the models are meant for women of 18 years and over.",
        "9 years",
        "18 years and over",
        "--confirm age, or intended_use.confirmed",
    ),
    State.NOT_COMPUTABLE: Reason(
        "tumour-volume",
        State.NOT_COMPUTABLE,
        "The segmentation on T1+C cannot be a breast tumour. It measures 8,190 cm³; at most 500 cm³ was expected.",
        "8,190 cm³",
        "at most 500 cm³",
        "plausibility.volume_impossible_cm3",
    ),
}
RANGE = PlausibleRange(
    -0.08,
    2.21,
    "From 20 other contours and 6 trainings.",
    (SurvivalRange(12.0, 0.80, 0.98), SurvivalRange(24.0, 0.61, 0.93), SurvivalRange(36.0, 0.42, 0.90)),
)
TRAINING = TrainingFacts("698 simulated patients of a demonstration", 698, 101, "Harrell's C", 0.81, 0.77, 0.85)
GROUPS = (
    GroupCurve(
        Group.LOW, 596, 39, tuple(1 - 0.0019 * month for month in range(37)), (0, 12, 24, 36), (596, 542, 401, 260)
    ),
    GroupCurve(
        Group.HIGH, 102, 62, tuple(1 - 0.017 * month for month in range(37)), (0, 12, 24, 36), (102, 71, 44, 19)
    ),
)
WITH_GROUPS = replace(TRAINING, groups=GROUPS, hazard_ratio=(9.13, 5.02, 16.6))
RANK = ScoreRank(0.832, 0.832)


def in_state(
    state: State,
    *,
    subject: Subject = SUBJECT,
    is_older: bool = False,
    language: Language = Language.ENGLISH,
) -> Report:
    """A report whose two models are in one state, with the reasons of all better ones.

    `is_older` : the packages hold no scores of their training patients
    """
    table = features()
    reasons = [reason for reason in REASONS.values() if reason.state.weight <= state.weight]
    recurrent = replace(recurrence(table, value=1.06), plausible_range=RANGE, training=TRAINING)
    expressed = replace(krt7_as(table), training=TRAINING)
    if not is_older:
        recurrent = replace(recurrent, training=WITH_GROUPS, rank=RANK)
        expressed = replace(expressed, rank=ScoreRank(0.99, 1.0))
    answers = [one.held_to(reasons) for one in (recurrent, expressed)]
    is_computable = state is not State.NOT_COMPUTABLE
    made = prepared()
    return compose(
        subject=subject,
        prepared=made if is_computable else None,
        features=table if is_computable else None,
        outcomes=answers,
        series=SERIES,
        notes=QUALITY_NOTES,
        bias="N4",
        settings=FeatureSettings(),
        created=CREATED,
        received={sequence: (one.volume, one.rois[Region.INTRATUMORAL]) for sequence, one in made.sequences.items()},
        language=language,
    )


def t1c_only(*, size: int = 96) -> Report:
    """A study without T2W: one model speaks, two were not run."""
    table = features((Sequence.T1C,))
    only = identity("recurrence_t1c", title="RDeepNet recurrence score, T1+C only")
    return report(
        sequences=(Sequence.T1C,),
        series=(SERIES[0], SERIES[2]),
        notes=QUALITY_NOTES[1:],
        outcomes=(
            NotApplicable(identity(), "no T2W series was found"),
            NotApplicable(identity("krt7_as", title="KRT7-AS expression"), "no T2W series was found"),
            recurrence(table, value=0.62, survival=(0.957, 0.901, 0.868), model=only),
        ),
        size=size,
    )


def three_models(*, size: int = 96) -> Report:
    """Every package that ships applies."""
    table = features()
    only = identity("recurrence_t1c", title="RDeepNet recurrence score, T1+C only")
    return report(
        outcomes=(
            recurrence(table, notes=(OUTSIDE,), interval=(0.552, 0.931)),
            krt7_as(table, value=0.734),
            recurrence(table, value=0.98, survival=(0.92, 0.81, 0.77), model=only),
        ),
        size=size,
    )


def many_notes(*, size: int = 96) -> Report:
    """Twelve quality notes, nine of them warnings, about a Chinese patient."""
    warnings = [
        replace(QUALITY_NOTES[1], sentence=f"{QUALITY_NOTES[1].sentence[:-1]} (remark {number}).")
        for number in range(1, 10)
    ]
    notes = [
        replace(QUALITY_NOTES[0], sentence=f"{QUALITY_NOTES[0].sentence[:-1]} (remark {n}).") for n in range(10, 13)
    ]
    return report(
        subject=replace(
            SUBJECT,
            patient_name="王小梅 (Wang, Xiaomei)",
            institution="上海市第一人民医院",
            study_description="乳腺MRI平扫+增强",
        ),
        notes=[*notes, *warnings],
        size=size,
    )


def long_texts(*, size: int = 96) -> Report:
    """Names and descriptions as long as DICOM allows, with and without places to break."""
    return report(
        subject=replace(
            SUBJECT,
            patient_name="Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh, Maria-Magdalena Anastasia Theodora",
            patient_id="X" * 64,
            study_description="MAMMOGRAPHIEOHNEUNDMITKONTRASTMITTELDYNAMISCHUNDSPEKTROSKOPIEXYZ",
            accession_number="9" * 16,
            institution="Institut für Diagnostische und Interventionelle Radiologie & Nuklearmedizin <Haus 4>",
        ),
        series=[
            replace(s, description="ABCDEFGHIJKLMNOPQRSTUVWXYZ_" * 2 + "0123456789", why="w" * 120) for s in SERIES
        ],
        notes=[replace(QUALITY_NOTES[1], sentence="Verylongword" * 30 + ".")],
        size=size,
    )
