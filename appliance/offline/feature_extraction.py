"""`rdeepnet features`: the features of every study of a cohort, or of one image with its mask, without any model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files import digest_of_files
from appliance.offline.feature_file import NoRow, Row, RowId
from appliance.offline.recipe import bias_name, digest_of, engine_name
from appliance.offline.row_cache import KeptRows
from appliance.process_pool import Broken, answers
from dicom_io.advice import Reader, advised
from dicom_io.reading.folder import look_into
from dicom_io.reading.read import read_study
from dicom_io.rules import Assignment, SelectionRules
from models.errors import RDeepNetError, StudyRejected
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.plausibility import PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.version import software_version

if TYPE_CHECKING:
    from models.features.extract import FeatureEngine
    from models.preprocessing.prepare import BiasCorrection

# Options of `Extraction` that do not determine a value: CPU and CUDA are held equal by tests.
_DEVICES = {"engine_device", "n4_device"}


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


@dataclass(frozen=True)
class StudyFiles:
    """One study to extract."""

    study_instance_uid: str
    files: tuple[Path, ...]
    assignment: Assignment
    remarks: tuple[str, ...] = ()  # what stands outside its files and may explain a refusal


def studies_below(root: Path, *, assignment: Assignment) -> tuple[StudyFiles, ...]:
    """The studies of a folder tree.

    Raises
    ------
    StudyRejected
        When there is none.
    """
    folder = look_into(root)
    return tuple(StudyFiles(uid, files, assignment, folder.remarks(uid)) for uid, files in folder.studies.items())


def extract_cohort(
    studies: Sequence[StudyFiles], extraction: Extraction, *, kept: Path, jobs: int
) -> Iterator[Row | NoRow]:
    """The features of every study, `jobs` at a time, as they end; kept rows first.

    Parameters
    ----------
    kept : folder where rows are kept; a study with the files, settings and version of a row there is not
        processed again

    Raises
    ------
    SetupError
        When the engine, the bias correction or the device is not available.
    """
    recipes = {study.assignment: KeptRows(kept, _recipe(extraction, study.assignment)) for study in studies}
    missing: list[StudyFiles] = []
    for study in studies:
        row = recipes[study.assignment].find(digest_of_files(study.files)) if kept.is_dir() else None
        if row is None:
            missing.append(study)
        else:
            yield row
    for ended in answers(missing, partial(open_worker, extraction, kept), jobs=jobs):
        yield NoRow(ended.task.study_instance_uid, ended.reason) if isinstance(ended, Broken) else ended.answer


def open_worker(extraction: Extraction, kept: Path) -> Callable[[StudyFiles], Row | NoRow]:
    """Opens the engines once in a worker and returns the function that it calls for every study."""
    # Imported here: where every row is kept nobody waits for the libraries.
    from models.features.extract import open_engine
    from models.preprocessing.prepare import open_bias_correction

    engine = open_engine(extraction.engine, device=extraction.engine_device)
    bias = open_bias_correction(extraction.n4, device=extraction.n4_device)

    def answer(study: StudyFiles) -> Row | NoRow:
        try:
            row = _extract(study, extraction, engine=engine, bias=bias)
        except StudyRejected as error:
            sentence = " ".join([advised(error, Reader.COMMAND_LINE), *study.remarks])
            return NoRow(study.study_instance_uid, sentence)
        except RDeepNetError as error:
            return NoRow(study.study_instance_uid, str(error))
        KeptRows(kept, _recipe(extraction, study.assignment)).keep(row, digest_of_files(study.files))
        return row

    return answer


def extract_image(
    image: Path, mask: Path, *, label: int | None, engine: str, device: str, settings: FeatureSettings
) -> FeatureTable:
    """The features of one region of one image (NRRD, NIfTI, MetaImage), by plain PyRadiomics names; no N4, no shell.

    Raises
    ------
    StudyRejected
        When a file cannot be read, or a feature has no value.
    SetupError
        When the engine or the device is not available.
    """
    from models.features.extract import extract_region, open_engine
    from models.images import read_image, read_mask

    opened = open_engine(engine, device=device)
    return extract_region(read_image(image), read_mask(mask, label=label), engine=opened, settings=settings)


def _extract(study: StudyFiles, extraction: Extraction, *, engine: FeatureEngine, bias: BiasCorrection) -> Row:
    """Reads, prepares and extracts one study."""
    from models.features.extract import extract_features
    from models.preprocessing.measurement import MeasuredParts
    from models.preprocessing.prepare import prepare
    from models.preprocessing.tumour_check import check_tumours

    read = read_study(study.files, rules=extraction.rules, assignment=study.assignment)
    parts = MeasuredParts()
    check_tumours(
        read.volumes, read.tumours, evidence=read.contrast, limits=extraction.plausibility, parts=parts
    ).require()
    prepared = prepare(
        read.volumes, read.tumours, bias=bias, shell_mm=extraction.shell_mm, cavities=extraction.cavities, parts=parts
    )
    table = extract_features(prepared, engine=engine, settings=extraction.settings)
    return Row(
        study_instance_uid=study.study_instance_uid,
        identifiers={
            RowId.STUDY: study.study_instance_uid,
            RowId.PATIENT: read.subject.patient_id,
            RowId.ACCESSION: read.subject.accession_number,
        },
        names=table.names,
        values=table.vector(table.names),
        engine=table.engine,
        bias=bias.name,
        acquisitions=read.acquisitions,
        several_tumours=extraction.rules.tumours_together,
    )


def _recipe(extraction: Extraction, assignment: Assignment) -> str:
    """SHA-256 over everything but the files that determines a row: 64 hexadecimal digits."""
    options = {name: value for name, value in asdict(extraction).items() if name not in _DEVICES}
    names = {"engine": engine_name(extraction.engine), "n4": bias_name(extraction.n4)}
    return digest_of({"software": software_version(), "assignment": asdict(assignment), **options, **names})
