"""Licence of each Python distribution of the appliance, and the verdict on its place in the image: `make licences`.

Permissive licences are allowed, GPL and AGPL are not. Anything else, or unstated, is refused too until it is listed
here with its licence and a reason; an entry that is no longer needed is also a mistake. Libraries that wheels
carry in their `.libs` folders count on their own, since the wheel's metadata does not speak of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import Distribution

from appliance.deploy.closure import closure, installed, project_requirements

# SPDX identifiers: use, change and distribute, with the notice kept.
PERMISSIVE = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT",
        "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
_PERMISSIVE_EXCEPTIONS = frozenset({"LLVM-exception"})

# What metadata says that is older than SPDX expressions.
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
_TEXTS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
}
_SHORT = 60  # a longer text is the licence itself, and may name the licences of others


class Verdict(StrEnum):
    """Verdict on a distribution in the image."""

    PERMISSIVE = "permissive"  # it may
    LISTED = "listed"  # it may, for the reason that is listed
    REFUSED = "refused"  # it may not: GPL, AGPL, or a licence nobody has looked at


@dataclass(frozen=True)
class Listed:
    """A licence that somebody has reviewed."""

    licence: str
    reason: str


_LGPL = (
    "used unchanged, as a file of its own that can be replaced, with its licence text beside it: the LGPL allows that"
)
_GCC = "a run-time library of GCC, whose exception lets programs of any licence use it"

EXCEPTIONS = {
    "pikepdf": Listed(
        "MPL-2.0",
        "PDF/A of every report; used unchanged, and the MPL asks for the source of its own files only, which is public",
    ),
    "psycopg": Listed("LGPL-3.0-only", f"DBOS needs it for PostgreSQL; {_LGPL}"),
    "psycopg-binary": Listed("LGPL-3.0-only", f"DBOS needs it for PostgreSQL; {_LGPL}"),
    "setuptools": Listed("MIT", "its metadata names no licence; its file LICENSE is MIT's. PyTorch needs it"),
}

# Pattern at the beginning of a library's file name, the first that fits → its licence, from the licence files in the
# wheels and the libraries' own sites.
BUNDLED = {
    "libXau": Listed("MIT", ""),
    "libavif": Listed("BSD-2-Clause", "with libaom (BSD-2-Clause) and dav1d (BSD-2-Clause) inside"),
    "libbrotli": Listed("MIT", ""),
    "libcom_err": Listed("MIT", "of MIT Kerberos"),
    "libcrypt[.-]": Listed("LGPL-2.1-or-later", _LGPL),
    r"lib(crypto|ssl)-\w+\.so\.1\.": Listed("OpenSSL", "OpenSSL 1.1, permissive; for GDCM's encryption, never called"),
    r"lib(crypto|ssl)-\w+\.so\.3": Listed("Apache-2.0", "OpenSSL 3"),
    "libfreetype": Listed("FTL", "or GPL-2.0, of which the first is taken: permissive, with acknowledgement"),
    "libgfortran": Listed("GPL-3.0-or-later WITH GCC-exception-3.1", _GCC),
    "libgomp": Listed("GPL-3.0-or-later WITH GCC-exception-3.1", _GCC),
    "libgssapi_krb5": Listed("MIT", "MIT Kerberos"),
    "libharfbuzz": Listed("MIT", ""),
    "libjpeg": Listed("IJG AND BSD-3-Clause", "libjpeg-turbo"),
    "libk5crypto": Listed("MIT", "MIT Kerberos"),
    "libkeyutils": Listed("LGPL-2.1-or-later", _LGPL),
    "libkrb5": Listed("MIT", "MIT Kerberos"),
    "liblber": Listed("OLDAP-2.8", "OpenLDAP; permissive"),
    "liblcms2": Listed("MIT", ""),
    "libldap": Listed("OLDAP-2.8", "OpenLDAP; permissive"),
    "liblzma": Listed("0BSD", ""),
    "libopenjp2": Listed("BSD-2-Clause", ""),
    "libpng16": Listed("libpng-2.0", "permissive"),
    "libpq": Listed("PostgreSQL", "permissive"),
    "libqpdf": Listed("Apache-2.0", "QPDF, of pikepdf"),
    "libquadmath": Listed("LGPL-2.1-or-later", _LGPL),
    "libsasl2": Listed("BSD-3-Clause", "Cyrus SASL, with an acknowledgement"),
    "libscipy_openblas": Listed("BSD-3-Clause", "OpenBLAS, with LAPACK (BSD-3-Clause)"),
    "libsharpyuv": Listed("BSD-3-Clause", "of libwebp"),
    "libtiff": Listed("libtiff", "permissive"),
    "libwebp": Listed("BSD-3-Clause", ""),
    "libxcb": Listed("MIT", ""),
    "libzstd": Listed("BSD-3-Clause", "or GPL-2.0, of which the first is taken"),
}


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes
    ----------
    licence : as it is stated or listed, "" where nothing is
    part_of : the distribution whose wheel carries it; "" for a distribution
    """

    name: str
    version: str
    licence: str
    verdict: Verdict
    reason: str
    part_of: str = ""


def licence_of(one: Distribution) -> str:
    """The licence that a distribution states, as an SPDX expression; "" when it says nothing that is understood.

    An expression counts alone. Else every classifier and a short text count together, so that none hides another.
    """
    if expression := field_of(one, "License-Expression"):
        return expression
    licences = []
    for classifier in one.metadata.get_all("Classifier") or ():
        if classifier.startswith("License ::") and classifier != "License :: OSI Approved":
            stated = classifier.rpartition(" :: ")[2]
            licences.append(_CLASSIFIERS.get(stated, stated))
    text = field_of(one, "License")
    if text and ((len(text) <= _SHORT and "GPL" in text.upper()) or not licences):
        licences.append(_TEXTS.get(text, text if len(text) <= _SHORT else ""))
    return " AND ".join(dict.fromkeys(licences))


def field_of(one: Distribution, name: str) -> str:
    """A field of a distribution's metadata, "" where it is not stated."""
    return str((one.metadata.get_all(name) or [""])[0]).strip()


def is_permissive(expression: str) -> bool:
    """Returns whether an SPDX expression allows a choice of permissive licences only; False for any other text."""
    words = re.findall(r"[()]|[^\s()]+", expression)
    if not words:
        return False
    try:
        value, rest = _either(words)
    except IndexError:
        return False
    return value and not rest


def _either(words: list[str]) -> tuple[bool, list[str]]:
    value, rest = _all(words)
    while rest and rest[0] == "OR":
        other, rest = _all(rest[1:])
        value = value or other
    return value, rest


def _all(words: list[str]) -> tuple[bool, list[str]]:
    value, rest = _one(words)
    while rest and rest[0] == "AND":
        other, rest = _one(rest[1:])
        value = value and other
    return value, rest


def _one(words: list[str]) -> tuple[bool, list[str]]:
    if words[0] == "(":
        value, rest = _either(words[1:])
        return value and rest[0] == ")", rest[1:]
    value, rest = words[0] in PERMISSIVE, words[1:]
    if rest and rest[0] == "WITH":
        return value and rest[1] in _PERMISSIVE_EXCEPTIONS, rest[2:]
    return value, rest


def report(found: Mapping[str, Distribution]) -> list[Row]:
    """The distributions and the libraries inside them."""
    rows = []
    for name, one in found.items():
        rows.append(_judged(name, one.version, licence_of(one), EXCEPTIONS.get(name)))
        rows += [_library(library, name) for library in bundled_libraries(one)]
    return rows


def bundled_libraries(one: Distribution) -> list[str]:
    """Shared libraries that a wheel carries for others: those in its `.libs` folder, and GCC's in PyTorch's."""
    libraries = set()
    for file in one.files or ():
        in_libs = len(file.parts) == 2 and file.parts[0].endswith(".libs")
        if ".so" in file.name and (in_libs or file.name.startswith("libgomp")):
            libraries.add(file.name)
    return sorted(libraries)


def unneeded(rows: Iterable[Row]) -> list[str]:
    """Listed exceptions that no distribution needs."""
    needed = {row.name for row in rows if row.verdict is Verdict.LISTED and not row.part_of}
    return sorted(set(EXCEPTIONS) - needed)


def _judged(name: str, version: str, licence: str, listed: Listed | None) -> Row:
    if is_permissive(licence):
        return Row(name, version, licence, Verdict.PERMISSIVE, "")
    if re.search(r"\bA?GPL", licence) or listed is None or licence not in ("", listed.licence):
        why = "no licence is stated" if not licence else "not a permissive licence"
        return Row(name, version, licence, Verdict.REFUSED, f"{why}: leave it out, or list it with a reason")
    return Row(name, version, listed.licence, Verdict.LISTED, listed.reason)


def _library(library: str, part_of: str) -> Row:
    listed = next((entry for pattern, entry in BUNDLED.items() if re.match(pattern, library)), None)
    if listed is None:
        return Row(library, "", "", Verdict.REFUSED, "a library that nobody has reviewed: list it in BUNDLED", part_of)
    verdict = Verdict.PERMISSIVE if is_permissive(listed.licence) else Verdict.LISTED
    return Row(library, "", listed.licence, verdict, listed.reason, part_of)


def main() -> int:
    """Print the report; the exit status is 1 when something may not be in the image."""
    rows = report(closure(project_requirements(), installed()))
    for row in rows:
        name = f"  {row.name}" if row.part_of else f"{row.name} {row.version}"
        print(f"{name:44} {row.verdict:10} {row.licence}{f' ({row.reason})' if row.reason else ''}")  # noqa: T201
    refused = [row for row in rows if row.verdict is Verdict.REFUSED]
    stale = unneeded(rows)
    for name in stale:
        print(f"{name} is listed in EXCEPTIONS and needs no exception: strike it out.", file=sys.stderr)  # noqa: T201
    own = sum(not row.part_of for row in rows)
    print(f"{own} distributions, {len(rows) - own} bundled libraries, {len(refused)} refused")  # noqa: T201
    return 1 if refused or stale else 0


if __name__ == "__main__":
    sys.exit(main())
