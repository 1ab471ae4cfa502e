"""A graph whose weights are in other files is refused before a runtime parses it, wherever in the graph they are.

The fields that lead to a tensor are compared with ONNX's own description of its messages. Kind: oracle, mechanics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from models.errors import PackageInvalid
from models.inference.external_data import (
    DATA_LOCATION,
    EXTERNAL_DATA,
    LEADS_TO_TENSORS,
    TENSOR_NAME,
    check_self_contained,
)
from models.inference.package import load_package, shipped_packages
from tests.models.small_packages import write_small_package

WHERE = Path("model.onnx")


def test_the_fields_are_those_of_onnx() -> None:
    descriptors = {"ModelProto": onnx.ModelProto.DESCRIPTOR}
    children: dict[str, dict[int, str]] = {}
    while waiting := set(descriptors) - set(children):
        name = waiting.pop()
        children[name] = {
            field.number: field.message_type.name
            for field in descriptors[name].fields
            if field.message_type is not None
        }
        descriptors |= {
            field.message_type.name: field.message_type
            for field in descriptors[name].fields
            if field.message_type is not None
        }
    leading = {"TensorProto"}
    while more := {name for name, found in children.items() if set(found.values()) & leading} - leading:
        leading |= more
    expected = {
        name: {number: child for number, child in found.items() if child in leading}
        for name, found in children.items()
        if name in leading
    }
    assert {str(name): {n: str(child) for n, child in found.items()} for name, found in LEADS_TO_TENSORS.items()} == (
        expected
    )
    fields = TensorProto.DESCRIPTOR.fields_by_name
    assert [fields[name].number for name in ("name", "external_data", "data_location")] == [
        TENSOR_NAME,
        EXTERNAL_DATA,
        DATA_LOCATION,
    ]


def elsewhere() -> TensorProto:
    """A tensor whose values are in a file that anybody can read."""
    tensor = helper.make_tensor("weights", TensorProto.FLOAT, [2], [1.0, 2.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/hostname")
    return tensor


def graph(name: str = "inner", **parts: object) -> onnx.GraphProto:
    return helper.make_graph([], name, [], [], **parts)


def node(**attributes: object) -> onnx.NodeProto:
    return helper.make_node("If", [], ["y"], **attributes)


def in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(elsewhere())


def in_sparse_initializer(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(elsewhere())


def in_attribute(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=elsewhere()))


def in_list_of_tensors(model: onnx.ModelProto) -> None:
    model.graph.node.append(node(several=[elsewhere()]))


def in_subgraph(model: onnx.ModelProto) -> None:
    model.graph.node.append(node(then_branch=graph(initializer=[elsewhere()])))


def in_subgraph_of_a_subgraph(model: onnx.ModelProto) -> None:
    inner = helper.make_graph([node(branches=[graph(initializer=[elsewhere()])])], "outer", [], [])
    model.graph.node.append(node(then_branch=inner))


def in_function(model: onnx.ModelProto) -> None:
    function = model.functions.add(name="f", domain="ours")
    function.node.append(helper.make_node("Constant", [], ["c"], value=elsewhere()))


def in_default_of_a_function(model: onnx.ModelProto) -> None:
    model.functions.add(name="f", domain="ours").attribute_proto.append(helper.make_attribute("a", elsewhere()))


def in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.initializer.append(elsewhere())


def only_named(model: onnx.ModelProto) -> None:
    tensor = elsewhere()
    tensor.data_location = TensorProto.DEFAULT
    model.graph.initializer.append(tensor)


def only_located(model: onnx.ModelProto) -> None:
    tensor = elsewhere()
    tensor.ClearField("external_data")
    model.graph.initializer.append(tensor)


@pytest.mark.parametrize(
    "put",
    [
        in_initializer,
        in_sparse_initializer,
        in_attribute,
        in_list_of_tensors,
        in_subgraph,
        in_subgraph_of_a_subgraph,
        in_function,
        in_default_of_a_function,
        in_training,
        only_named,
        only_located,
    ],
)
def test_values_elsewhere_are_found(put: Callable[[onnx.ModelProto], None]) -> None:
    model = helper.make_model(graph("whole"))
    check_self_contained(WHERE, model.SerializeToString())
    put(model)
    with pytest.raises(PackageInvalid, match=r"1 tensor \('weights' …\) has its values in another file"):
        check_self_contained(WHERE, model.SerializeToString())


def test_such_a_package_is_not_loaded(tmp_path: Path) -> None:
    write_small_package(tmp_path)
    content = (tmp_path / "model.onnx").read_bytes()
    model = onnx.load_model_from_string(content)
    in_initializer(model)
    changed = model.SerializeToString()
    (tmp_path / "model.onnx").write_bytes(changed)
    manifest = tmp_path / "manifest.toml"
    old, new = (hashlib.sha256(one).hexdigest() for one in (content, changed))
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new))
    with pytest.raises(PackageInvalid, match="values in another file"):
        load_package(tmp_path)


def field(number: int, content: bytes) -> bytes:
    """A message as a field of another."""
    size, rest = [], len(content)
    while rest > 0x7F:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *size, rest]) + content


def nested(depth: int) -> bytes:
    """A model whose graph has a node with an attribute with a graph with a node …"""
    content = b""
    for _ in range(depth):
        content = field(1, field(5, field(6, content)))
    return field(7, content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x3a\x05\x0a", "ends beyond its message"),
        (b"\x38\x01", "is no message"),
        (b"\x3b", "wire type 3"),
        (b"\x80" * 11, "longer than ten bytes"),
        (b"\x80", "ends inside a number"),
        (b"\x02\x00", "has the number 0"),
        (b"\x08\x00\x00\x00ORTM", "has the number 0"),  # ONNX Runtime's own format
        (nested(34), "nested more than 100 deep"),
    ],
)
def test_what_is_no_onnx_file_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(PackageInvalid, match=why):
        check_self_contained(WHERE, content)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64), st.integers(0, 5000))
def test_damage_ends_in_a_sentence_or_in_nothing_found(damage: bytes, place: int) -> None:
    content = bytearray(_SMALL)
    content[place % len(content) : place % len(content) + len(damage)] = damage
    sentence = "model.onnx"
    try:
        check_self_contained(WHERE, bytes(content))
    except PackageInvalid as error:
        sentence = str(error)
    assert sentence.startswith("model.onnx")


_SMALL = helper.make_model(
    helper.make_graph(
        [node(then_branch=graph(initializer=[helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])]))],
        "g",
        [],
        [],
    )
).SerializeToString()


@pytest.mark.parametrize("folder", shipped_packages(), ids=lambda folder: folder.name)
def test_the_demonstration_packages_are_whole(folder: Path) -> None:
    check_self_contained(folder / "model.onnx", (folder / "model.onnx").read_bytes())
