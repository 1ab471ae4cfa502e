"""The annexes of the conformance statement: the objects we make, attribute by attribute, and the codes in them."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import UID

from dicom_io import codes
from dicom_io.carried_values import ANY_OTHER, TREATMENTS
from dicom_io.conformance.created_attributes import EVERY_KIND, MODULES, Presence, presence
from dicom_io.conformance.markdown import table
from dicom_io.writing.object_check import KINDS, required_attributes
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
    yield "Templates: TID 1500 with TID 1411, 1419, 1501, 4019, 1204 and 1001 to 1004 as it includes them."
    yield "Standard codes chosen by the product (templates and modules add their own):"
    yield table(
        ("Code Value", "Scheme", "Meaning"),
        [(code.value, code.scheme_designator, code.meaning) for code in codes.standard_codes()],
    )
    yield (
        f"Private scheme `{codes.PRIVATE_SCHEME}`, declared in every object. Codes with a fixed value (a group "
        "carries the label of its model as meaning):"
    )
    yield table(("Code Value", "Meaning"), [(code.value, code.meaning) for code in codes.private_codes()])
    yield "Generated codes: `RFS_<months>_MO` (recurrence-free survival), and a letter with 48 bits of a SHA-256:"
    yield table(("Prefix", "Names"), list(codes.HASHED.items()))
    yield "Features of the original image that IBSI defines carry its code, scheme `IBSI`; units are UCUM:"
    yield table(
        ("Feature", "IBSI", "Unit"),
        [
            (definition.name, definition.ibsi, definition.unit)
            for definition in feature_definitions(FeatureSettings())
            if definition.ibsi is not None
        ],
    )
    yield "### 6.4 Standard extended, specialized and private SOP classes"
    yield (
        "None but one extension: items of the Contributing Equipment Sequence hold Device UID (0018,1002), as IHE AI "
        "Results asks."
    )
    yield "### 6.5 Private transfer syntaxes"
    yield "None."


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
