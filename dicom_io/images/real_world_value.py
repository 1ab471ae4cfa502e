"""Real World Value Mapping (PS3.3 C.7.6.16.2.11): stored value → value in a unit, where a site configures it.

It replaces Rescale, it does not follow it: both start at the stored value. By default Rescale is used, because every
image has it, and because the z-score of the features removes any scale that is one for the whole volume. Where a
scanner scales each slice on its own (some Philips protocols), Rescale and this mapping undo that alike.
"""

from __future__ import annotations

from dicom_io.errors import NotReadable
from dicom_io.images.headers import items, numbers, text
from dicom_io.images.planes import FrameGroups, Plane


def real_world_mapping(plane: Plane) -> tuple[float, float]:
    """(slope, intercept) of the one linear mapping of an image plane; several that are equal count as one.

    Raises
    ------
    NotReadable
        When there is none, when several differ, or when the mapping is a table.
    """
    header = plane.instance.header
    if plane.frame_number is None:
        mappings = items(header, "RealWorldValueMappingSequence")
    else:
        mappings = FrameGroups(header).all_items(plane.frame_number - 1, "RealWorldValueMappingSequence")
    where = f"The image {plane.instance.sop_instance_uid}"
    if not mappings:
        raise NotReadable(
            f"{where} has no real world value mapping, which the settings ask for; one was expected. Set "
            "value_mapping to rescale."
        )
    if any("RealWorldValueSlope" not in one for one in mappings):
        raise NotReadable(f"{where} has a real world value mapping without slope (a table); a linear one was expected.")
    found = {
        (
            numbers(one, "RealWorldValueSlope", count=1)[0],
            numbers(one, "RealWorldValueIntercept", count=1, default=(0,))[0],
        ): text(one, "MeasurementUnitsCodeSequence")
        for one in mappings
    }
    if len(found) > 1:
        listed = "; ".join(f"× {slope:g} + {shift:g} ({unit or 'no unit'})" for (slope, shift), unit in found.items())
        raise NotReadable(f"{where} has {len(found)} real world value mappings ({listed}); one was expected.")
    ((slope, intercept),) = found
    if slope == 0:
        raise NotReadable(f"{where} has a real world value mapping with slope 0; another number was expected.")
    return slope, intercept
