"""Signing of model packages."""

from __future__ import annotations

from pathlib import Path

from models.files import SHARED, write_output
from models.inference.package import load_whoever_signed
from models.inference.signature import SIGNATURE, signed


def sign_package(folder: Path, *, private_key: Path) -> str:
    """Checks a package and puts a signature into it, in place of an older one; returns the fingerprint of the key.

    Raises
    ------
    PackageInvalid
        When the package fails a check that needs no session.
    SetupError
        When the file is no Ed25519 private key, or the signature cannot be written.
    """
    digest = load_whoever_signed(folder).identity.digest
    content, fingerprint = signed(digest, private_key=private_key)
    write_output(folder / SIGNATURE, content, mode=SHARED)
    return fingerprint
