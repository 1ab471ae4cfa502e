"""`rdeepnet features`: the features of every study of a cohort, or of one image with its mask, without any model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files import digest_of_files
from appliance.offline.feature_file import NoRow, Row, RowId
from appliance.offline.recipe import bias_name, digest_of, engine_name
from appliance.offline.row_cache import KeptRows, remove_unfinished
from appliance.process_pool import Broken, answers
from appliance.settings import Settings
from dicom_io.advice import Reader, advised
from dicom_io.images.limits import USUAL, Limits
from dicom_io.reading.folder import look_into
from dicom_io.reading.pseudonymise import Pseudonymiser
from dicom_io.reading.read import read_study
from dicom_io.rules import Assignment, SelectionRules
from models.errors import NotWritable, RDeepNetError, StudyRejected
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.outline import outlined_in_words
from models.plausibility import PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.progress import Tell, silent
from models.pseudonyms import Kind
from models.version import software_version
from reports.content import Subject

if TYPE_CHECKING:
    from models.features.extract import FeatureEngine
    from models.preprocessing.prepare import BiasCorrection

Extractor = Callable[[Sequence["StudyFiles"]], Generator["Row | NoRow", None, None]]

# Options of `Extraction` that do not determine a value: CPU and CUDA are held equal by tests.
# Options that determine no value of a row.
_WITHOUT_EFFECT = {"engine_device", "n4_device", "limits"}


@dataclass(frozen=True)
class Extraction:
    """Options of a feature extraction; each worker process builds its engines from them.

    Attributes
    ----------
    rules : which series and segment plays which role
    engine, n4 : names, as `open_engine` and `open_bias_correction` know them
    engine_device, n4_device : "cpu", "cuda" or "auto"
    shell_mm : width of the peritumoral shell
    cavities : what becomes of voxels a tumour encloses
    plausibility : limits of what a breast tumour can be; a study beyond them has no row
    limits : what files may ask for
    """

    rules: SelectionRules
    engine: str
    engine_device: str
    n4: str
    n4_device: str
    shell_mm: float
    settings: FeatureSettings
    cavities: Cavities = Cavities.EXCLUDE
    plausibility: PlausibilityLimits = field(default_factory=PlausibilityLimits)
    limits: Limits = USUAL


@dataclass(frozen=True)
class StudyFiles:
    """One study to extract.

    Attributes
    ----------
    remarks : what stands outside its files and may explain a refusal
    pseudonymiser : takes the names out of its row and of what is said about it; None leaves them
    """

    study_instance_uid: str
    files: tuple[Path, ...]
    assignment: Assignment
    remarks: tuple[str, ...] = ()
    pseudonymiser: Pseudonymiser | None = None

    @property
    def digest(self) -> str:
        """Digest of its files; keyed where names are taken out."""
        digest = digest_of_files(self.files)
        return digest if self.pseudonymiser is None else self.pseudonymiser.pseudonyms.digest(digest)


def extraction_of(settings: Settings) -> Extraction:
    """The feature extraction of these settings."""
    return Extraction(
        rules=settings.reading,
        engine=settings.features.engine,
        engine_device=settings.features.device,
        n4=settings.preprocessing.n4,
        n4_device=settings.preprocessing.device,
        shell_mm=settings.preprocessing.shell_mm,
        settings=settings.features.settings,
        cavities=settings.preprocessing.cavities,
        plausibility=settings.plausibility,
        limits=settings.limits,
    )


def studies_below(
    root: Path,
    *,
    assignment: Assignment,
    pseudonymiser: Pseudonymiser | None = None,
    limits: Limits = USUAL,
    tell: Tell = silent,
) -> tuple[tuple[StudyFiles, ...], tuple[str, ...]]:
    """The studies of a folder tree, and what was left out of them, one phrase for each reason.

    `tell` is told how many files have been looked at.

    With a pseudonymiser there are pseudonyms in place of the UIDs of the studies, and no names in the phrases.

    Raises
    ------
    StudyRejected
        When there is none.
    """
    folder = look_into(root, limits=limits, tell=tell)
    if pseudonymiser is None:
        studies = (StudyFiles(uid, files, assignment, folder.remarks(uid)) for uid, files in folder.studies.items())
        return tuple(studies), folder.phrases()
    cover = pseudonymiser.cover((), names=folder.file_names)
    return (
        tuple(
            StudyFiles(
                pseudonymiser.study_uid(uid),
                files,
                assignment,
                tuple(cover.sentence(remark) for remark in folder.remarks(uid)),
                pseudonymiser,
            )
            for uid, files in folder.studies.items()
        ),
        tuple(cover.sentence(phrase) for phrase in folder.phrases()),
    )


def extract_cohort(
    studies: Sequence[StudyFiles], extraction: Extraction, *, kept: Path, jobs: int, by: Extractor | None = None
) -> Generator[Row | NoRow, None, None]:
    """The features of every study, `jobs` at a time, as they end; kept rows first.

    Parameters
    ----------
    kept : folder where rows are kept; a study with the files, settings and version of a row there is not
        processed again
    by : extracts the other studies, and keeps their rows, as they end; None does it here, `jobs` at a time

    Raises
    ------
    SetupError
        When the engine, the bias correction or the device is not available.
    NotWritable
        When the disk is full.
    """
    recipes = {(study.assignment, study.pseudonymiser): rows_of(kept, extraction, study) for study in studies}
    missing: list[StudyFiles] = []
    for study in studies:
        rows = recipes[study.assignment, study.pseudonymiser]
        row = rows.find(study.digest) if kept.is_dir() else None
        if row is None:
            missing.append(study)
        else:
            yield row
    try:
        if by is not None:
            with closing(by(missing)) as extracted:
                yield from extracted
            return
        for ended in answers(missing, partial(open_worker, extraction, kept), jobs=jobs):
            yield NoRow(ended.task.study_instance_uid, ended.reason) if isinstance(ended, Broken) else ended.answer
    except (KeyboardInterrupt, GeneratorExit, NotWritable):
        remove_unfinished(kept)  # of workers that were ended while they wrote
        raise


def rows_of(kept: Path, extraction: Extraction, study: StudyFiles) -> KeptRows:
    """The kept rows of studies with the choice of a study."""
    return KeptRows(kept, recipe_of(extraction, study))


def open_worker(extraction: Extraction, kept: Path) -> Callable[[StudyFiles], Row | NoRow]:
    """Opens the engines once in a worker and returns the function that it calls for every study."""
    extract = open_extraction(extraction)

    def answer(study: StudyFiles) -> Row | NoRow:
        row = extract(study)
        if isinstance(row, Row):
            rows_of(kept, extraction, study).keep(row, study.digest)
        return row

    return answer


def open_extraction(extraction: Extraction) -> Callable[[StudyFiles], Row | NoRow]:
    """Opens the engines and returns the function that extracts one study.

    Raises
    ------
    SetupError
        When the engine, the bias correction or the device is not available.
    """
    # Imported here: where every row is kept nobody waits for the libraries.
    from models.features.extract import open_engine
    from models.preprocessing.prepare import open_bias_correction

    engine = open_engine(extraction.engine, device=extraction.engine_device)
    bias = open_bias_correction(extraction.n4, device=extraction.n4_device)

    def extract(study: StudyFiles) -> Row | NoRow:
        try:
            return _extract(study, extraction, engine=engine, bias=bias)
        except StudyRejected as error:
            return _no_row(study, " ".join([advised(error, Reader.COMMAND_LINE), *study.remarks]))
        except RDeepNetError as error:  # of reading and computing
            return _no_row(study, str(error))

    return extract


def extract_image(
    image: Path,
    mask: Path,
    *,
    label: int | None,
    engine: str,
    device: str,
    settings: FeatureSettings,
    resample_mask: bool = False,
) -> FeatureTable:
    """The features of one region of one image (NRRD, NIfTI, MetaImage), by plain PyRadiomics names; no N4, no shell.

    Raises
    ------
    StudyRejected
        When a file cannot be read, the mask fits the image nowhere, or the region is too small.
    SetupError
        When the engine or the device is not available.
    """
    from models.features.extract import extract_region, open_engine
    from models.images import read_image, read_mask

    opened = open_engine(engine, device=device)
    return extract_region(
        read_image(image),
        read_mask(mask, label=label),
        engine=opened,
        settings=settings,
        resample_mask=resample_mask,
    )


def _no_row(study: StudyFiles, sentence: str) -> NoRow:
    if study.pseudonymiser is not None:
        sentence = study.pseudonymiser.cover(study.files).sentence(sentence)
    return NoRow(study.study_instance_uid, sentence)


def _extract(study: StudyFiles, extraction: Extraction, *, engine: FeatureEngine, bias: BiasCorrection) -> Row:
    """Reads, prepares and extracts one study."""
    from models.features.extract import extract_features
    from models.preprocessing.measurement import MeasuredParts
    from models.preprocessing.prepare import prepare
    from models.preprocessing.tumour_check import check_tumours

    read = read_study(study.files, rules=extraction.rules, assignment=study.assignment, limits=extraction.limits)
    parts = MeasuredParts()
    tumours = check_tumours(
        read.volumes, read.tumours, evidence=read.contrast, limits=extraction.plausibility, parts=parts
    )
    tumours.require()
    prepared = prepare(
        tumours.usable(read.volumes),
        read.tumours,
        bias=bias,
        shell_mm=extraction.shell_mm,
        cavities=extraction.cavities,
        parts=parts,
    )
    table = extract_features(prepared, engine=engine, settings=extraction.settings, keep_undefined=True)
    notes = (*read.notes, *tumours.notes, *prepared.notes, *table.notes)
    outlined = outlined_in_words(read.outlines)
    if study.pseudonymiser is not None:
        cover = study.pseudonymiser.cover(study.files)
        outlined = cover.sentence(outlined)
        notes = tuple(replace(note, sentence=cover.sentence(note.sentence)) for note in notes)
    return Row(
        study_instance_uid=study.study_instance_uid,
        identifiers=_identifiers(study, read.subject),
        names=table.names,
        values=table.vector(table.names),
        engine=table.engine,
        bias=bias.name,
        acquisitions=read.acquisitions,
        several_tumours=extraction.rules.tumours_together,
        outlined=outlined,
        notes=notes,
        undefined=dict(table.undefined),
    )


def _identifiers(study: StudyFiles, subject: Subject) -> dict[RowId, str]:
    patient, accession = subject.patient_id, subject.accession_number
    if study.pseudonymiser is not None:
        pseudonyms = study.pseudonymiser.pseudonyms
        patient, accession = pseudonyms.of(Kind.PATIENT, patient), pseudonyms.of(Kind.ACCESSION, accession)
    return {RowId.STUDY: study.study_instance_uid, RowId.PATIENT: patient, RowId.ACCESSION: accession}


def recipe_of(extraction: Extraction, study: StudyFiles) -> str:
    """SHA-256 over everything but the files that determines a row: 64 hexadecimal digits."""
    options = {name: value for name, value in asdict(extraction).items() if name not in _WITHOUT_EFFECT}
    names = {"engine": engine_name(extraction.engine), "n4": bias_name(extraction.n4)}
    if study.pseudonymiser is not None:
        names["pseudonymised"] = study.pseudonymiser.recipe
    return digest_of({"software": software_version(), "assignment": asdict(study.assignment), **options, **names})
