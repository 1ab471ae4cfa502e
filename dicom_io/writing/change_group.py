"""The section of the key SR about an earlier study: a measurement group with numbers then and their differences.

The numbers of this study stand in their own groups, so the group has each number of the earlier study and the
difference, told apart by a modifier. The earlier study is named by its Study Instance UID, and its key report is other
evidence.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom import sr
from highdicom.sr import RelationshipTypeValues
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.coding import Code

from dicom_io import codes, uids
from dicom_io.feature_codes import DEFINITIONS
from dicom_io.study import Study
from dicom_io.writing import equipment
from dicom_io.writing.readable import round_numbers
from dicom_io.writing.readable_numbers import in_units_of_row
from reports.change import VOLUME_KEY
from reports.content import ChangeRow, ChangeSection, Measurement
from reports.language import Language
from reports.languages.languages import WORDS
from reports.numerals import decimal


def change_group(
    study: Study, section: ChangeSection, *, sites: list[sr.FindingSite] | None
) -> sr.MeasurementsAndQualitativeEvaluations:
    """The measurement group; the decimal strings are rounded, and the doubles exact."""
    product = equipment.product()
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uids.change_uid(study, section.study_instance_uid), identifier=section.title
        ),
        finding_type=codes.NEOPLASM,
        finding_sites=sites,
        algorithm_id=sr.AlgorithmIdentification(name=product.model_name, version=product.version),
        measurements=[_interval(section), *(number for row in section.rows for number in _numbers(row))],
    )
    group[0].ContentSequence.append(
        sr.UIDRefContentItem(
            name=codes.concept(codes.PRIOR_STUDY),
            value=section.study_instance_uid,
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
    )
    return group


def change_texts(section: ChangeSection, language: Language) -> Iterator[sr.TextContentItem]:
    """The section in words, a line for each number, then what to know about it."""
    say = WORDS[language].say
    lines = [
        say.change_headline(section.title, section.interval_shown),
        *(say.change_line(row.label, row.then_shown, row.now_shown, row.change_shown) for row in section.rows),
    ]
    for line in (*lines, *section.sentences):
        yield sr.TextContentItem(
            name=codes.concept(codes.CHANGE), value=line, relationship_type=RelationshipTypeValues.CONTAINS
        )


def other_evidence(section: ChangeSection) -> Dataset | None:
    """The key report of the earlier study as an item of the Pertinent Other Evidence Sequence; None without one."""
    if section.report is None:
        return None
    sop_class_uid, sop_instance_uid, series_instance_uid = section.report
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = series_instance_uid, ItemSequence([reference])
    evidence = Dataset()
    evidence.StudyInstanceUID = section.study_instance_uid
    evidence.ReferencedSeriesSequence = ItemSequence([series])
    return evidence


def _interval(section: ChangeSection) -> sr.Measurement:
    return sr.Measurement(
        name=codes.concept(codes.INTERVAL),
        value=float(section.interval_days),
        unit=codes.concept(codes.unit("d")),
    )


def _numbers(row: ChangeRow) -> Iterator[sr.Measurement]:
    """The number then, where there is one, and the difference where there are both."""
    then, now = (None if one is None else in_units_of_row(one, row) for one in (row.then, row.now))
    if then is not None:
        yield _number(row, then, then.value, codes.EARLIER)
    if then is not None and now is not None:
        yield _number(row, then, now.value - then.value, codes.DIFFERENCE)


def _number(row: ChangeRow, one: Measurement, value: float, when: Code) -> sr.Measurement:
    """A number with when it is of, its sequence, and its plausible range where it is that of the earlier study."""
    spread = one.plausible_range if when is codes.EARLIER else None
    unit = codes.concept(codes.unit(one.unit))
    properties = None
    if spread is not None:
        properties = sr.MeasurementProperties(
            upper_measurement_uncertainty=max(0.0, spread[1] - value),
            lower_measurement_uncertainty=max(0.0, value - spread[0]),
        )
        for item in properties:  # highdicom writes "no units"
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = ItemSequence([unit])
        round_numbers(properties)  # pydicom writes 9.999999999999996 as a decimal string of 17 characters
    number = sr.Measurement(name=codes.concept(_name(one)), value=float(value), unit=unit, properties=properties)
    number[0].MeasuredValueSequence[0].NumericValue = decimal(float(value))
    modifiers = [(codes.TIME, when)]
    if row.sequence is not None:
        modifiers.append((codes.IMAGE_TYPE, codes.sequence(row.sequence)))
    if spread is not None:
        modifiers.append((codes.UNCERTAINTY, codes.PLAUSIBLE_RANGE))
    items = [
        sr.CodeContentItem(codes.concept(name), codes.concept(value), RelationshipTypeValues.HAS_CONCEPT_MOD)
        for name, value in modifiers
    ]
    number[0].ContentSequence = sr.ContentSequence([*items, *number[0].get("ContentSequence", ())])
    return number


def _name(one: Measurement) -> Code:
    if one.key == VOLUME_KEY:
        return codes.VOLUME
    if one.unit == "mm":
        value, scheme = DEFINITIONS[one.key.removeprefix("original_")]
        return Code(value, scheme, codes.fitting(one.label, one.key))
    return codes.quantity(one)
