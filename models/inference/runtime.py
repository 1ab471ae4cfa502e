"""Runs model packages: the only home of onnxruntime.

A model is loaded only when the graph is what the manifest says and the reference patients reproduce on the provider
that will be used. Sessions run one thread in a fixed order: one patient takes milliseconds, and the same input must
give the same number on every machine.

From 1.29 on ONNX Runtime's wheels for Linux send names and hashes of models, and what went wrong with them, to their
maker, unless told otherwise before they are loaded. A hospital's machine must not: see `NO_TELEMETRY`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import EngineUnavailable, PackageInvalid, SetupError, StudyRejected
from models.inference.package import ModelPackage, load_package
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity

DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# Environment variables, as versions of ONNX Runtime know them: no events, no sender, no identifier of the machine.
NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")

INPUT = "features"
SCORE = "score"
ATTRIBUTIONS = "attributions"
NAMES_KEY = "rdeepnet.inputs"  # metadata of the graph: the names of its inputs in order, one a line

# The graph computes in double precision; what is left are the exponentials of different machines and the order of sums.
RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-8

BATCH = 256  # patients; about 20 MB of intermediate values


class Provider(StrEnum):
    """Execution provider requested for the models."""

    CPU = "cpu"
    CUDA = "cuda"  # an error where there is no CUDA device
    CUDA_OR_CPU = "cuda-or-cpu"  # falls back to the CPU, with a quality note on every outcome


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """Output of the graph for some patients.

    Attributes
    ----------
    score : float64 (patients,), on the scale of the package
    attributions : float64 (patients, inputs), integrated gradients on the log-risk or logit scale
    spread : float64 (patients, refits), outputs of the refits (or members) on that scale; no column where the package
        has none
    """

    score: NDArray[np.float64]
    attributions: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A package with a running session; its reference patients have reproduced.

    Attributes
    ----------
    package : what was loaded
    provider : execution provider that runs, e.g. "CPUExecutionProvider"
    notes : notes that every outcome of this model must carry (fallback to the CPU)
    """

    package: ModelPackage
    provider: str
    notes: tuple[QualityNote, ...]
    _session: Any = field(repr=False)

    def score(self, values: ArrayLike) -> NDArray[np.float64]:
        """Scores only, for any number of patients: (patients, inputs) → float64 (patients,).

        Raises
        ------
        StudyRejected
            When the shape is not (patients, inputs) or a number is not finite.
        """
        return np.concatenate([np.empty(0), *self._batches(SCORE, values)])

    def spread(self, values: ArrayLike) -> NDArray[np.float64]:
        """Outputs of the refits (or members) on the log-risk or logit scale, for any number of patients.

        (patients, inputs) → float64 (patients, refits); no column where the package has none.

        Raises
        ------
        StudyRejected
            As `score`.
        """
        facts = self.package.spread
        if facts is None:
            return np.empty((len(self._checked(values)), 0))
        return np.concatenate([np.empty((0, facts.count)), *self._batches(facts.source, values)])

    def explain(self, values: ArrayLike) -> ModelOutput:
        """Scores and attributions: (patients, inputs) → `ModelOutput`.

        Raises
        ------
        StudyRejected
            As `score`.
        """
        facts = self.package.spread
        wanted = [SCORE, ATTRIBUTIONS, *([] if facts is None else [str(facts.source)])]
        score, attributions, *spread = self._session.run(wanted, {INPUT: self._checked(values)})
        return ModelOutput(
            np.asarray(score), np.asarray(attributions), np.asarray(spread[0] if spread else np.empty((len(score), 0)))
        )

    def _batches(self, output: str, values: ArrayLike) -> list[NDArray[np.float64]]:
        """One output of the graph, a batch of patients at a time."""
        array = self._checked(values)
        # ONNX Runtime computes the attributions all the same, so memory grows with the patients.
        batches = [array[start : start + BATCH] for start in range(0, len(array), BATCH)]
        return [np.asarray(self._session.run([output], {INPUT: batch})[0]) for batch in batches]

    def _checked(self, values: ArrayLike) -> NDArray[np.float64]:
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self.package.inputs):
            raise StudyRejected(
                f"The model '{self.package.identity.name}' was given an array of shape {array.shape}; "
                f"patients × {len(self.package.inputs)} was expected."
            )
        if not np.all(np.isfinite(array)):
            raise StudyRejected(
                f"{counted(np.count_nonzero(~np.isfinite(array)), 'input')} of the model "
                f"'{self.package.identity.name}' {agreeing(np.count_nonzero(~np.isfinite(array)), 'is', 'are')} not "
                "finite numbers; none was expected."
            )
        return array


def check_installation() -> None:
    """Checks that exactly one build of ONNX Runtime is installed.

    Raises
    ------
    EngineUnavailable
        When none or both are installed.
    """
    check_distributions([name for name in DISTRIBUTIONS if _is_installed(name)])


def check_distributions(installed: Collection[str]) -> None:
    """Checks the names of the installed builds of ONNX Runtime.

    `onnxruntime` and `onnxruntime-gpu` unpack into the same import folder; where both are installed, which one runs
    depends on which came last, and removing one breaks the other.

    Raises
    ------
    EngineUnavailable
        When none or both are installed.
    """
    if not installed:
        raise EngineUnavailable(
            "Neither onnxruntime nor onnxruntime-gpu is installed; one of them was expected. Install one: "
            "pip install 'rdeepnet[cpu]' or pip install 'rdeepnet[gpu]'."
        )
    if len(installed) > 1:
        raise EngineUnavailable(
            "Both onnxruntime and onnxruntime-gpu are installed; they overwrite each other, one of them was expected. "
            "Run: pip uninstall -y onnxruntime onnxruntime-gpu, then install one: pip install 'rdeepnet[cpu]' or "
            "pip install 'rdeepnet[gpu]'."
        )


def load_models(
    folders: Sequence[Path], *, provider: str, trusted_keys: Sequence[Path] = ()
) -> tuple[LoadedModel, ...]:
    """Loads packages in the order given and runs their reference patients.

    Parameters
    ----------
    folders : package folders, at least one, no model twice
    provider : "cpu", "cuda" or "cuda-or-cpu"
    trusted_keys : as for `load_package`

    Raises
    ------
    PackageInvalid
        When a package fails one of its checks.
    EngineUnavailable
        When the requested provider is not available, or ONNX Runtime is not installed properly.
    SetupError
        When there is no folder, the provider is unknown, two packages have the same name, or a package stands in for
        one that does not need more sequences than itself.
    """
    if provider not in tuple(Provider):
        raise SetupError(f"The provider is '{provider}'; one of {', '.join(Provider)} was expected.")
    if not folders:
        raise SetupError("No model package was given; at least one was expected. Name the folders of the packages.")
    check_installation()
    models = tuple(load_model(folder, provider=Provider(provider), trusted_keys=trusted_keys) for folder in folders)
    names = [model.package.identity.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SetupError(f"The model '{twice[0]}' was given more than once; keep one package of each name.")
    _check_stand_ins([model.package for model in models])
    return models


def _check_stand_ins(packages: Sequence[ModelPackage]) -> None:
    by_name = {package.identity.name: package for package in packages}
    for package in packages:
        other = by_name.get(package.stands_in_for)
        if other is not None and not (other.task is package.task and set(package.sequences) < set(other.sequences)):
            raise SetupError(
                f"The model '{package.identity.name}' ({package.task}: {', '.join(package.sequences)}) substitutes for "
                f"'{other.identity.name}' ({other.task}: {', '.join(other.sequences)}); a model of the same task that "
                "needs more sequences was expected. Configure one of the two."
            )


def load_model(folder: Path, *, provider: Provider, trusted_keys: Sequence[Path] = ()) -> LoadedModel:
    """Loads one package, checks its graph against the manifest, and runs its reference patients.

    Raises
    ------
    PackageInvalid, EngineUnavailable
        As `load_models`.
    """
    package = load_package(folder, trusted_keys=trusted_keys)
    session, notes = open_graph(package.graph, path=package.folder / "model.onnx", provider=provider)
    _check_graph(package, session)
    model = LoadedModel(package, session.get_providers()[0], notes, session)
    _check_reference(model)
    return model


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def open_graph(graph: bytes, *, path: Path, provider: Provider) -> tuple[Any, tuple[QualityNote, ...]]:
    """A session of ONNX Runtime for a graph, and notes on where it runs.

    Parameters
    ----------
    graph : bytes of the ONNX file; that it names no other file has been checked (`external_data`)
    path : of the file, for sentences

    Raises
    ------
    PackageInvalid
        When the graph cannot be opened.
    EngineUnavailable
        When the provider is CUDA and there is none.
    """
    os.environ.update(dict.fromkeys(NO_TELEMETRY, "1"))
    # Imported here: `check_installation` must be able to report where there is nothing to import.
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # it saves nothing on one patient, and is spoilt by one lack of memory
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # Never ONNX Runtime's own format, which nobody has looked through for the names of other files.
    options.add_session_config_entry("session.load_model_format", "ONNX")

    def opened(names: list[str]) -> Any:
        try:
            return onnxruntime.InferenceSession(graph, sess_options=options, providers=names)
        except (
            state.Fail,
            state.InvalidGraph,
            state.InvalidProtobuf,
            state.NotImplemented,
            state.InvalidArgument,
        ) as error:
            raise PackageInvalid(
                f"{path} cannot be opened by ONNX Runtime {onnxruntime.__version__}: "
                f"{error}. Update ONNX Runtime or make the package again."
            ) from error

    if provider is Provider.CPU:
        return opened([CPU]), ()
    session = opened([CUDA, CPU]) if CUDA in onnxruntime.get_available_providers() else None
    if session is not None and session.get_providers()[0] == CUDA:
        return session, ()
    reason = (
        "this build of ONNX Runtime has no CUDA support"
        if session is None
        else "ONNX Runtime could not start CUDA (driver, CUDA or cuDNN libraries)"
    )
    if provider is Provider.CUDA:
        raise EngineUnavailable(
            f"The models were configured to run on CUDA, but {reason}; a CUDA device was expected. Install "
            "'rdeepnet[gpu]' "
            "and check the driver with nvidia-smi, or set the provider to 'cpu' or 'cuda-or-cpu'."
        )
    note = QualityNote(
        code="model-fallback-cpu",
        severity=Severity.NOTE,
        sentence=f"The models ran on the CPU because {reason}; the results are the same within rounding.",
    )
    return opened([CPU]), (note,)


def _check_graph(package: ModelPackage, session: Any) -> None:
    where = package.folder / "model.onnx"
    count = len(package.inputs)
    found = [(node.name, node.type, node.shape[1:]) for node in session.get_inputs()]
    expected = [(INPUT, "tensor(double)", [count])]
    if found != expected:
        raise PackageInvalid(f"{where}: the graph has inputs {found}; the manifest means {expected}. Make it again.")
    found = [(node.name, node.type, node.shape[1:]) for node in session.get_outputs()]
    expected = [(SCORE, "tensor(double)", []), (ATTRIBUTIONS, "tensor(double)", [count])]
    if package.spread is not None:
        expected.append((str(package.spread.source), "tensor(double)", [package.spread.count]))
    if found != expected:
        raise PackageInvalid(f"{where}: the graph has outputs {found}; the manifest means {expected}. Make it again.")
    names = tuple(session.get_modelmeta().custom_metadata_map.get(NAMES_KEY, "").split("\n"))
    if names != package.inputs:
        place = next((i for i, pair in enumerate(zip(names, package.inputs, strict=False)) if pair[0] != pair[1]), -1)
        detail = (
            f"input {place + 1} is '{names[place]}' in the graph and '{package.inputs[place]}' in inputs.csv"
            if place >= 0
            else f"the graph names {counted(len(names), 'input')}, inputs.csv {count}"
        )
        raise PackageInvalid(f"{where}: {detail}; the same names in the same order were expected. Make it again.")


def _check_reference(model: LoadedModel) -> None:
    package = model.package
    for number, case in enumerate(package.reference, start=1):
        output = model.explain(case.values[np.newaxis])
        score = float(output.score[0])
        survival = package.survival(score)
        found = {"score": score, **{f"survival at {months:g} months": survival[months] for months in case.survival}}
        expected = {"score": case.score, **{f"survival at {m:g} months": value for m, value in case.survival.items()}}
        for name, value in case.attributions.items():
            found[f"attribution of {name}"] = float(output.attributions[0, package.inputs.index(name)])
            expected[f"attribution of {name}"] = value
        spread = output.spread[0].tolist()
        if case.spread and len(case.spread) != len(spread):
            raise PackageInvalid(
                f"{package.folder}: reference patient {number} has {counted(len(case.spread), 'other score')}, the "
                f"graph gives {len(spread)}; make the package again."
            )
        for place, value in enumerate(case.spread):
            found[f"output {place + 1} of another training"] = spread[place]
            expected[f"output {place + 1} of another training"] = value
        for what, value in expected.items():
            if not abs(found[what] - value) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(value):
                raise PackageInvalid(
                    f"{package.folder}: reference patient {number} does not reproduce on {model.provider}: {what} is "
                    f"{found[what]!r}, {value!r} was expected (relative {RELATIVE_TOLERANCE:g}). Copy the package "
                    "again; where that does not help, report the version of ONNX Runtime and the device."
                )
