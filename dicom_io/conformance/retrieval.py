"""The part of the conformance statement about studies that are looked for and fetched: C-FIND, C-MOVE, C-GET."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import UID

from dicom_io.conformance.markdown import table
from dicom_io.network import find, find_studies, retrieve
from dicom_io.network.accepted_classes import INPUT_CLASSES

_WHEN = "Retrieve, where an archive is configured"


def overview() -> list[tuple[str, ...]]:
    """Rows of the table of services."""
    return [(_WHEN, UID(uid).name, uid, "yes", "no") for uid in (retrieve.STUDY_ROOT_MOVE, retrieve.STUDY_ROOT_GET)]


def section() -> Iterable[str]:
    """The section."""
    yield "#### 2.3.6 C-FIND of studies, C-MOVE and C-GET"
    yield (
        "When an operator fetches a study (`rdeepnet fetch`), the archive is asked level by level, STUDY then SERIES "
        "(study root). No query is sent without an Accession Number, a Study Instance UID or a Patient ID, none with a "
        f"wildcard, and what comes back is compared again, exactly. At most {find.MOST_MATCHES} matches are taken. "
        "Studies of which the archive states several Patient IDs, issuers, birth dates or sexes are listed and not "
        "fetched."
    )
    yield table(("Attribute, STUDY", "Use"), [(keyword, use) for keyword, use in find_studies.STUDY_KEYS.items()])
    yield table(("Attribute, SERIES", "Use"), [(keyword, use) for keyword, use in find_studies.SERIES_KEYS.items()])
    yield (
        f"Series of Modality {', '.join(find_studies.READ_MODALITIES)} or without one are retrieved, one request for "
        "each, all on one association: by C-MOVE to the AE title of RECEIVER, or by C-GET into a folder. A retrieval "
        "counts as complete when nothing failed and as many objects were sent as the archive counted, not "
        "by its status alone."
    )
    yield table(("Attribute", "Use"), [(keyword, use) for keyword, use in retrieve.RETRIEVE_KEYS.items()])
    contexts, roles = retrieve.proposed_contexts()
    yield (
        f"C-GET proposes {len(contexts)} presentation contexts: {UID(retrieve.STUDY_ROOT_GET).name}, and as SCP (role "
        f"selection) the {len(INPUT_CLASSES)} input classes, each in one context for the uncompressed transfer "
        f"syntaxes and one for each compressed one of 2.2.2, and {len(roles) - len(INPUT_CLASSES)} other storage "
        "classes, whose "
        "objects are acknowledged and not kept."
    )
    yield (
        "Where `priors.archive` is set, earlier studies of the patient are looked for in the same way while "
        "a study is answered, by Patient ID, and fetched by C-MOVE or C-GET (or with DICOMweb, 2.5.4). Message IDs of "
        "such C-MOVE requests are "
        "32768 or more; RECEIVER tells their objects by Move Originator AE Title and Message ID, and keeps them only "
        "while the earlier study is computed. They make no study, and nothing is sent for them."
    )
    yield table(
        ("Status of C-MOVE or C-GET", "Behaviour"),
        [
            ("0x0000, 0xB000", "the numbers of completed, warning and failed sub-operations decide"),
            ("0xFF00", "awaited further, for the configured time after each"),
            ("0xA801, 0xC000", "the operator is told to register our AE title there"),
            ("0xA701, 0xA702, no answer", "the operator is told to try again"),
            ("any other", "the operator is told the status"),
        ],
    )
