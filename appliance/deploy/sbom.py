"""The software bill of materials, CycloneDX 1.6 as JSON: `make sbom`.

Our own version, every Python distribution of the image with its licence, what it depends on and the SHA-256 of the
file that the image installs, the native libraries inside them, and the model packages with their digests. Debian's
packages are those of an image: with the text of its /var/lib/dpkg/status they are listed, else the bill says that they
are not in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement

from appliance.deploy.closure import PROJECT, closure, installed, normalised, project_requirements
from appliance.deploy.licences import EXCEPTIONS, field_of, licence_of
from appliance.deploy.native_libraries import DebianPackage, debian_packages, native_libraries
from models.errors import SetupError
from models.inference.package import load_package, shipped_packages
from models.number_words import counted
from models.version import software_version

DEBIAN = "rdeepnet:debian-packages"  # property of the bill: how many are listed, or that none are
_LOCK = Path(__file__).with_name("container") / "requirements-cpu.txt"


def bill_of_materials(*, dpkg_status: str | None = None) -> Bom:
    """The bill of what is installed here.

    Parameters
    ----------
    dpkg_status : content of /var/lib/dpkg/status of the image; None: Debian's packages are not listed
    """
    distributions = closure(project_requirements(), installed())
    hashes = locked_hashes(_LOCK.read_text(encoding="utf-8")) if _LOCK.is_file() else {}
    bom = Bom()
    root = Component(
        name=PROJECT,
        version=software_version(),
        type=ComponentType.APPLICATION,
        bom_ref=PROJECT,
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom.metadata.component = root
    components = {name: _component(name, distribution, hashes) for name, distribution in distributions.items()}
    models = [_model(folder) for folder in shipped_packages()]
    native = {name: _native(name, distribution) for name, distribution in distributions.items()}
    debian = [] if dpkg_status is None else [_debian(package) for package in debian_packages(dpkg_status)]
    inside = [component for found in native.values() for component in found]
    for component in (*components.values(), *inside, *debian, *models):
        bom.components.add(component)
    listed = "not listed: no image was given" if dpkg_status is None else counted(len(debian), "package")
    bom.metadata.properties.add(Property(name=DEBIAN, value=listed))
    required = [components[normalised(requirement.name)] for requirement in project_requirements()]
    bom.register_dependency(root, [*required, *debian, *models])
    for name, distribution in distributions.items():
        needed = {normalised(Requirement(text).name) for text in distribution.requires or ()}
        others = [components[other] for other in sorted(needed & set(components))]
        bom.register_dependency(components[name], [*others, *native[name]])
    return bom


def as_json(bom: Bom) -> str:
    """The bill as text.

    Raises
    ------
    SetupError
        When it is not valid by CycloneDX's own schema.
    """
    writer = JsonV1Dot6(bom)
    text = writer.output_as_string(indent=1)
    mistake = JsonStrictValidator(writer.schema_version).validate_str(text)
    if mistake is not None:
        raise SetupError(f"The bill of materials is not valid CycloneDX: {mistake}.")
    return text + "\n"


def locked_hashes(text: str) -> dict[tuple[str, str], str]:
    """(name, version) → SHA-256 of the hashed requirements of the image."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    return {(normalised(name), version): digest for name, version, digest in found}


def _component(name: str, one: Distribution, hashes: Mapping[tuple[str, str], str]) -> Component:
    licence = licence_of(one)
    if not licence and name in EXCEPTIONS:
        licence = EXCEPTIONS[name].licence
    digest = hashes.get((name, one.version))
    return Component(
        name=name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}@{one.version}",
        purl=PackageURL(type="pypi", name=name, version=one.version),
        description=field_of(one, "Summary") or None,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else (),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else (),
    )


def _native(distribution: str, one: Distribution) -> list[Component]:
    """The native libraries that a distribution carries: name, version where it is known, and SHA-256 of the file."""
    return [
        Component(
            name=library.name,
            version=library.version or None,
            type=ComponentType.LIBRARY,
            bom_ref=f"native:{distribution}:{library.path}:{library.name}",
            purl=PackageURL(type="generic", name=library.name, version=library.version) if library.version else None,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=library.sha256)],
            properties=[
                Property(name="rdeepnet:file", value=library.path),
                Property(name="rdeepnet:part-of", value=f"{distribution} {one.version}"),
                Property(name="rdeepnet:version-from", value=library.source),
            ],
        )
        for library in native_libraries(one)
    ]


def _debian(package: DebianPackage) -> Component:
    """One installed package of Debian."""
    qualifiers = {"arch": package.architecture}
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"deb:{package.name}:{package.architecture}@{package.version}",
        purl=PackageURL("deb", "debian", package.name, package.version, qualifiers),
    )


def _model(folder: Path) -> Component:
    package = load_package(folder, trusted_keys=())
    identity = package.identity
    return Component(
        name=identity.name,
        version=identity.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{identity.name}@{identity.version}",
        description=identity.title,
        properties=[
            Property(name="rdeepnet:digest", value=identity.digest),
            Property(name="rdeepnet:notice", value=identity.notice),
        ],
    )


def main(target: Path, dpkg_status: Path | None = None) -> None:
    """Writes the bill to a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    bom = bill_of_materials(dpkg_status=None if dpkg_status is None else dpkg_status.read_text(encoding="utf-8"))
    target.write_text(as_json(bom), encoding="utf-8")
    (debian,) = (found.value for found in bom.metadata.properties if found.name == DEBIAN)
    print(f"{target}: {counted(len(bom.components), 'component')}; Debian: {debian}")  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit("usage: python -m appliance.deploy.sbom FILE [DPKG_STATUS]")
    main(*(Path(argument) for argument in sys.argv[1:]))
