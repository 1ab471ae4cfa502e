"""Signatures of model packages: who vouches for a package, beyond its digests being consistent.

A signature is Ed25519 (RFC 8032) over the package's digest and is kept beside the files in SIGNATURE.json, which the
digest leaves out: signing changes no result and no identifier. It proves something only against a public key that came
another way than the package.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.errors import PackageInvalid, SetupError
from models.inference.package import SIGNATURE, load_package

_ALGORITHM = "Ed25519"
_CONTEXT = b"rdeepnet model package\n"  # a signature of this key over anything else is none of a package


@dataclass(frozen=True)
class Signature:
    """A signature that fits its package.

    Attributes
    ----------
    fingerprint : SHA-256 of the public key, 64 hexadecimal digits
    is_trusted : the key is the one that was given to compare with
    """

    fingerprint: str
    is_trusted: bool


def make_key(path: Path) -> str:
    """Writes a new private key to `path` (PEM, readable by its owner only) and the public one to `path`.pub.

    Returns the fingerprint.

    Raises
    ------
    SetupError
        When one of the files exists already or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for target, content, mode in ((path, private, 0o600), (public_file(path), public, 0o644)):
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise SetupError(f"{target} cannot be written ({error.strerror}); name another file.") from error
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    return _fingerprint(key.public_key())


def public_file(private: Path) -> Path:
    """File of the public key that belongs to a private one."""
    return private.with_name(f"{private.name}.pub")


def sign_package(folder: Path, *, private_key: Path) -> str:
    """Checks a package and puts a signature into it, in place of an older one; returns the fingerprint.

    Raises
    ------
    PackageInvalid
        When the package fails a check that needs no session.
    SetupError
        When the file is no Ed25519 private key, or the signature cannot be written.
    """
    digest = load_package(folder).identity.digest
    try:
        key = serialization.load_pem_private_key(_read(private_key), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SetupError(f"{private_key} is no private key in PEM without password: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SetupError(f"{private_key} is another kind of key; Ed25519 was expected. Make one: models make-key.")
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    content = {
        "algorithm": _ALGORITHM,
        "package_digest": digest,
        "public_key": base64.b64encode(public).decode(),
        "signature": base64.b64encode(key.sign(_CONTEXT + digest.encode())).decode(),
    }
    try:
        (folder / SIGNATURE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{folder / SIGNATURE} cannot be written ({error.strerror}).") from error
    return _fingerprint(key.public_key())


def verify_signature(folder: Path, *, digest: str, public_key: Path | None) -> Signature | None:
    """Checks the signature of a package with this digest; None where it has none and no key was given.

    Parameters
    ----------
    public_key : file with the key that must have signed; None checks that the signature fits, whoever made it

    Raises
    ------
    PackageInvalid
        When the signature does not fit the package, is of another key, or is missing although a key was given.
    SetupError
        When the file is no Ed25519 public key.
    """
    trusted = None if public_key is None else _public_key(public_key)
    path = folder / SIGNATURE
    if not path.exists():
        if trusted is None:
            return None
        raise PackageInvalid(f"{folder} is not signed; a signature of the key given was expected. Ask for one.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(content["public_key"], validate=True))
        signature = base64.b64decode(content["signature"], validate=True)
        algorithm, signed = content["algorithm"], content["package_digest"]
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise PackageInvalid(f"{path} is no signature ({error!r}); sign the package again.") from error
    if algorithm != _ALGORITHM or signed != digest:
        raise PackageInvalid(
            f"{path} is {algorithm} of the package {str(signed)[:12]}; {_ALGORITHM} of {digest[:12]} was expected: the "
            "package was changed after it was signed. Get the signed one, or have this one signed."
        )
    try:
        key.verify(signature, _CONTEXT + digest.encode())
    except InvalidSignature as error:
        raise PackageInvalid(f"{path} does not fit the package; get the signed package again.") from error
    if trusted is not None and _fingerprint(trusted) != _fingerprint(key):
        raise PackageInvalid(
            f"{folder} is signed by the key {_fingerprint(key)[:16]}; {_fingerprint(trusted)[:16]} was expected. Do "
            "not use it before you know who signed it."
        )
    return Signature(_fingerprint(key), trusted is not None)


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SetupError(f"{path} is no public key in PEM: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SetupError(f"{path} is another kind of key; an Ed25519 public key was expected.")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}); name the file of the key.") from error


def _fingerprint(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()
