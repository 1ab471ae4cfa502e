"""Truth outside the service: what it answered Success for, and what its destinations got. From these alone, and from
the end that the service states for a study, it is judged.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from tests.faults.answers import CLASSES


@dataclass(frozen=True)
class Arrived:
    """One object at a destination."""

    study_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    content: str  # what it is: the key of its answer, or the sentences of a notice
    digest: str  # of its bytes
    covers: frozenset[str] = frozenset()  # SOP Instance UIDs it was computed from, of the PDF of an answer

    @classmethod
    def of(cls, dataset: Dataset, encoded: bytes) -> Arrived:
        """From what a destination was sent."""
        covers: frozenset[str] = frozenset()
        if dataset.SOPClassUID == EncapsulatedPDFStorage:
            covers = frozenset(json.loads(bytes(dataset.EncapsulatedDocument).rstrip(b"\0"))["covers"])
        return cls(
            study_uid=str(dataset.StudyInstanceUID),
            sop_class_uid=str(dataset.SOPClassUID),
            sop_instance_uid=str(dataset.SOPInstanceUID),
            content=str(dataset.get("ImageComments", "")),
            digest=hashlib.sha256(encoded).hexdigest(),
            covers=covers,
        )


@dataclass(frozen=True)
class Stated:
    """The end of a study as the service states it; empty while it has none."""

    state: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Verdict:
    """Judgement on one study."""

    lost: int = 0  # accepted instances that no complete answer covers, where the study has no sentence either
    doubled: int = 0  # answers or notices of one content that came as more than one
    repeated: int = 0  # objects that came more than once, byte for byte the same: allowed


@dataclass
class Ledger:
    """Everything that peers of one service saw; may be written from any thread."""

    accepted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # study → SOP Instance UIDs
    arrived: list[Arrived] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, study_uid: str, sop_instance_uid: str) -> None:
        """A sender was answered Success."""
        with self._lock:
            self.accepted[study_uid].add(sop_instance_uid)

    def has_accepted(self, study_uid: str, sop_instance_uid: str) -> bool:
        with self._lock:
            return sop_instance_uid in self.accepted[study_uid]

    def arrive(self, item: Arrived) -> None:
        """A destination is about to answer Success."""
        with self._lock:
            self.arrived.append(item)

    def of_study(self, study_uid: str) -> list[Arrived]:
        """Objects that arrived of a study."""
        with self._lock:
            return [item for item in self.arrived if item.study_uid == study_uid]

    def judge(self, study_uid: str, stated: Stated) -> Verdict:
        """Judgement on a study that has come to the end that the service states."""
        with self._lock:
            accepted = set(self.accepted[study_uid])
        came = self.of_study(study_uid)
        covered = covered_by(came)
        has_sentence = stated.state in ("refused", "failed") and bool(stated.sentence)
        by_content: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for item in came:
            by_content[item.content, item.sop_class_uid].add((item.sop_instance_uid, item.digest))
        return Verdict(
            lost=0 if has_sentence else len(accepted - covered),
            doubled=sum(len(each) - 1 for each in by_content.values()),
            repeated=len(came) - len({(item.sop_instance_uid, item.digest) for item in came}),
        )


def covered_by(came: Iterable[Arrived]) -> set[str]:
    """SOP Instance UIDs that complete answers cover; an answer without its segmentation is none."""
    items = list(came)
    classes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        classes[item.content].add(item.sop_class_uid)
    return {uid for item in items if classes[item.content] >= set(CLASSES) for uid in item.covers}


def arrived_object(encoded: bytes, *, is_implicit: bool) -> Arrived:
    """From an encoded data set without file meta information."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset

    dataset = read_dataset(DicomBytesIO(encoded), is_implicit, True)
    return Arrived.of(dataset, encoded)


def arrived_file(content: bytes) -> Arrived:
    """From a DICOM file."""
    return Arrived.of(dcmread(BytesIO(content)), content)
