"""Answers of STOW-RS (PS3.18 §10.5.3, Store Instances Response Module of Annex I), read and written as DICOM JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dicom_io.network.instance_header import is_uid

JSON = "application/dicom+json"

_REFERENCED_CLASS, _REFERENCED_INSTANCE = "00081150", "00081155"
_WARNING_REASON, _FAILURE_REASON = "00081196", "00081197"
_FAILED, _REFERENCED, _OTHER = "00081198", "00081199", "0008119A"


@dataclass(frozen=True)
class Instance:
    """One instance of an answer; `reason` is a Warning or Failure Reason, None where there is none."""

    sop_class_uid: str
    sop_instance_uid: str
    reason: int | None = None


@dataclass(frozen=True)
class StoreResponse:
    """Result of storing instances.

    Attributes
    ----------
    referenced : stored
    failed : not stored
    others : Failure Reasons of what was not stored and has no UID that could be read
    """

    referenced: tuple[Instance, ...] = ()
    failed: tuple[Instance, ...] = ()
    others: tuple[int, ...] = field(default=())

    def as_json(self) -> bytes:
        """DICOM JSON (PS3.18 Annex F)."""
        dataset: dict[str, Any] = {}
        if self.failed:
            dataset[_FAILED] = _sequence(_item(one, _FAILURE_REASON) for one in self.failed)
        if self.referenced:
            dataset[_REFERENCED] = _sequence(_item(one, _WARNING_REASON) for one in self.referenced)
        if self.others:
            dataset[_OTHER] = _sequence({_FAILURE_REASON: _number(reason)} for reason in self.others)
        return json.dumps(dataset, separators=(",", ":")).encode()


def read_store_response(body: bytes) -> StoreResponse:
    """Content of an answer; nothing where it is not DICOM JSON, or has items that cannot be read."""
    try:
        dataset = json.loads(body)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return StoreResponse()
    if isinstance(dataset, list):  # some servers answer with a list of one data set
        dataset = dataset[0] if dataset else {}
    if not isinstance(dataset, dict):
        return StoreResponse()
    others = (_first(item, _FAILURE_REASON) for item in _items(dataset, _OTHER))
    return StoreResponse(
        referenced=tuple(_instances(dataset, _REFERENCED, _WARNING_REASON)),
        failed=tuple(_instances(dataset, _FAILED, _FAILURE_REASON)),
        others=tuple(reason for reason in others if isinstance(reason, int)),
    )


def _instances(dataset: Mapping[str, Any], sequence: str, reason: str) -> Iterable[Instance]:
    for item in _items(dataset, sequence):
        uid, sop_class, why = (_first(item, tag) for tag in (_REFERENCED_INSTANCE, _REFERENCED_CLASS, reason))
        if isinstance(uid, str) and is_uid(uid.strip("\0 ")):
            number = why if isinstance(why, int) and not isinstance(why, bool) else None
            yield Instance(sop_class if isinstance(sop_class, str) else "", uid.strip("\0 "), number)


def _items(dataset: Mapping[str, Any], tag: str) -> Iterable[Mapping[str, Any]]:
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def _first(item: Mapping[str, Any], tag: str) -> object:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def _item(instance: Instance, reason: str) -> Mapping[str, Any]:
    item = {
        _REFERENCED_CLASS: {"vr": "UI", "Value": [instance.sop_class_uid]},
        _REFERENCED_INSTANCE: {"vr": "UI", "Value": [instance.sop_instance_uid]},
    }
    return item if instance.reason is None else item | {reason: _number(instance.reason)}


def _number(value: int) -> Mapping[str, Any]:
    return {"vr": "US", "Value": [value]}


def _sequence(items: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {"vr": "SQ", "Value": list(items)}
