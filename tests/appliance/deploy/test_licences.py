"""Licences and bill of materials of what the image installs. Kind: mechanics."""

from __future__ import annotations

import copy
import json
import re
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from packaging.requirements import Requirement

from appliance.deploy import licences
from appliance.deploy.closure import closure, installed, project_requirements
from appliance.deploy.licences import Verdict, is_permissive, licence_of, report, unneeded
from appliance.deploy.sbom import DEBIAN, as_json, bill_of_materials, locked_hashes
from models.errors import SetupError

LOCK = Path(licences.__file__).with_name("container") / "requirements-cpu.txt"
PART_OF = "rdeepnet:part-of"
CLASSIFIER = "License :: OSI Approved :: "


def plant(folder: Path, name: str, *lines: str, files: tuple[str, ...] = ()) -> None:
    """An installed distribution with these lines of metadata."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    metadata = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines])
    (info / "METADATA").write_text(metadata + "\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")


@pytest.fixture(scope="module")
def found() -> dict[str, Distribution]:
    return closure(project_requirements(), installed())


def test_everything_in_the_image_may_be_there(found: dict[str, Distribution]) -> None:
    rows = report(found)
    assert len(rows) > 60
    assert [row for row in rows if row.verdict is Verdict.REFUSED] == []
    assert unneeded(rows) == [], "an exception that nothing needs"
    assert all(row.reason for row in rows if row.verdict is Verdict.LISTED and not row.part_of)


def test_what_is_looked_at_is_what_the_image_installs(found: dict[str, Distribution]) -> None:
    locked = {name for name, _ in locked_hashes(LOCK.read_text(encoding="utf-8"))}
    assert set(found) == locked
    assert not {"pytest", "hypothesis", "ruff"} & set(found)


@pytest.mark.parametrize(
    "stated",
    [
        "License-Expression: GPL-3.0-or-later",
        "License-Expression: MIT AND GPL-2.0-only",
        "License-Expression: AGPL-3.0-only",
        "License-Expression: Apache-2.0 WITH Commons-Clause",
        "License-Expression: LGPL-3.0-only",
        "License: GPLv3",
        "License: GNU General Public License v3 or later",
        f"Classifier: {CLASSIFIER}GNU General Public License v3 (GPLv3)",
        f"License: GPL-2.0\nClassifier: {CLASSIFIER}MIT License",
        "License: see the website",
        "Summary: says nothing of a licence",
    ],
)
def test_a_planted_distribution_that_is_not_permissive_is_refused(tmp_path: Path, stated: str) -> None:
    plant(tmp_path, "harmless", "License-Expression: MIT", "Requires-Dist: planted; python_version >= '3'")
    plant(tmp_path, "planted", *stated.split("\n"))
    plant(tmp_path, "unrelated", "License-Expression: GPL-3.0-only")
    rows = report(closure([Requirement("harmless")], installed([str(tmp_path)])))
    assert {row.name: row.verdict for row in rows} == {"harmless": Verdict.PERMISSIVE, "planted": Verdict.REFUSED}


def test_a_planted_gpl_distribution_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, "planted", "License-Expression: GPL-3.0-or-later")
    everything = installed() | installed([str(tmp_path)])
    monkeypatch.setattr(licences, "installed", lambda: everything)
    monkeypatch.setattr(licences, "project_requirements", lambda: [*project_requirements(), Requirement("planted")])
    assert licences.main() == 1
    assert re.search(r"planted 1\.0 +refused +GPL-3\.0-or-later", capsys.readouterr().out)


def test_an_exception_holds_for_the_licence_that_was_looked_at(tmp_path: Path) -> None:
    plant(tmp_path, "psycopg", "License-Expression: AGPL-3.0-only")
    (row,) = report(closure([Requirement("psycopg")], installed([str(tmp_path)])))
    assert row.verdict is Verdict.REFUSED


def test_a_bundled_library_nobody_has_looked_at_is_refused(tmp_path: Path) -> None:
    bundled = ("wheel.libs/libreadline-12345678.so.8", "wheel.libs/libzstd-1.so.1", "wheel/own.so")
    plant(tmp_path, "wheel", "License-Expression: MIT", files=bundled)
    rows = report(closure([Requirement("wheel")], installed([str(tmp_path)])))
    assert {row.name: row.verdict for row in rows} == {
        "wheel": Verdict.PERMISSIVE,
        "libreadline-12345678.so.8": Verdict.REFUSED,
        "libzstd-1.so.1": Verdict.PERMISSIVE,
    }


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("MIT OR GPL-2.0-only", True),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", True),
        ("MIT AND (GPL-2.0-only OR LGPL-3.0-only)", False),
        ("MIT AND GPL-2.0-only OR ISC", True),
        ("GPL-3.0-only WITH GCC-exception-3.1", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MIT License", False),
        ("MIT AND", False),
        ("(MIT", False),
        ("", False),
    ],
)
def test_expressions_are_read_as_spdx_says(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) is permissive


def test_a_classifier_does_not_hide_another(tmp_path: Path) -> None:
    stated = ["MIT License", "GNU General Public License v2 (GPLv2)"]
    plant(tmp_path, "two", *(f"Classifier: {CLASSIFIER}{one}" for one in stated), f"Classifier: {CLASSIFIER[:-4]}")
    (one,) = installed([str(tmp_path)]).values()
    assert licence_of(one) == "MIT AND GNU General Public License v2 (GPLv2)"


def test_what_is_required_and_not_installed_is_told(tmp_path: Path) -> None:
    plant(tmp_path, "needs", "License-Expression: MIT", "Requires-Dist: absent")
    with pytest.raises(SetupError, match="absent is required and not installed"):
        closure([Requirement("needs")], installed([str(tmp_path)]))


STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u13\n"


@pytest.fixture(scope="module")
def made() -> Bom:
    """The bill of this installation and of an image with one package of Debian; made once: it reads every file."""
    return bill_of_materials(dpkg_status=STATUS)


def test_the_bill_of_materials_is_valid_and_whole(found: dict[str, Distribution], made: Bom) -> None:
    bill = json.loads(as_json(made))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "rdeepnet"
    libraries = {one["name"]: one for one in bill["components"] if one.get("purl", "").startswith("pkg:pypi/")}
    assert set(libraries) == set(found)
    for name, one in libraries.items():
        assert one["version"] == found[name].version
        assert one["licenses"], name
        assert one["purl"].startswith(f"pkg:pypi/{name}@")
    models = [one["name"] for one in bill["components"] if one["type"] == "machine-learning-model"]
    assert set(models) == {"recurrence", "krt7_as", "recurrence_t1c"}
    depends = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert f"numpy@{found['numpy'].version}" in depends["rdeepnet"]
    assert f"sqlalchemy@{found['sqlalchemy'].version}" in depends[f"dbos@{found['dbos'].version}"]


def test_the_bill_lists_native_libraries_with_what_carries_them_and_debians_packages(
    found: dict[str, Distribution], made: Bom
) -> None:
    bill = json.loads(as_json(made))
    native = [one for one in bill["components"] if one["bom-ref"].startswith("native:")]
    assert len(native) > 50
    assert all(len(one["hashes"][0]["content"]) == 64 for one in native)
    openssl = [one for one in native if one["name"] == "openssl" and one.get("version")]
    carriers = {part["value"].split()[0] for one in openssl for part in one["properties"] if part["name"] == PART_OF}
    assert {"cryptography", "psycopg-binary"} <= carriers
    assert all(one["purl"] == f"pkg:generic/openssl@{one['version']}" for one in openssl)
    depends = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    carried = {ref for refs in depends.values() for ref in refs if ref.startswith("native:")}
    assert carried == {one["bom-ref"] for one in native}
    (debian,) = [one for one in bill["components"] if one.get("purl", "").startswith("pkg:deb/")]
    assert debian["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64"
    assert [one["value"] for one in bill["metadata"]["properties"] if one["name"] == DEBIAN] == ["1 package"]


def test_a_bill_without_an_image_says_that_debians_packages_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.deploy.sbom.native_libraries", lambda one: [])  # they have tests of their own
    bill = json.loads(as_json(bill_of_materials()))
    (said,) = [one["value"] for one in bill["metadata"]["properties"] if one["name"] == DEBIAN]
    assert said == "not listed: no image was given"
    assert not any(one.get("purl", "").startswith("pkg:deb/") for one in bill["components"])


def test_a_bill_with_a_mistake_is_not_written(made: Bom) -> None:
    bill = copy.deepcopy(made)
    next(iter(bill.components)).hashes.add(HashType(alg=HashAlgorithm.SHA_256, content="no digest"))
    with pytest.raises(SetupError, match="not valid CycloneDX"):
        as_json(bill)


def test_the_bill_has_the_digest_of_every_file_the_image_installs(found: dict[str, Distribution], made: Bom) -> None:
    locked = locked_hashes(LOCK.read_text(encoding="utf-8"))
    bill = json.loads(as_json(made))
    same_version = {name for name, version in locked if found[name].version == version}
    digests = {
        one["name"] for one in bill["components"] if one.get("hashes") and one.get("purl", "").startswith("pkg:pypi/")
    }
    assert digests == same_version
    assert len(digests) > 60
