"""A study without names: what was read of it becomes pseudonyms before anything is said or written about it.

Series and segments are chosen by what the headers say, so that a study gives the same numbers with and without names;
then the `Study` is made again: an allow-list of header attributes, keyed identifiers and UIDs, dates moved or left out,
texts of descriptions cleaned word by word (`plain_words`). Every object and report is made from that study, none of the
received objects is written. Profile and options (PS3.15 Annex E, CID 7050) are in `CODES`.

Sentences of reading quote headers and file names, also those of a refusal. So every word of every text in the headers
and of the file names that is not plain is hidden in them, and every UID keyed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import pydicom
from pydicom.sequence import Sequence as ItemSequence

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, read_header, shown
from dicom_io.reading.plain_words import RUN, is_plain, parts
from dicom_io.study import SourceInstance, SourceSeries, Study
from models.intended_use import Evidence
from models.pseudonyms import Dates, Kind, Pseudonyms
from models.validity import Reason

METHOD = "rdeepnet: keyed pseudonyms, allow-list of attributes"
# Coding scheme DCM. The first is the profile, the others its options.
CODES: Mapping[str, str] = {
    "113100": "Basic Application Confidentiality Profile",
    "113105": "Clean Descriptors Option",
    "113108": "Retain Patient Characteristics Option",
}
SHIFTED = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")

# Attributes of the header that are carried over as they are, beside those that `StudyCover._header` makes.
KEPT = (
    "PatientSex",
    "PatientSize",
    "PatientWeight",
    "EthnicGroup",
    "MagneticFieldStrength",
    "Manufacturer",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "Laterality",
    "ImageLaterality",
    "PatientPosition",
)
HIDDEN = "…"
OLDEST_SHOWN = 89  # years; older patients are few enough to be known

_IDEOGRAPHS = "\u2e80"  # the scripts of East Asia begin here
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_SHORTEST_UID = 6  # characters; a shorter one that does not look like any would be found in numbers
_DEEPEST = 32  # sequences in sequences; nothing reads values as deep
_UID = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+){3,}(?![\w])")
_DAY = re.compile(r"(?<![0-9])([12][0-9]{3})(-?)([01][0-9])\2([0-3][0-9])(?![0-9])")


@dataclass(frozen=True)
class Pseudonymiser:
    """Key and options by which studies lose their names.

    Attributes
    ----------
    pseudonyms : by the site's key
    dates : what becomes of dates
    """

    pseudonyms: Pseudonyms
    dates: Dates = Dates.SHIFT

    @property
    def recipe(self) -> str:
        """Names key and options, for digests and folders of results; gives nothing away."""
        return f"{self.pseudonyms.fingerprint} {self.dates}"

    def study_uid(self, key: str) -> str:
        """The pseudonym of a Study Instance UID, or of the key of a file that has none (`find_studies`)."""
        prefix, dash, rest = key.rpartition("unreadable-")
        if dash and not prefix:
            return f"unreadable-{self.pseudonyms.digest(rest)[:12]}"
        return self.pseudonyms.uid(key)

    def cover(self, files: Iterable[Path], *, names: Iterable[str] = ()) -> StudyCover:
        """Reads every header of a study for what must not be said; `names` are those of other files nearby."""
        words: set[str] = set()
        uids: set[str] = set()
        burned_in: set[str] = set()
        for path in files:
            words |= _telling(path.name)
            try:
                header = read_header(path)
            except NotReadable:
                continue  # reading the study refuses it, and names the file
            if header is not None:
                _collect(header, words, uids)
                if shown(header, "BurnedInAnnotation").upper() == "YES":
                    burned_in.add(shown(header, "SOPInstanceUID"))
        for name in names:
            words |= _telling(name)
        return StudyCover(self, frozenset(words), frozenset(uids), frozenset(burned_in))


@dataclass(frozen=True, eq=False)
class StudyCover:
    """Hides what identifies one study.

    Attributes
    ----------
    words : of texts in the headers and of file names, in small letters
    odd_uids : UIDs of the headers that do not look like any
    burned_in : SOP Instance UIDs of images with writing in their pixels
    """

    pseudonymiser: Pseudonymiser
    words: frozenset[str] = field(repr=False)
    odd_uids: frozenset[str] = field(repr=False)
    burned_in: frozenset[str] = field(repr=False)

    def sentence(self, text: str) -> str:
        """A sentence without words of the headers that are not plain; UIDs keyed, dates hidden."""
        for uid in sorted(self.odd_uids, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){re.escape(uid)}(?![\w])", self._pseudonyms.uid(uid), text)
        text = _UID.sub(lambda match: self._pseudonyms.uid(match.group()), text)
        text = _DAY.sub(lambda match: HIDDEN if _as_date("".join(match.group(1, 3, 4))) else match.group(), text)
        return _joined(RUN.sub(lambda match: HIDDEN if self._hides(match.group()) else match.group(), text))

    def description(self, text: str) -> str:
        """A description of which only plain words and short numbers are left."""
        return _joined(RUN.sub(lambda match: match.group() if is_plain(match.group()) else HIDDEN, text))

    def reasons(self, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
        """Reasons for a state, with sentence and what was found covered."""
        return tuple(
            replace(one, sentence=self.sentence(one.sentence), found=self.sentence(one.found)) for one in reasons
        )

    def study(self, study: Study) -> Study:
        """The study without names: all that reports and objects are made from.

        Raises
        ------
        NotReadable
            When the images that are used have writing in their pixels: the report shows some of them.
        """
        used = {one.sop_instance_uid for source in study.sources.values() for one in source.instances}
        used |= {one.sop_instance_uid for one in study.before.instances} if study.before else set()
        if count := len(used & self.burned_in):
            raise NotReadable(
                f"{count} of the images that are used say that there is writing in their pixels (Burned In Annotation "
                "YES), which may name the patient and would be seen in the report; images without were expected. Use "
                "rdeepnet features, which writes no image, or remove the writing before."
            )
        header = self._header(study)
        subject = replace(
            study.subject,
            patient_name="",
            patient_id=str(header.PatientID),
            birth_date=None,
            age=shown(header, "PatientAge"),
            study_date=_as_date(shown(header, "StudyDate")),
            study_description=shown(header, "StudyDescription"),
            accession_number=shown(header, "AccessionNumber"),
            institution="",
            referring_physician="",
            study_instance_uid=str(header.StudyInstanceUID),
            laterality_source=self.sentence(study.subject.laterality_source),
        )
        rows = (
            replace(
                row,
                description=self.description(row.description),
                detail=self.sentence(row.detail),
                why=self.sentence(row.why),
                series_instance_uid=self._pseudonyms.uid(row.series_instance_uid),
            )
            for row in study.series
        )
        return replace(
            study,
            subject=subject,
            header=header,
            sources={sequence: self._source(source) for sequence, source in study.sources.items()},
            segmentations=tuple(self._instance(instance) for instance in study.segmentations),
            series=tuple(rows),
            notes=tuple(replace(note, sentence=self.sentence(note.sentence)) for note in study.notes),
            content_digest=self._pseudonyms.digest(study.content_digest),
            missing={sequence: self.sentence(sentence) for sequence, sentence in study.missing.items()},
            evidence=Evidence(),  # quotes the headers, and has been judged
            before=None if study.before is None else self._source(study.before),
        )

    def _hides(self, run: str) -> bool:
        """Returns whether a run of letters and digits has a word of the headers; ideographs stand without spaces."""
        return bool(parts(run) & self.words) or any(word in run for word in self._ideographic)

    @cached_property
    def _ideographic(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if word[0] >= _IDEOGRAPHS)

    @property
    def _pseudonyms(self) -> Pseudonyms:
        return self.pseudonymiser.pseudonyms

    def _header(self, study: Study) -> pydicom.Dataset:
        """Patient and study modules of the pseudonymised objects."""
        source, header = study.header, pydicom.Dataset()
        for keyword in KEPT:
            if keyword in source:
                header.add(source[keyword])
        header.SpecificCharacterSet = "ISO_IR 192"
        header.StudyInstanceUID = self.pseudonymiser.study_uid(study.subject.study_instance_uid)
        if frame := shown(source, "FrameOfReferenceUID"):
            header.FrameOfReferenceUID = self._pseudonyms.uid(frame)
        patient = study.subject.patient_id
        header.PatientID = self._pseudonyms.of(Kind.PATIENT, patient)
        header.PatientName = ""
        header.AccessionNumber = self._pseudonyms.of(Kind.ACCESSION, study.subject.accession_number)
        header.StudyDescription = self.description(study.subject.study_description)
        if age := _age(study):
            header.PatientAge = age
        codes = dict(CODES)
        if self.pseudonymiser.dates is Dates.SHIFT and study.subject.study_date is not None:
            whose = patient or study.subject.study_instance_uid
            day = self._pseudonyms.shifted(study.subject.study_date, patient=whose)
            header.StudyDate = f"{day:%Y%m%d}"
        if self.pseudonymiser.dates is Dates.SHIFT:
            codes[SHIFTED[0]] = SHIFTED[1]
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = METHOD
        header.DeidentificationMethodCodeSequence = ItemSequence(_code(*code) for code in codes.items())
        return header

    def _source(self, source: SourceSeries) -> SourceSeries:
        frame = source.frame_of_reference_uid
        return replace(
            source,
            series_instance_uid=self._pseudonyms.uid(source.series_instance_uid),
            frame_of_reference_uid=self._pseudonyms.uid(frame),
            instances=tuple(self._instance(instance) for instance in source.instances),
        )

    def _instance(self, instance: SourceInstance) -> SourceInstance:
        return replace(
            instance,
            sop_instance_uid=self._pseudonyms.uid(instance.sop_instance_uid),
            series_instance_uid=self._pseudonyms.uid(instance.series_instance_uid),
            frame_of_reference_uid=self._pseudonyms.uid(instance.frame_of_reference_uid),
        )


def _code(value: str, meaning: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _age(study: Study) -> str:
    """Patient's Age, else from the birth date, in years; that of the oldest is "090Y"."""
    stated = re.fullmatch(r"([0-9]{1,3})([DWMY])", shown(study.header, "PatientAge").strip())
    born, examined = study.subject.birth_date, study.subject.study_date
    if stated is not None:
        number, unit = int(stated[1]), stated[2]
    elif born is not None and examined is not None and born <= examined:
        number, unit = examined.year - born.year - ((examined.month, examined.day) < (born.month, born.day)), "Y"
    else:
        return ""
    return f"{min(number, OLDEST_SHOWN + 1) if unit == 'Y' else number:03d}{unit}"


def _collect(dataset: pydicom.Dataset, words: set[str], uids: set[str]) -> None:
    """Adds the telling words and odd UIDs of a data set and its items."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong with a value is said where it is read
        meta = getattr(dataset, "file_meta", None)
        for part in (dataset, *([meta] if meta is not None else [])):
            for vr, value in _values(part):
                if vr == "UI":
                    if len(value) >= _SHORTEST_UID and not _UID.fullmatch(value):
                        uids.add(value)
                else:
                    words |= _telling(value)


def _values(dataset: pydicom.Dataset, depth: int = 0) -> Iterator[tuple[str, str]]:
    """VR and text of each value that is a text or a UID, at any depth; what cannot be decoded is not quoted either."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            vr, value = element.VR, element.value
        except DECODE_ERRORS:
            continue
        if vr == "SQ":
            for item in value if depth < _DEEPEST else ():
                yield from _values(item, depth + 1)
        elif vr in _TEXTS or vr == "UI":
            several = isinstance(value, Sequence) and not isinstance(value, str)
            for one in value if several else [value]:
                yield vr, "" if one is None else str(one).strip(" \0")
        elif vr == "UN" and isinstance(value, bytes) and len(value) <= 1024:
            yield "UN", value.decode("utf-8", "ignore")


def _telling(text: str) -> set[str]:
    """Runs of letters and digits of a text that must not be said, and the telling parts of them."""
    return {part for run in RUN.findall(text) if not is_plain(run) for part in parts(run)}


def _as_date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _joined(text: str) -> str:
    """Several hidden words in a row as one."""
    return re.sub(rf"{HIDDEN}(?:[\W_]?{HIDDEN})+", HIDDEN, text)
