"""Native libraries in the wheels and Debian's packages of the image. Kind: mechanics.

The versions of what is installed are compared with what the libraries say of themselves at run time.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from cryptography.hazmat.backends.openssl import backend
from PIL import features

from appliance.deploy.closure import installed
from appliance.deploy.native_libraries import DebianPackage, NativeLibrary, debian_packages, native_libraries
from tests.appliance.deploy.test_licences import plant


@pytest.fixture(scope="module")
def available() -> dict[str, Distribution]:
    return installed()


def versions(libraries: list[NativeLibrary], name: str) -> set[str]:
    return {library.version for library in libraries if library.name == name and library.version}


def test_versions_are_those_that_the_libraries_of_pillow_tell(available: dict[str, Distribution]) -> None:
    found = native_libraries(available["pillow"])
    for name, feature in {"libtiff": "libtiff", "openjpeg": "jpg_2000", "libjpeg-turbo": "libjpeg_turbo"}.items():
        assert versions(found, name) == {features.version(feature)}, name


def test_openssl_inside_cryptography_is_seen(available: dict[str, Distribution]) -> None:
    """It is linked into a module: no file has its name."""
    (library,) = native_libraries(available["cryptography"])
    assert f"OpenSSL {library.version} " in backend.openssl_version_text()
    assert (library.name, library.source) == ("openssl", "text in the file")


def test_the_old_libraries_inside_gdcm_are_named(available: dict[str, Distribution]) -> None:
    """From the report that asked for this list: OpenSSL 1.1.1k and OpenJPEG 2.3.0 (python-gdcm 3.2.6)."""
    if available["python-gdcm"].version != "3.2.6":
        pytest.skip("another version of python-gdcm")
    found = native_libraries(available["python-gdcm"])
    assert versions(found, "openssl") == {"1.1.1k"}
    assert versions(found, "openjpeg") == {"2.3.0"}
    assert {library.path.rpartition("/")[0] for library in found} == {"_gdcm", "python_gdcm.libs"}


def test_every_shared_library_of_a_wheel_is_listed_with_its_digest(available: dict[str, Distribution]) -> None:
    one = available["psycopg-binary"]
    found = {library.path: library for library in native_libraries(one)}
    for file in one.files or ():
        if file.parts[0].endswith(".libs"):
            content = Path(str(one.locate_file(file))).read_bytes()
            assert found[str(file)].sha256 == hashlib.sha256(content).hexdigest()
    assert all((library.version == "") is (library.source == "unknown") for library in found.values())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "libcrypto-0a1b2c3d.so.1.1.1k",
            b"..OpenSSL 1.1.1k  FIPS 25 Mar 2021\0",
            ("openssl", "1.1.1k", "text in the file"),
        ),
        ("libcrypto-0a1b2c3d.so.1.1.1k", b"nothing", ("openssl", "1.1.1k", "name of the file")),
        ("libssl-0a1b2c3d.so.3", b"OpenSSL is nice", ("openssl", "", "unknown")),
        (
            "_module.cpython-311-x86_64-linux-gnu.so",
            b"\0libpng version 1.6.43\0",
            ("libpng", "1.6.43", "text in the file"),
        ),
        ("_module.cpython-311-x86_64-linux-gnu.so", b"none", None),
        ("libfreetype-57f805ba.so.6.20.6", b"", ("libfreetype", "", "unknown")),
        ("libx.so", b"\x001.0.8, 13-Jul-2019\0", ("bzip2", "1.0.8", "text in the file")),
        ("libjpeg.so", b"6b  27-Mar-1998\0", ("jpeg", "6b", "text in the file")),
        ("libx.so", b" inflate 1.3.2 Copyright", ("zlib", "1.3.2", "text in the file")),
        ("libx.so", b"a flate a flate deflate 1.2 Copyright", ("zlib", "1.2", "text in the file")),
        ("readme.txt", b"OpenSSL 1.1.1k  25 Mar 2021", None),
    ],
)
def test_how_a_library_is_recognised(
    tmp_path: Path, name: str, content: bytes, expected: tuple[str, str, str] | None
) -> None:
    plant(tmp_path, "planted", files=(f"planted.libs/{name}", "planted.libs/absent.so"))
    (tmp_path / "planted.libs").mkdir()
    (tmp_path / "planted.libs" / name).write_bytes(content)
    found = [(one.name, one.version, one.source) for one in native_libraries(installed([str(tmp_path)])["planted"])]
    assert found == ([] if expected is None else [expected])


STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13
Description: GNU C Library
 Package: not-one
 Version: 1

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: tzdata
Status: hold ok installed
Architecture: all
Version: 2026a-0+deb12u1
"""


def test_the_packages_of_debian_are_those_that_are_installed() -> None:
    assert debian_packages(STATUS) == [
        DebianPackage("libc6", "2.36-9+deb12u13", "amd64"),
        DebianPackage("tzdata", "2026a-0+deb12u1", "all"),
    ]
    assert debian_packages("") == []


@pytest.mark.peers
def test_the_packages_of_this_machine_are_those_that_dpkg_names() -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("no dpkg here")
    command = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    expected = re.findall(r"^installed (\S+) (\S+) (\S+)$", shown, re.MULTILINE)
    found = debian_packages(Path("/var/lib/dpkg/status").read_text(encoding="utf-8"))
    assert sorted((one.name, one.version, one.architecture) for one in found) == sorted(expected)
