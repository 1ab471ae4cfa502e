"""The attributes of an image plane by the keywords of single-frame images, wherever a multi-frame image has them.

An Enhanced MR image has what rules look at (times, kind of sequence, contrast agent) in functional groups, shared by
all frames or for each, some under another name; a legacy-converted one has it in groups of unassigned attributes. So
that one rule fits both kinds, this module answers by the old keyword. Any other keyword is looked for at the top level,
then in every group of the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pydicom

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, items, shown
from dicom_io.images.planes import MULTI_FRAME_MR, FrameGroups, Plane

# Keyword of single-frame MR images → (functional group, attribute) of Enhanced ones (PS3.3 C.8.13.5).
IN_GROUPS: Mapping[str, tuple[str, str]] = {
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "EchoTrainLength": ("MRTimingAndRelatedParametersSequence", "EchoTrainLength"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "PixelBandwidth": ("MRImagingModifierSequence", "PixelBandwidth"),
    "NumberOfAverages": ("MRAveragesSequence", "NumberOfAverages"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "ReceiveCoilName": ("MRReceiveCoilSequence", "ReceiveCoilName"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "SpacingBetweenSlices": ("PixelMeasuresSequence", "SpacingBetweenSlices"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "ImageLaterality": ("FrameAnatomySequence", "FrameLaterality"),
    "AnatomicRegionSequence": ("FrameAnatomySequence", "AnatomicRegionSequence"),
}


def attributes_of(plane: Plane, keywords: Iterable[str]) -> Mapping[str, str]:
    """The values of a plane, as text; empty for what is absent or cannot be decoded."""
    header = plane.instance.header
    if plane.instance.sop_class_uid not in MULTI_FRAME_MR:
        values = {keyword: shown(header, keyword) for keyword in keywords}
        if values.get("ContrastBolusAgent") == "":
            values["ContrastBolusAgent"] = shown(header, "ContrastBolusAgentSequence")
        return values
    groups, frame = FrameGroups(header), (plane.frame_number or 1) - 1
    return {keyword: _value(header, groups, frame, keyword) for keyword in keywords}


def _value(header: pydicom.Dataset, groups: FrameGroups, frame: int, keyword: str) -> str:
    if keyword in _DERIVED:
        return shown(header, keyword) or _DERIVED[keyword](header, groups, frame)
    if keyword in IN_GROUPS:
        sequence, attribute = IN_GROUPS[keyword]
        if value := _in_group(groups, frame, sequence, attribute):
            return value
    return shown(header, keyword) or _anywhere(groups, frame, keyword)


def _in_group(groups: FrameGroups, frame: int, sequence: str, attribute: str) -> str:
    try:
        return shown(groups.group(frame, sequence), attribute)
    except NotReadable:
        return ""


def _anywhere(groups: FrameGroups, frame: int, keyword: str) -> str:
    """The first value of a keyword in any group of the frame, then of those that are shared."""
    for group in groups.of_frame(frame):
        for tag in sorted(group.keys()):
            try:
                element = group[tag]
            except DECODE_ERRORS:
                continue  # a damaged group says nothing; one that is needed is read elsewhere, and refused there
            if element.VR == "SQ" and element.value and (value := shown(element.value[0], keyword)):
                return value
    return ""


def _scanning_sequence(header: pydicom.Dataset, groups: FrameGroups, frame: int) -> str:
    """SE, GR, IR and EP, as Scanning Sequence has them, from the MR Pulse Sequence module and MR Modifier group."""
    echo = shown(header, "EchoPulseSequence")
    kinds = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(echo, [])
    if _in_group(groups, frame, "MRModifierSequence", "InversionRecovery") == "YES":
        kinds.append("IR")
    if shown(header, "EchoPlanarPulseSequence") == "YES":
        kinds.append("EP")
    return "\\".join(kinds) or _anywhere(groups, frame, "ScanningSequence")


def _scan_options(header: pydicom.Dataset, groups: FrameGroups, frame: int) -> str:
    """FS where fat is suppressed, as Scan Options has it."""
    suppressed = _in_group(groups, frame, "MRModifierSequence", "SpectrallySelectedSuppression")
    return "FS" if suppressed in ("FAT", "FAT_AND_WATER") else _anywhere(groups, frame, "ScanOptions")


def _contrast_agent(header: pydicom.Dataset, groups: FrameGroups, frame: int) -> str:
    """The agent as code ("SCT … Gadobutrol"); "NO" where the frame says that none had been given yet."""
    try:
        used = [shown(item, "ContrastBolusAgentAdministered") for item in groups.all_items(frame, _USAGE)]
        named = [shown(item, "CodeMeaning") for item in items(header, "ContrastBolusAgentSequence")]
    except NotReadable:
        return ""
    if used and "YES" not in used:
        return "NO"
    return "\\".join(one for one in named if one) or _anywhere(groups, frame, "ContrastBolusAgent")


_USAGE = "ContrastBolusUsageSequence"
_DERIVED: Mapping[str, Callable[[pydicom.Dataset, FrameGroups, int], str]] = {
    "ScanningSequence": _scanning_sequence,
    "ScanOptions": _scan_options,
    "ContrastBolusAgent": _contrast_agent,
}
