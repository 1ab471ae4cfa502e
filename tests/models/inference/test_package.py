"""Loading checks of model packages: each way a package can be wrong is refused with a sentence that helps."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.acquisition import AcquisitionRange, SeveralTumours, TrainingImages
from models.errors import PackageInvalid
from models.inference.package import load_package, package_digest, shipped_packages
from models.inference.tasks import Task
from models.volume import Region, Sequence
from tests.models.small_packages import NOTICE, SETTINGS, SIGNAL, input_names, small_familiarity, write_small_package


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages") / "recurrence"
    write_small_package(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "recurrence"))


def rewrite(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Change a file and, unless it is the manifest, put its new digest into the manifest."""
    path = folder / name
    before = path.read_bytes()
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    assert path.read_bytes() != before
    if name != "manifest.toml":
        old, new = (hashlib.sha256(content).hexdigest() for content in (before, path.read_bytes()))
        manifest = folder / "manifest.toml"
        manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_package_says_what_was_written(original: Path) -> None:
    package = load_package(original)
    assert (package.identity.name, package.identity.version, package.identity.notice) == ("recurrence", "0.1.0", NOTICE)
    assert package.task is Task.RECURRENCE
    assert package.inputs == input_names()
    assert package.sequences == tuple(Sequence)
    assert package.regions == tuple(Region)
    assert (package.cut_off, package.scale, package.direction) == (1.1, "log-risk", "higher means higher risk")
    assert package.horizons_months == (12.0, 24.0, 36.0)
    assert package.origin.settings_digest == SETTINGS
    assert package.out_of_fold == SIGNAL
    assert package.familiarity.used.size == 160
    assert package.statements == {"ethics": "none was needed"}
    assert package.baseline is not None
    assert package.baseline.at(20.0) == 0.03
    assert np.all(package.low <= package.high)
    assert len(package.reference) == 2


def test_a_manifest_says_what_the_training_images_were(folder: Path) -> None:
    assert load_package(folder).images == TrainingImages()
    lines = "[acquisition.t1c]\nslice_mm = [1, 2.5]\nfield_strength_t = [1.5, 3.0]\n\n[acquisition.t2w]\n\n[files]"
    rewrite(folder, "manifest.toml", lambda text: text.replace("[files]", lines))
    rewrite(folder, "manifest.toml", lambda text: text.replace("schema = 1", 'schema = 1\nseveral_tumours = "largest"'))
    images = load_package(folder).images
    assert images.several_tumours is SeveralTumours.LARGEST
    assert images.ranges == {
        Sequence.T1C: AcquisitionRange(slice_mm=(1.0, 2.5), field_strength_t=(1.5, 3.0)),
        Sequence.T2W: AcquisitionRange(),
    }


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ("[acquisition.t1c]\nslice_mm = [3, 1]", "acquisition.t1c: slice_mm is 3 to 1; two numbers above 0"),
        ("[acquisition.t1c]\nslice = [1, 3]", "acquisition.t1c.slice is not known; did you mean slice_mm"),
        ("[acquisition.t3]\nslice_mm = [1, 3]", "acquisition.t3 is not known; "),
        ("[acquisition]\nt1c = 5", "acquisition.t1c is 5; expected a table"),
    ],
)
def test_wrong_training_images_are_refused(folder: Path, lines: str, part: str) -> None:
    rewrite(folder, "manifest.toml", lambda text: text.replace("[files]", f"{lines}\n\n[files]"))
    with pytest.raises(PackageInvalid, match=part):
        load_package(folder)


def test_the_digest_is_that_of_sha256sum(original: Path) -> None:
    command = "sha256sum * | sha256sum"
    found = subprocess.run(["sh", "-c", command], cwd=original, env={"LC_ALL": "C"}, capture_output=True, check=True)
    assert load_package(original).identity.digest == found.stdout.decode().split()[0]


def test_every_byte_counts_for_the_digest() -> None:
    digests = {package_digest(files) for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""})}
    assert len(digests) == 4


@pytest.mark.parametrize(
    "name", ["model.onnx", "inputs.csv", "baseline.csv", "familiarity.npz", "reference.json", "MODEL_CARD.html"]
)
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(PackageInvalid, match=rf"{name}: SHA-256 [0-9a-f]{{64}} was found, [0-9a-f]{{64}} was expected"):
        load_package(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "baseline.csv").unlink()
    with pytest.raises(PackageInvalid, match=r"baseline\.csv is missing; copy the whole package"):
        load_package(folder)


def test_a_file_that_is_not_listed_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    with pytest.raises(PackageInvalid, match=r"notes\.txt is not listed in manifest\.toml; keep it elsewhere"):
        load_package(folder)


def test_a_folder_in_the_folder_is_refused(folder: Path) -> None:
    (folder / "more").mkdir()
    with pytest.raises(PackageInvalid, match="a package holds files only"):
        load_package(folder)


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageInvalid, match=r"holds no manifest\.toml"):
        load_package(tmp_path)
    with pytest.raises(PackageInvalid, match="is not a folder"):
        load_package(tmp_path / "absent")


MANIFEST_MISTAKES = {
    "unknown key": (r"schema = 1", "schema = 1\ncolour = 3", "colour is not known"),
    "unknown key in a section": (
        r"cut_off = 1.1",
        "cut_off = 1.1\ncutoff = 2.0",
        "output.cutoff is not known; did you mean cut_off?",
    ),
    "missing key": (r'version = "0.1.0"\n', "", "version is missing; expected a text"),
    "missing section": (r"\[features\](.|\n)*?\n\n", "", "features is missing; expected a table"),
    "schema": (r"schema = 1", "schema = 2", "schema 2 was found, 1 was expected"),
    "task": (
        r'task = "recurrence"',
        'task = "survival"',
        'task is \'survival\'; expected one of "recurrence", "krt7_as"',
    ),
    "empty text": (r'title = "[^"]*"', 'title = " "', "title is ' '; expected a text that is not empty"),
    "text for a number": (r"cut_off = 1.1", 'cut_off = "1.1"', "output.cut_off is '1.1'; expected a number"),
    "not finite": (r"cut_off = 1.1", "cut_off = nan", "output.cut_off is nan; expected a number"),
    "truth for a number": (
        r"patients = 0",
        "patients = true",
        "training.patients is True; expected a whole number",
    ),
    "scale": (r'scale = "log-risk"', 'scale = "risk"', "output.scale is 'risk'; expected 'log-risk'"),
    "direction": (r'direction = "[^"]*"', 'direction = "lower is worse"', "output.direction is 'lower is worse'"),
    "sequence": (
        r'sequences = \["t1c", "t2w"\]',
        'sequences = ["t1c", "adc"]',
        'sequences[2] is \'adc\'; expected one of "t1c", "t2w"',
    ),
    "sequence twice": (r'sequences = \["t1c", "t2w"\]', 'sequences = ["t1c", "t1c"]', "without repetition"),
    "sequence not used": (r'"t2w"\]', "]", "the manifest says sequences t1c and regions"),
    "horizons empty": (r"horizons_months = .*", "horizons_months = []", "increasing positive numbers"),
    "horizons mixed": (r"horizons_months = .*", "horizons_months = [24, 12]", "increasing positive numbers"),
    "horizon too far": (r"horizons_months = .*", "horizons_months = [41.0]", "known from 0 to 40 months"),
    "stands in for itself": (
        'version = "0.1.0"',
        'version = "0.1.0"\nstands_in_for = "recurrence"',
        "names the package",
    ),
    "stands in for nothing": ('version = "0.1.0"', 'version = "0.1.0"\nstands_in_for = ""', "stands_in_for is ''"),
    "statistic": (
        r"statistic = .*",
        'statistic = "accuracy"',
        "out_of_fold.statistic is 'accuracy'; expected 'Harrell's C'",
    ),
    "interval turned round": (r"low = 0.6", "low = 0.75", "expected 0 ≤ low ≤ value ≤ high ≤ 1"),
    "statement is no text": (
        r"\[statements\]",
        "[statements]\nfunding = 3",
        "statements.funding is 3; expected a text",
    ),
    "file not listed": (
        r'"baseline.csv" = .*\n',
        "",
        "familiarity.npz, fingerprints.npz, inputs.csv, model.onnx, reference.json; a package of task",
    ),
    "not TOML": (r"schema = 1", "schema = ", "is not valid TOML"),
}


@pytest.mark.parametrize("mistake", MANIFEST_MISTAKES)
def test_a_wrong_manifest_is_refused(folder: Path, mistake: str) -> None:
    pattern, replacement, message = MANIFEST_MISTAKES[mistake]
    rewrite(folder, "manifest.toml", lambda text: re.sub(pattern, replacement, text, count=1))
    with pytest.raises(PackageInvalid, match=re.escape(message)):
        load_package(folder)


def test_every_mistake_of_a_manifest_is_reported_together(folder: Path) -> None:
    def spoilt(text: str) -> str:
        return text.replace("schema = 1", "schema = 1\ncolour = 3").replace("cut_off = 1.1", 'cut_off = "high"')

    rewrite(folder, "manifest.toml", spoilt)
    with pytest.raises(PackageInvalid, match=r"manifest\.toml has 2 mistakes:\n  colour .*\n  output\.cut_off is"):
        load_package(folder)


FILE_MISTAKES = {
    "header of the inputs": ("inputs.csv", "name,low,high", "name,min,max", "the first line is name,min,max"),
    "input twice": ("inputs.csv", input_names()[1], input_names()[0], "1 input name is repeated"),
    "input of no sequence": ("inputs.csv", input_names()[0], "adc_made", "does not begin with a"),
    "time twice": ("baseline.csv", "20.0,", "6.0,", "strictly increasing"),
    "hazard falls": ("baseline.csv", "0.03", "0.001", "must not decrease"),
    "hazard is no number": ("baseline.csv", "0.03", "x", "'x' was found where a finite number was expected"),
    "baseline is empty": ("baseline.csv", "6.0,0.01\n20.0,0.03\n40.0,0.08\n", "", "there must be at least one"),
    "reference is no JSON": ("reference.json", "{", "", "is not a list of reference patients"),
    "reference has no score": ("reference.json", '"score"', '"result"', "is not a list of reference patients"),
    "reference horizon": ("reference.json", '"36"', '"35"', "needs survival at [12.0, 24.0, 36.0] months"),
}


@pytest.mark.parametrize("mistake", FILE_MISTAKES)
def test_a_wrong_file_is_refused(folder: Path, mistake: str) -> None:
    name, old, new, message = FILE_MISTAKES[mistake]
    rewrite(folder, name, lambda text: text.replace(old, new, 1))
    with pytest.raises(PackageInvalid, match=re.escape(message)):
        load_package(folder)


def test_a_wrong_training_distribution_is_refused(folder: Path) -> None:
    path, manifest = folder / "familiarity.npz", folder / "manifest.toml"
    before = path.read_bytes()
    for content, message in (
        (b"not an archive", "is not an archive of used, centre"),
        (small_familiarity(inputs=161).to_bytes(), "is not one of 160 inputs"),
    ):
        path.write_bytes(content)
        old, new = (hashlib.sha256(one).hexdigest() for one in (before, content))
        manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        with pytest.raises(PackageInvalid, match=message):
            load_package(folder)
        before = content


def test_a_reference_without_patients_or_with_too_few_inputs_is_refused(folder: Path) -> None:
    reference = json.loads((folder / "reference.json").read_text())
    reference["cases"][1]["inputs"].pop()
    rewrite(folder, "reference.json", lambda _: json.dumps(reference))
    with pytest.raises(PackageInvalid, match="one number for each of the 160 inputs"):
        load_package(folder)
    rewrite(folder, "reference.json", lambda _: json.dumps({"cases": []}))
    with pytest.raises(PackageInvalid, match="at least one reference patient"):
        load_package(folder)


def test_a_krt7_package_has_no_baseline_and_no_horizons(tmp_path: Path) -> None:
    write_small_package(tmp_path / "krt7_as", task=Task.KRT7_AS, name="krt7_as")
    package = load_package(tmp_path / "krt7_as")
    assert package.baseline is None
    assert package.survival(0.7) == {}
    assert package.direction == "higher means higher expression"


def test_the_shipped_packages_are_there() -> None:
    assert [folder.name for folder in shipped_packages()] == ["recurrence", "krt7_as", "recurrence_t1c"]
    assert all((folder / "manifest.toml").is_file() for folder in shipped_packages())
