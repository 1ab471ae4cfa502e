"""A segmentation network on disk: a folder with an ONNX graph, and the checks before any of it is trusted.

    manifest.toml   identity; voxel size, patch and channels of the input; SHA-256 of every other file
    network.onnx    float32: patches (patches, channels, slices, rows, columns) → tumour (patches, 1, slices, …), 0 to 1
    reference.npz   patches with the probabilities expected for them
    MODEL_CARD.md   for people

The networks of a site stay the site's: what licence their weights have, and what they were trained on, is said by their
manifest and card and repeated in the draft.
"""

from __future__ import annotations

import hashlib
import io
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import PackageInvalid, SetupError
from models.inference.external_data import check_self_contained
from models.inference.runtime import Provider, check_installation, open_graph
from models.number_words import counted
from models.typed_tables import Above, AtLeast, read_whole

MANIFEST: Final = "manifest.toml"
GRAPH: Final = "network.onnx"
REFERENCE: Final = "reference.npz"
CARD: Final = "MODEL_CARD.md"
SCHEMA: Final = 1
INPUT, OUTPUT = "patches", "tumour"
TOLERANCE: Final = 1e-4  # of a probability: float32, sums in another order on another machine
_FILES = frozenset({GRAPH, REFERENCE, CARD})
_LONGEST_NAME = 40  # characters; with the strokes it must fit into a Segment Algorithm Name


class Channel(StrEnum):
    """Channels a network can be given."""

    CONTRAST = "contrast"  # early minus before contrast (or the image), z-score over the limit box
    SEEDS = "seeds"  # 1 on the cores of strokes, -1 where the tumour cannot be, 0 elsewhere


@dataclass(frozen=True)
class NetworkInput:
    """The table `[input]`.

    Attributes
    ----------
    spacing_mm : (slices, rows, columns) the image is resampled to
    patch : (slices, rows, columns) the network is given at a time
    channels : in their order
    """

    spacing_mm: tuple[Annotated[float, Above(0)], ...]
    patch: tuple[Annotated[int, AtLeast(4)], ...]
    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        wrong = [name for name, value in (("spacing_mm", self.spacing_mm), ("patch", self.patch)) if len(value) != 3]
        if wrong or not self.channels:
            raise SetupError(
                f"input.{wrong[0]} needs 3 numbers: slices, rows, columns" if wrong else "input.channels names none"
            )


@dataclass(frozen=True)
class NetworkManifest:
    """One manifest.

    Attributes
    ----------
    notice : said with every draft
    training : what it was trained on, in a sentence
    licence : of the weights
    files : name → SHA-256
    """

    schema: int
    name: str
    version: str
    title: str
    notice: str
    training: str
    licence: str
    input: NetworkInput
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _LONGEST_NAME:
            raise SetupError(f"name has {counted(len(self.name), 'character')}; expected 1 to {_LONGEST_NAME}")


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A package whose reference patches have reproduced.

    Attributes
    ----------
    digest : SHA-256 of the manifest, which lists those of the other files
    """

    folder: Path
    manifest: NetworkManifest
    digest: str
    _session: Any

    def probabilities(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """(patches, channels, slices, rows, columns) → (patches, slices, rows, columns), 0 to 1."""
        return np.asarray(self._session.run([OUTPUT], {INPUT: patches})[0])[:, 0]


def shipped_network() -> Path:
    """Folder of the demonstration network that comes with the software."""
    return Path(__file__).resolve().parent / "demonstration"


def load_network(folder: Path, *, provider: Provider = Provider.CPU) -> LoadedNetwork:
    """Loads a package, checks files, graph and reference patches.

    Raises
    ------
    PackageInvalid
        When a file is missing, not listed or changed, the graph is not what the manifest says, or the reference does
        not reproduce.
    EngineUnavailable
        When ONNX Runtime or the provider is not available.
    """
    contents = _contents(folder)
    manifest = _manifest(folder / MANIFEST, contents[MANIFEST])
    for name, expected in manifest.files.items():
        found = hashlib.sha256(contents[name]).hexdigest() if name in contents else "(missing)"
        if found != expected:
            raise PackageInvalid(
                f"{folder / name}: SHA-256 {found} was found, {expected} was expected by {MANIFEST}; copy the package "
                "again."
            )
    graph = folder / GRAPH
    check_self_contained(graph, contents[GRAPH])
    check_installation()
    session, _ = open_graph(contents[GRAPH], path=graph, provider=provider)
    _check_graph(graph, session, channels=len(manifest.input.channels))
    network = LoadedNetwork(folder, manifest, hashlib.sha256(contents[MANIFEST]).hexdigest(), session)
    _check_reference(network, contents[REFERENCE])
    return network


def _contents(folder: Path) -> dict[str, bytes]:
    wanted = (MANIFEST, *sorted(_FILES))
    if not (folder / MANIFEST).is_file():
        raise PackageInvalid(f"{folder} holds no {MANIFEST}; give the folder of a segmentation network.")
    try:
        return {name: (folder / name).read_bytes() for name in wanted if (folder / name).is_file()}
    except OSError as error:
        raise PackageInvalid(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error


def _manifest(path: Path, content: bytes) -> NetworkManifest:
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageInvalid(f"{path} is not valid TOML: {error}. Copy the package again.") from error
    if (schema := table.get("schema", SCHEMA)) != SCHEMA:
        raise PackageInvalid(f"{path}: schema {schema} was found, {SCHEMA} was expected; make the package again.")
    manifest = read_whole(NetworkManifest, table, what=str(path), error=PackageInvalid)
    if set(manifest.files) != _FILES:
        raise PackageInvalid(
            f"{path}: [files] lists {', '.join(sorted(manifest.files)) or 'nothing'}; {', '.join(sorted(_FILES))} were "
            "expected. Make the package again."
        )
    return manifest


def _check_graph(path: Path, session: Any, *, channels: int) -> None:
    found = [(node.name, node.type, len(node.shape), node.shape[1]) for node in session.get_inputs()]
    found += [(node.name, node.type, len(node.shape), node.shape[1]) for node in session.get_outputs()]
    expected = [(INPUT, "tensor(float)", 5, channels), (OUTPUT, "tensor(float)", 5, 1)]
    if found != expected:
        raise PackageInvalid(f"{path}: the graph has {found}; the manifest means {expected}. Make it again.")


def _check_reference(network: LoadedNetwork, content: bytes) -> None:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            patches, expected = file[INPUT], file[OUTPUT]
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise PackageInvalid(
            f"{network.folder / REFERENCE} holds no patches and outputs; copy the package again."
        ) from error
    found = network.probabilities(patches)
    apart = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    if not apart <= TOLERANCE:
        raise PackageInvalid(
            f"{network.folder}: the reference patches do not reproduce (a probability is {apart:.2g} off, "
            f"{TOLERANCE:g} was expected at most). Copy the package again; where that does not help, report the "
            "version of ONNX Runtime."
        )
