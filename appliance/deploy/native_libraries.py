"""Native libraries inside the wheels, and Debian's packages of the image: what no Python metadata names.

A library is found as a file, beside the modules or in the folder `*.libs` where auditwheel puts it, or by the text that
its makers compile into it, also inside the module that it was linked into. Its version is the one in that text, else
the one in the name of the file where makers put it there; where neither says it, the SHA-256 stands for it. A name like
libfreetype.so.6.20.6 says the version of the interface and not that of the library, and is not taken for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from mmap import ACCESS_READ, mmap
from pathlib import Path


@dataclass(frozen=True)
class NativeLibrary:
    """A native library in a wheel.

    Attributes
    ----------
    name : as vulnerabilities are listed under ("openssl"), else the beginning of the file's name
    version : "" where neither the file nor its name says it
    source : how the version is known: "text in the file", "name of the file" or "unknown"
    path : in the installation, from the folder of the packages
    sha256 : of the file
    """

    name: str
    version: str
    source: str
    path: str
    sha256: str


@dataclass(frozen=True)
class DebianPackage:
    """An installed package of Debian."""

    name: str
    version: str
    architecture: str


@dataclass(frozen=True)
class _Text:
    """A text that a library's makers compile into it.

    Attributes
    ----------
    begins : bytes that are looked for first
    pattern : matches from there, or from `before` bytes earlier; its group is the version
    """

    name: str
    begins: bytes
    pattern: re.Pattern[bytes]
    before: int = 0


_NUMBER = rb"(\d+\.\d+(?:\.\d+)*)"
_TEXTS = (
    _Text("openssl", b"OpenSSL ", re.compile(rb"OpenSSL (\d+\.\d+\.\d+[a-z]?)(?:-\w+)?  ?(?:FIPS  ?)?\d+ \w{3} \d{4}")),
    _Text("openjpeg", b"openjpeg-", re.compile(rb"openjpeg-" + _NUMBER + rb"/src")),
    _Text("libtiff", b"LIBTIFF, Version ", re.compile(rb"LIBTIFF, Version " + _NUMBER)),
    _Text("libpng", b"libpng version ", re.compile(rb"libpng version " + _NUMBER)),
    _Text("zlib", b"flate ", re.compile(rb"flate " + _NUMBER + rb" Copyright")),
    _Text("libjpeg-turbo", b"libjpeg-turbo version ", re.compile(rb"libjpeg-turbo version " + _NUMBER)),
    _Text("expat", b"expat_", re.compile(rb"expat_" + _NUMBER + rb"\0")),
    _Text("hdf5", b"HDF5 library version ", re.compile(rb"HDF5 library version " + _NUMBER)),
    _Text("openblas", b"OpenBLAS ", re.compile(rb"OpenBLAS " + _NUMBER)),
    _Text("krb5", b"KRB5_BRAND: krb5-", re.compile(rb"KRB5_BRAND: krb5-" + _NUMBER)),
    _Text("openldap", b"OpenLDAP: lib", re.compile(rb"OpenLDAP: lib\w+ " + _NUMBER)),
    _Text("bzip2", b"1.0.", re.compile(rb"(1\.0\.\d), \d{1,2}-\w{3}-\d{4}\0")),
    _Text("jpeg", b"-Mar-1998", re.compile(rb"(6b)  27-Mar-1998"), before=6),
)
# Files whose name says what they are and which version, since their makers number the file as they number the release.
_NAMED = (
    ("openssl", re.compile(r"lib(?:crypto|ssl)\S*\.so\.(1\.1\.1[a-z]?)$")),
    ("openjpeg", re.compile(r"lib(?:gdcm)?openjp2\S*\.so\.(2\.\d+\.\d+)$")),
    ("zstd", re.compile(r"libzstd\S*\.so\.(1\.\d+\.\d+)$")),
    ("xz", re.compile(r"liblzma\S*\.so\.(5\.\d+\.\d+)$")),
    ("brotli", re.compile(r"libbrotli\S*\.so\.(1\.\d+\.\d+)$")),
    ("gdcm", re.compile(r"libgdcm[A-Z]\S*\.so\.(3\.\d+\.\d+)$")),
)
# Libraries by the beginning of the file's name, where the text in the file or its name does not give the version.
_FILE_NAMES = (
    ("openssl", r"lib(crypto|ssl)\b"),
    ("charls", r"libgdcmcharls"),
    ("expat", r"libgdcmexpat"),
    ("zlib", r"libgdcmzlib"),
    ("jpeg", r"libgdcmjpeg"),
    ("openjpeg", r"lib(gdcm)?openjp2"),
)
_LIBRARY = re.compile(r"(lib[\w.+]+?)(?:-[0-9a-f]{8})?\.so(?:\.|$)")
_MODULE = re.compile(r"\.(?:cpython-\w+-[\w-]+|abi3)\.so$")


def native_libraries(one: Distribution) -> list[NativeLibrary]:
    """Native libraries that a distribution carries, each with its file; several copies of one file count once."""
    found: dict[tuple[str, str, str], NativeLibrary] = {}
    named = [(str(file), Path(str(one.locate_file(file)))) for file in one.files or () if ".so" in file.name]
    # The longest name of several copies first: libX.so.2.3.0 says more than libX.so.
    for path, file in sorted(named, key=lambda pair: (-len(pair[0]), pair[0])):
        if not file.is_file():
            continue
        digest = _sha256(file)
        for name, version, source in _contents(file):
            found.setdefault((name, version, digest), NativeLibrary(name, version, source, path, digest))
    return sorted(_without_doubles(found.values()), key=lambda library: (library.path, library.name))


def debian_packages(status: str) -> list[DebianPackage]:
    """Installed packages by the text of dpkg's status file, /var/lib/dpkg/status."""
    packages = []
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.+)$", stanza, re.MULTILINE))
        if fields.get("Status", "").split()[-1:] == ["installed"]:
            packages.append(DebianPackage(fields["Package"], fields["Version"], fields["Architecture"]))
    return sorted(packages, key=lambda package: (package.name, package.architecture))


def _contents(file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, version and source of the version of each library in a file."""
    texts = list(_texts(file))
    yield from ((name, version, "text in the file") for name, version in texts)
    named = next(((name, match[1]) for name, pattern in _NAMED if (match := pattern.search(file.name))), None)
    if named is not None and named[0] not in {name for name, _ in texts}:
        yield (*named, "name of the file")
    elif not texts and not _MODULE.search(file.name) and (match := _LIBRARY.match(file.name)):
        known = next((name for name, pattern in _FILE_NAMES if re.match(pattern, file.name)), match[1])
        yield known, "", "unknown"


def _texts(file: Path) -> Iterator[tuple[str, str]]:
    """Name and version of each library whose text is in a file."""
    if file.stat().st_size == 0:
        return
    with file.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
        for text in _TEXTS:
            place = content.find(text.begins)
            while place >= 0:
                if match := text.pattern.match(content[max(0, place - text.before) : place + 80]):
                    yield text.name, match[1].decode()
                    break
                place = content.find(text.begins, place + 1)


def _without_doubles(libraries: Iterable[NativeLibrary]) -> list[NativeLibrary]:
    """Without those whose version is unknown where another name of the same file says it."""
    rows = list(libraries)
    known = {row.sha256 for row in rows if row.version}
    return [row for row in rows if row.version or row.sha256 not in known]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
