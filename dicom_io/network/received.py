"""`Received`: an instance on its way from a door to who keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap


@dataclass(frozen=True, eq=False)
class Received:
    """One received instance.

    Attributes
    ----------
    association : number of the association, as in `opened` and `closed`
    calling_title, address : who sent it
    study_instance_uid, series_instance_uid : "" of an object that is not needed and cannot be read
    is_ours : this product made it
    needed : a study is read from it; False for other classes and for everything this product made itself
    move_originator, move_message_id : AE title and Message ID of the C-MOVE that it is part of; "" and 0 where none is
    meta : preamble, prefix and file meta information
    dataset : the encoded data set, byte for byte as the peer sent it, of other classes perhaps only its beginning; a
        large one is a map of a file. `meta`, then `dataset` is a DICOM file. It is there until `store` returns
    """

    association: int
    calling_title: str
    address: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    is_ours: bool
    needed: bool
    meta: bytes
    dataset: bytes | memoryview | mmap
    move_originator: str = ""
    move_message_id: int = 0
