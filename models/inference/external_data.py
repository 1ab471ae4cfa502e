"""Check that an ONNX file is all there is of a model: no tensor in it may point to another file.

ONNX lets a tensor name a file with its values (`external_data`). Such a file is not covered by the digest of the
package, and naming one makes a runtime read whatever path it says. The file is looked through here, before a runtime
parses it: a reader of protobuf's wire format (protobuf.dev, "Encoding") that knows of ONNX which fields lead to a
tensor. A test compares these with ONNX's own description of its messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from models.errors import PackageInvalid
from models.number_words import agreeing, counted

_DEEPEST = 100  # as protobuf's own readers


class Message(StrEnum):
    """Messages of ONNX that are or lead to a tensor, by name."""

    MODEL = "ModelProto"
    GRAPH = "GraphProto"
    NODE = "NodeProto"
    ATTRIBUTE = "AttributeProto"
    FUNCTION = "FunctionProto"
    TRAINING = "TrainingInfoProto"
    SPARSE = "SparseTensorProto"
    TENSOR = "TensorProto"


# Message → its fields that are or lead to a tensor: number → message (onnx.proto3).
LEADS_TO_TENSORS: dict[Message, dict[int, Message]] = {
    Message.MODEL: {7: Message.GRAPH, 20: Message.TRAINING, 25: Message.FUNCTION},
    Message.GRAPH: {1: Message.NODE, 5: Message.TENSOR, 15: Message.SPARSE},
    Message.NODE: {5: Message.ATTRIBUTE},
    Message.ATTRIBUTE: {
        5: Message.TENSOR,
        6: Message.GRAPH,
        10: Message.TENSOR,
        11: Message.GRAPH,
        22: Message.SPARSE,
        23: Message.SPARSE,
    },
    Message.FUNCTION: {7: Message.NODE, 11: Message.ATTRIBUTE},
    Message.TRAINING: {1: Message.GRAPH, 2: Message.GRAPH},
    Message.SPARSE: {1: Message.TENSOR, 2: Message.TENSOR},
    Message.TENSOR: {},
}
TENSOR_NAME, EXTERNAL_DATA, DATA_LOCATION = 8, 13, 14  # fields of TensorProto

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5  # wire types; groups (3, 4) are in no ONNX file
_SIZES = {_FIXED_64: 8, _FIXED_32: 4}


def check_self_contained(path: Path, content: bytes) -> None:
    """Checks that an ONNX file names no other file.

    Parameters
    ----------
    path : for the sentence
    content : bytes of the file

    Raises
    ------
    PackageInvalid
        When a tensor has its values elsewhere, or the bytes are no protobuf.
    """
    try:
        names = list(_external_tensors(memoryview(content), Message.MODEL, depth=0))
    except ValueError as error:
        raise PackageInvalid(f"{path} is no ONNX file: {error}. Copy the package again.") from error
    if names:
        raise PackageInvalid(
            f"{path}: {counted(len(names), 'tensor')} ({names[0]} …) {agreeing(len(names), 'has its', 'have their')} "
            "values in another file, which the digest of the package does not cover; a graph with all its values "
            "inside was expected. Make the package again."
        )


def _external_tensors(content: memoryview, message: Message, *, depth: int) -> Iterator[str]:
    """Names, quoted, of the tensors in a message whose values are elsewhere."""
    if depth > _DEEPEST:
        raise ValueError(f"its parts are nested more than {_DEEPEST} deep")
    children = LEADS_TO_TENSORS[message]
    name, is_external = "''", False
    for number, value in _fields(content):
        if message is Message.TENSOR:
            if number == TENSOR_NAME and isinstance(value, memoryview):
                name = ascii(value[:64].tobytes().decode("utf-8", "replace"))
            elif number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0):
                is_external = True
        elif number in children:
            if not isinstance(value, memoryview):
                raise ValueError(f"field {number} of a {message} is no message")
            yield from _external_tensors(value, children[number], depth=depth + 1)
    if is_external:
        yield name


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of the fields of a message: an integer, or the bytes of anything longer."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise ValueError(f"a field has the number {number}")
        if wire_type == _VARINT:
            value, place = _varint(content, place)
            yield number, value
            continue
        if wire_type == _LENGTH:
            size, place = _varint(content, place)
        elif wire_type in _SIZES:
            size = _SIZES[wire_type]
        else:
            raise ValueError(f"field {number} is of wire type {wire_type}")
        if size > len(content) - place:
            raise ValueError(f"field {number} ends beyond its message")
        yield number, content[place : place + size]
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """An integer of up to ten bytes, seven bits each, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            raise ValueError("it ends inside a number")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
    raise ValueError("a number is longer than ten bytes")
