"""Sessions: the graph is what the manifest says, the reference reproduces, the provider asked for is the one got."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from models.errors import EngineUnavailable, PackageInvalid, SetupError, StudyRejected
from models.inference.runtime import (
    CPU,
    NAMES_KEY,
    Provider,
    check_distributions,
    check_installation,
    load_model,
    load_models,
)
from models.inference.tasks import Task
from models.volume import Sequence
from tests.models.small_packages import input_names, patients, write_small_package


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages") / "recurrence"
    write_small_package(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "recurrence"))


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and its digest, as someone would who remakes a part of a package."""
    manifest = folder / "manifest.toml"
    old, new = hashlib.sha256((folder / name).read_bytes()).hexdigest(), hashlib.sha256(content).hexdigest()
    assert old != new
    (folder / name).write_bytes(content)
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def change_graph(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load_from_string((folder / "model.onnx").read_bytes())
    change(model)
    replace_file(folder, "model.onnx", model.SerializeToString())


def test_scores_and_attributions_of_many_patients(original: Path) -> None:
    scorer = write_small_package(original)
    model = load_model(original, provider=Provider.CPU)
    assert model.provider == CPU
    assert model.notes == ()
    values = patients(scorer, 50, seed=9)
    output = model.explain(values)
    assert output.score.shape == (50,)
    assert output.attributions.shape == (50, 160)
    np.testing.assert_array_equal(model.score(values), output.score)


def test_one_patient_gives_the_same_as_many(original: Path) -> None:
    scorer = write_small_package(original)
    model = load_model(original, provider=Provider.CPU)
    values = patients(scorer, 5, seed=9)
    together = model.explain(values)
    for index in range(5):
        alone = model.explain(values[index : index + 1])
        assert alone.score[0] == pytest.approx(together.score[index], rel=1e-12)
        np.testing.assert_allclose(alone.attributions[0], together.attributions[index], rtol=1e-9, atol=1e-12)


def test_wrong_inputs_are_refused(original: Path) -> None:
    model = load_model(original, provider=Provider.CPU)
    with pytest.raises(StudyRejected, match=r"shape \(1, 159\); patients × 160 was expected"):
        model.score(np.zeros((1, 159)))
    with pytest.raises(StudyRejected, match="1 input of the model 'recurrence' is not finite"):
        model.explain(np.where(np.arange(160) == 3, np.nan, 0.0)[np.newaxis])


def test_a_reference_that_does_not_reproduce_is_refused(folder: Path) -> None:
    reference = json.loads((folder / "reference.json").read_text())
    reference["cases"][1]["score"] += 1e-4
    replace_file(folder, "reference.json", json.dumps(reference).encode())
    with pytest.raises(
        PackageInvalid, match="reference patient 2 does not reproduce on CPUExecutionProvider: score is"
    ):
        load_model(folder, provider=Provider.CPU)


@pytest.mark.parametrize("part", ["survival", "attributions"])
def test_every_part_of_the_reference_counts(folder: Path, part: str) -> None:
    reference = json.loads((folder / "reference.json").read_text())
    key = next(iter(reference["cases"][0][part]))
    reference["cases"][0][part][key] *= 1.001
    replace_file(folder, "reference.json", json.dumps(reference).encode())
    with pytest.raises(PackageInvalid, match="reference patient 1 does not reproduce"):
        load_model(folder, provider=Provider.CPU)


def test_a_changed_baseline_does_not_reproduce(folder: Path) -> None:
    replace_file(folder, "baseline.csv", (folder / "baseline.csv").read_bytes().replace(b"0.03", b"0.04"))
    with pytest.raises(PackageInvalid, match="survival at 24 months is"):
        load_model(folder, provider=Provider.CPU)


def test_changed_weights_do_not_reproduce(folder: Path) -> None:
    def nudge(model: onnx.ModelProto) -> None:
        weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        array = onnx.numpy_helper.to_array(weights).copy()
        array *= 1.01
        weights.CopyFrom(onnx.numpy_helper.from_array(array, weights.name))

    change_graph(folder, nudge)
    with pytest.raises(PackageInvalid, match="does not reproduce"):
        load_model(folder, provider=Provider.CPU)


def test_swapped_names_are_refused(folder: Path) -> None:
    def swap(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == NAMES_KEY)
        names = entry.value.split("\n")
        names[3], names[4] = names[4], names[3]
        entry.value = "\n".join(names)

    change_graph(folder, swap)
    message = f"input 4 is '{input_names()[4]}' in the graph and '{input_names()[3]}' in"
    with pytest.raises(PackageInvalid, match=message):
        load_model(folder, provider=Provider.CPU)


def test_a_graph_without_names_is_refused(folder: Path) -> None:
    change_graph(folder, lambda model: model.ClearField("metadata_props"))
    with pytest.raises(PackageInvalid, match="the same names in the same order were expected"):
        load_model(folder, provider=Provider.CPU)


def test_a_graph_with_another_input_is_refused(folder: Path) -> None:
    def rename(model: onnx.ModelProto) -> None:
        model.graph.input[0].name = "x"
        for node in model.graph.node:
            node.input[:] = ["x" if name == "features" else name for name in node.input]

    change_graph(folder, rename)
    with pytest.raises(PackageInvalid, match=r"has inputs \[\('x', 'tensor\(double\)', \[160\]\)\]"):
        load_model(folder, provider=Provider.CPU)


def test_a_graph_without_attributions_is_refused(folder: Path) -> None:
    change_graph(folder, lambda model: model.graph.output.pop())
    with pytest.raises(PackageInvalid, match="has outputs"):
        load_model(folder, provider=Provider.CPU)


@pytest.mark.parametrize("content", [b"", b"\x0a\x10this is no graph", b"\x08\x07"])
def test_a_file_that_is_no_graph_is_refused(folder: Path, content: bytes) -> None:
    replace_file(folder, "model.onnx", content)
    with pytest.raises(PackageInvalid, match=r"model\.onnx cannot be opened by ONNX Runtime"):
        load_model(folder, provider=Provider.CPU)


def test_cuda_or_cpu_without_cuda_runs_on_the_cpu_and_says_so(original: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this build of ONNX Runtime has CUDA")
    (model,) = load_models([original], provider="cuda-or-cpu")
    assert model.provider == CPU
    assert [note.code for note in model.notes] == ["model-fallback-cpu"]
    with pytest.raises(
        EngineUnavailable, match="this build of ONNX Runtime has no CUDA support; a CUDA device was exp"
    ):
        load_models([original], provider="cuda")


@pytest.mark.gpu
def test_cuda_gives_the_same_numbers(original: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this build of ONNX Runtime has no CUDA support")
    scorer = write_small_package(original)
    values = patients(scorer, 20, seed=5)
    on_gpu = load_model(original, provider=Provider.CUDA).explain(values)
    on_cpu = load_model(original, provider=Provider.CPU).explain(values)
    np.testing.assert_allclose(on_gpu.score, on_cpu.score, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(on_gpu.attributions, on_cpu.attributions, rtol=1e-7, atol=1e-10)


def test_unknown_provider_no_package_and_the_same_package_twice_are_refused(original: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="'tpu'; one of cpu, cuda, cuda-or-cpu"):
        load_models([original], provider="tpu")
    with pytest.raises(SetupError, match="No model package was given"):
        load_models([], provider="cpu")
    with pytest.raises(SetupError, match="'recurrence' was given more than once"):
        load_models([original, shutil.copytree(original, tmp_path / "again")], provider="cpu")


def test_packages_are_loaded_in_order(original: Path, tmp_path: Path) -> None:
    write_small_package(tmp_path / "krt7_as", task=Task.KRT7_AS, name="krt7_as")
    models = load_models([tmp_path / "krt7_as", original], provider="cpu")
    assert [model.package.identity.name for model in models] == ["krt7_as", "recurrence"]


def test_one_build_of_onnx_runtime_is_installed() -> None:
    check_installation()
    check_distributions(["onnxruntime"])
    check_distributions(["onnxruntime-gpu"])
    with pytest.raises(EngineUnavailable, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        check_distributions(["onnxruntime", "onnxruntime-gpu"])
    with pytest.raises(EngineUnavailable, match="Neither onnxruntime nor onnxruntime-gpu is installed"):
        check_distributions([])


def test_a_package_stands_in_only_for_one_that_needs_more_sequences(tmp_path: Path) -> None:
    write_small_package(tmp_path / "recurrence")
    write_small_package(tmp_path / "t1c", name="t1c", sequences=(Sequence.T1C,), stands_in_for="recurrence")
    models = load_models([tmp_path / "t1c", tmp_path / "recurrence"], provider="cpu")
    assert [model.package.stands_in_for for model in models] == ["recurrence", ""]
    write_small_package(tmp_path / "same", name="same", stands_in_for="recurrence")
    with pytest.raises(SetupError, match=r"'same' \(recurrence: t1c, t2w\) substitutes for 'recurrence'"):
        load_models([tmp_path / "recurrence", tmp_path / "same"], provider="cpu")
    write_small_package(
        tmp_path / "krt7", task=Task.KRT7_AS, name="krt7", sequences=(Sequence.T1C,), stands_in_for="recurrence"
    )
    with pytest.raises(SetupError, match="a model of the same task"):
        load_models([tmp_path / "recurrence", tmp_path / "krt7"], provider="cpu")
