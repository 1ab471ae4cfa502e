"""The DICOMweb part of the conformance statement (PS3.2 Annex N, PS3.18)."""

from __future__ import annotations

from collections.abc import Iterable

from dicom_io.conformance.markdown import table
from dicom_io.network import find, find_studies
from dicom_io.network.acceptance import Status
from dicom_io.network.accepted_classes import BEGINNING
from dicom_io.network.dicomweb import search
from dicom_io.network.dicomweb.multipart import DICOM, MOST_HEADER_BYTES, RELATED
from dicom_io.network.dicomweb.receive import CLASS_NOT_SUPPORTED, META_BYTES
from dicom_io.network.dicomweb.store_response import JSON

_FAILURES = {
    Status.OUT_OF_RESOURCES: "the disk is full, or the instance is longer than is taken",
    Status.PROCESSING_FAILURE: "the disk failed",
    Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS: (
        "of an input, SOP Class or Instance UID differ between file meta information and data set; or it is of another "
        "study than the address names"
    ),
    Status.CANNOT_UNDERSTAND: (
        f"the part is not {DICOM}, is no DICOM file, or has no usable Study Instance UID (of an input)"
    ),
}


def dicomweb() -> Iterable[str]:
    """The section, in Markdown."""
    yield "### 2.5 DICOMweb"
    yield "HTTP/1.1. Every service is off unless it is configured; with `https` TLS is as in section 5."
    yield table(
        ("Service", "Role", "Resource", "Media types"),
        [
            ("Store (STOW-RS)", "user agent", "POST /studies", f"{_related()}; answer: {JSON}"),
            (
                "Store (STOW-RS)",
                "origin server",
                "POST /dicom-web/studies, POST /dicom-web/studies/{study}",
                f"{_related()}; answer: {JSON}",
            ),
            (
                "Retrieve (WADO-RS)",
                "user agent",
                "GET /studies/{study}, GET /studies/{study}/series/{series}",
                f"{_related()}; transfer-syntax=*",
            ),
            (
                "Search (QIDO-RS)",
                "user agent",
                "GET /studies, GET /studies/{study}/series, GET /studies/{study}/instances",
                JSON,
            ),
        ],
    )
    yield (
        "Not supported: metadata and bulk data, frames, rendered resources, UPS-RS, and every origin server but Store."
    )
    yield "#### 2.5.1 Store as user agent"
    yield (
        "The results of one study are sent in one request, with their length and a bearer token where one is "
        "configured. Redirections are not followed; proxies, .netrc and certificates of the environment are not used. "
        "The body of the answer decides, whatever its status: an instance is stored when it stands in Referenced SOP "
        "Sequence (0008,1199) and not in Failed SOP Sequence (0008,1198). Failure Reasons count like statuses of "
        "C-STORE (2.3.3). An instance that a successful answer does not name is looked for with QIDO-RS, and else sent "
        "again. There is no storage commitment."
    )
    yield table(
        ("Status without a readable body", "Behaviour"),
        [
            ("401, 403, 404, 407, 3xx", "an operator must act; repeated after the pause"),
            (
                "408, 425, 429, 5xx but 501 and 505; no answer; TLS not agreed",
                "repeated after the pause, or Retry-After",
            ),
            ("any other that is not 2xx", "not repeated; the study is failed until an operator retries it"),
        ],
    )
    yield "#### 2.5.2 Store as origin server"
    yield (
        "A request needs a bearer token of the door. Every part is a DICOM file; it is accepted by the rules of "
        "RECEIVER (2.2.2, 2.2.3), in every transfer syntax. The answer comes after everything in Referenced SOP "
        "Sequence has been written and synchronised to disk; the study is then treated as if it had come by C-STORE, "
        "the request as an association. Of what is no input the first "
        f"{BEGINNING // 1024**2} MiB are looked at and nothing is kept. A part has at most {MOST_HEADER_BYTES // 1024} "
        f"KiB of headers and {META_BYTES // 1024} KiB of file meta information."
    )
    yield table(
        ("Failure Reason", "When"),
        [
            *((f"0x{reason:04X}", when) for reason, when in _FAILURES.items()),
            (f"0x{CLASS_NOT_SUPPORTED:04X}", "the SOP class is none that is stored"),
        ],
    )
    yield (
        "A part whose UIDs cannot be read is in Other Failures Sequence (0008,119A). Statuses: 200 all stored, 202 "
        "some, 409 none, 503 none because of the disk or too many requests at a time, 400 the body is no multipart "
        "body or was cut off (what it names is stored), 401 no token, 404 no UID in the address, 415 another media "
        "type. Where several hosts share a home, stored is what the receiver has taken into it; where it has not "
        "taken all, the status is 503 with Retry-After, and what is missing is listed as failed (0xA700)."
    )
    yield "#### 2.5.3 Retrieve as user agent"
    yield (
        "A study or series is taken whole or not at all: the closing boundary must have come, and as many instances as "
        "QIDO-RS counts (0020,1208 or 0020,1209; where they are absent, as it lists). Instances are kept as sent."
    )
    yield "#### 2.5.4 Search as user agent"
    yield (
        "When an operator fetches a study into a folder (`rdeepnet fetch`), the server is asked for studies, then for "
        "the series of each. No query is sent without an Accession Number, a Study Instance UID or a Patient ID, none "
        "with a wildcard or fuzzy matching, and what comes back is compared again, exactly; studies that may be of "
        "several patients are listed and not fetched (2.3.6). "
        f"Pages of {search.PAGE} matches are asked for (limit, offset) until one holds nothing new; at most "
        f"{find.MOST_MATCHES} matches are taken. An answer that is no DICOM JSON, states an attribute in another form, "
        "or lists one Study Instance UID with two descriptions is refused. Series of Modality "
        f"{', '.join(find_studies.READ_MODALITIES)} or without one are retrieved, one request for each; a study comes "
        "into the folder when all of them are whole. Of it, objects of the input classes stay that this product did "
        "not make. Where `priors.retrieve` is `dicomweb`, earlier studies of the patient are looked for by Patient ID "
        "and retrieved in the same way while a study is answered; they are kept only while they are computed (2.3.6)."
    )
    yield table(
        ("Level", "Keys", "includefield"),
        [
            (
                "studies",
                "StudyInstanceUID, AccessionNumber, PatientID, IssuerOfPatientID: those that are wanted",
                ", ".join(search.STUDY_FIELDS),
            ),
            ("series", "none", ", ".join(search.SERIES_FIELDS)),
        ],
    )


def _related() -> str:
    return f'{RELATED}; type="{DICOM}"'
