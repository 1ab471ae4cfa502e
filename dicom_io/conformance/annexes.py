"""The annexes of the conformance statement: the objects we make, attribute by attribute, and the codes in them."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import UID

from dicom_io import codes
from dicom_io.carried_values import ANY_OTHER, TREATMENTS
from dicom_io.conformance.created_attributes import EVERY_KIND, MODULES, Presence, presence
from dicom_io.conformance.markdown import table
from dicom_io.feature_codes import (
    DEFINITIONS,
    FILTER,
    LAPLACIAN_OF_GAUSSIAN,
    LEVEL,
    SIGMA,
    SUB_BAND,
    SUB_BAND_CODES,
    WAVELET,
)
from dicom_io.note_codes import SHORT, note_code
from dicom_io.writing.required_attributes import KINDS, required_attributes
from models.features.names import feature_definitions
from models.features.settings import FeatureSettings


def annexes() -> Iterable[str]:
    """Section 6: created objects, private attributes, coded terminology, extended SOP classes."""
    yield "## 6 Annexes"
    yield "### 6.1 Created SOP instances"
    yield (
        "ALWAYS: always present with a value. VNAP: always present, the value may be absent. ANAP: present where there "
        "is a value. Values of the source images are decoded and written in the character set above. Where the "
        "standard does not allow one, this is decided by attribute, and the report has a quality note:"
    )
    yield table(
        ("Attribute with a value that is not allowed", "Repaired without a guess", "Otherwise"),
        [
            *(
                (_attribute(keyword)[0], treatment.repair.value, treatment.otherwise.value)
                for keyword, treatment in TREATMENTS.items()
            ),
            ("every other attribute, and inside sequences", ANY_OTHER.repair.value, ANY_OTHER.otherwise.value),
        ],
    )
    yield (
        "A Study Instance UID that is not made of at most 64 digits and dots has the study refused. Codes without "
        "value, scheme or meaning are left out."
    )
    for module in MODULES:
        where = "" if tuple(module.kinds) == EVERY_KIND else f" ({', '.join(KINDS[kind][0] for kind in module.kinds)})"
        yield f"#### {module.name}{where}"
        yield f"PS3.3 {module.section}."
        yield table(
            ("Attribute", "Tag", "VR", "Presence", "Source"),
            [
                (*_attribute(keyword), presence(keyword, module.kinds).value, source)
                for keyword, source in module.sources.items()
            ],
        )
    yield "#### Attributes inside sequences"
    yield "Attributes of every item:"
    yield table(("Object", "Attribute", "Tag", "VR", "Presence"), _nested())
    yield "### 6.2 Private attributes"
    yield "None are written. Private attributes of received instances are kept with them."
    yield "### 6.3 Coded terminology"
    yield "Templates: TID 1500 with TID 300, 310, 311, 1411, 1419, 1501, 4019, 1204, 1001 to 1004 as it includes them."
    yield "Standard codes chosen by the product (templates and modules add their own):"
    yield table(
        ("Code Value", "Scheme", "Meaning"),
        [(code.value, code.scheme_designator, code.meaning) for code in codes.standard_codes()],
    )
    yield (
        f"Private scheme `{codes.PRIVATE_SCHEME}`, declared in every object. No code is generated, and none changes "
        "its meaning in a later version (a group and a share carry the label of their model as meaning, a probability "
        "its horizon):"
    )
    yield _coded(codes.private_codes())
    yield (
        "What a quality note or a reason for a validity is about: its identifier in capitals with underscores, "
        "`tumour-hole` as TUMOUR_HOLE; of identifiers longer than a Code Value these:"
    )
    yield table(
        ("Code Value", "Identifier", "Meaning"),
        [(note_code(identifier).value, identifier, note_code(identifier).meaning) for identifier in sorted(SHORT)],
    )
    yield (
        "Units: a score and its cut-off have ({score}, UCUM, “score”), probabilities, shares of an output and "
        "percentiles %, features without a unit (1, UCUM, “no units”)."
    )
    yield (
        "A feature has the code of its definition, of IBSI where it has one, on the original and on every filtered "
        "image. Modifiers (HAS CONCEPT MOD) name the filter: "
        f"({FILTER.value}, {codes.PRIVATE_SCHEME}) = ({WAVELET.value}, IBSI, “{WAVELET.meaning}”) with "
        f"({SUB_BAND.value}, {codes.PRIVATE_SCHEME}), or ({LAPLACIAN_OF_GAUSSIAN.value}, IBSI, "
        f"“{LAPLACIAN_OF_GAUSSIAN.meaning}”). Numbers (INFERRED FROM) state the width {SIGMA.value} in mm, and the "
        f"level {LEVEL.value} of the wavelet transform from the second. Sequence and region are those of the group."
    )
    yield table(
        ("Feature", "Code Value", "Scheme", "Unit"),
        [
            (name, *DEFINITIONS[name.removeprefix("original_")], definition.unit)
            for definition in feature_definitions(FeatureSettings(wavelet=None))
            for name in (definition.name,)
        ],
    )
    yield _coded((FILTER, *SUB_BAND_CODES.values(), SUB_BAND, LEVEL, SIGMA))
    yield "### 6.4 Standard extended, specialized and private SOP classes"
    yield (
        "None but one extension: items of the Contributing Equipment Sequence hold Device UID (0018,1002), as IHE AI "
        "Results asks."
    )
    yield "### 6.5 Private transfer syntaxes"
    yield "None."


def _coded(listed: Iterable[Code]) -> str:
    return table(("Code Value", "Meaning"), [(code.value, code.meaning) for code in listed])


def _attribute(keyword: str) -> tuple[str, str, str]:
    tag = Tag(tag_for_keyword(keyword) or 0)
    return dictionary_description(tag), f"({tag.group:04X},{tag.element:04X})", dictionary_VR(tag)


def _nested() -> Iterable[tuple[str, ...]]:
    common = set.intersection(*(set(required_attributes(kind)) for kind in KINDS))
    for kind in KINDS:
        for rule in required_attributes(kind):
            if not rule.path or (rule in common and kind != next(iter(KINDS))):
                continue
            name = "every object" if rule in common else UID(kind).name
            place = " > ".join(dictionary_description(Tag(tag_for_keyword(keyword) or 0)) for keyword in rule.path)
            for keywords, how in ((rule.type_1, Presence.ALWAYS), (rule.type_2, Presence.VALUE_NOT_ALWAYS)):
                for keyword in keywords:
                    description, tag, vr = _attribute(keyword)
                    yield name, f"{place} > {description}", tag, vr, how.value
