"""Errors of the libraries at a limit of memory: each is known for what it is, and all go on. Kind: mechanics.

The errors are real ones, raised under a limit in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from appliance.service.memory import in_words, is_out_of_memory
from models.errors import RDeepNetError

# 4 GiB by each of the libraries that a study is computed with, under a limit of 2; then 16 MB by each.
UNDER_A_LIMIT = """
import zlib
import numpy as np, onnx, onnxruntime, SimpleITK, torch
from onnx import TensorProto, helper
from appliance.service.memory import give_back, is_out_of_memory, limit_memory

graph = helper.make_graph(
    [helper.make_node("ConstantOfShape", ["shape"], ["zeros"])], "zeros",
    [helper.make_tensor_value_info("shape", TensorProto.INT64, [1])],
    [helper.make_tensor_value_info("zeros", TensorProto.FLOAT, [None])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
options = onnxruntime.SessionOptions()
options.enable_cpu_mem_arena = False  # as in models/inference/runtime.py
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
packed = zlib.compress(bytes(1 << 28), 9)

TRIES = {
    "bytes": lambda floats: bytearray(4 * floats),
    "numpy": lambda floats: np.ones(floats, np.float32),
    "torch": lambda floats: torch.ones(floats),
    "SimpleITK": lambda floats: SimpleITK.Image([1 << 10, 1 << 10, floats >> 20], SimpleITK.sitkFloat32),
    "onnxruntime": lambda floats: session.run(None, {"shape": np.array([floats], np.int64)}),
    "zlib": lambda floats: [zlib.decompress(packed) for _ in range(max(1, floats >> 26))],
}
limit_memory(2)
for name, allocate in TRIES.items():
    try:
        allocate(1 << 30)
    except Exception as error:
        print(name, is_out_of_memory(error), type(error).__name__)
    give_back()
    allocate(1 << 22)
"""


@pytest.mark.slow
def test_every_library_says_so_in_a_way_that_is_known_and_goes_on() -> None:
    result = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    outcomes = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert set(outcomes) == {"bytes", "numpy", "torch", "SimpleITK", "onnxruntime", "zlib"}, result.stdout
    assert {name for name, outcome in outcomes.items() if outcome.startswith("True")} == set(outcomes), outcomes


def test_the_cause_of_an_error_counts_and_other_errors_do_not() -> None:
    wrapped = RDeepNetError("the pixels cannot be decoded")
    wrapped.__cause__ = MemoryError()
    assert is_out_of_memory(wrapped)
    assert not is_out_of_memory(RDeepNetError("the pixels cannot be decoded"))
    assert not is_out_of_memory(RuntimeError("expected 3 dimensions"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_the_sentence_names_the_limit_and_what_to_do() -> None:
    assert "more than 8 GiB" in in_words(8.0)
    assert "memory_gib" in in_words(8.0)
    assert "memory_gib" not in in_words(0.0)
