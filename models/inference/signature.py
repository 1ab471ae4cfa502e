"""Signatures of model packages: who vouches for a package, beyond its digests being consistent.

A signature is Ed25519 (RFC 8032) over the package's digest and is kept beside the files in SIGNATURE.json, which the
digest leaves out: signing changes no number and no digest. It proves something only against a public key that came
another way than the package.

This module knows keys and signatures; `models.inference.package` asks it whenever a package is loaded, and
`models.inference.signing` signs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.errors import NotWritable, PackageInvalid, SetupError

SIGNATURE = "SIGNATURE.json"

_ALGORITHM = "Ed25519"
_CONTEXT = b"rdeepnet model package\n"  # a signature of this key over anything else is none of a package
_PUBLIC_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True)
class Signature:
    """A signature that fits its package.

    Attributes
    ----------
    fingerprint : SHA-256 of the public key, 64 hexadecimal digits
    is_trusted : the key is one of those that were given to compare with
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
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        except OSError as error:
            raise NotWritable(
                f"{target} cannot be written ({error.strerror}); name another file.", because=error
            ) from error
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    return _fingerprint(key.public_key())


def public_file(private: Path) -> Path:
    """File of the public key that belongs to a private one."""
    return private.with_name(f"{private.name}.pub")


def signed(digest: str, *, private_key: Path) -> tuple[bytes, str]:
    """The content of SIGNATURE.json for a package with this digest, and the fingerprint of the key.

    Raises
    ------
    SetupError
        When the file is no Ed25519 private key.
    """
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
    return (json.dumps(content, indent=1) + "\n").encode(), _fingerprint(key.public_key())


def verify_signature(
    content: bytes | None, *, folder: Path, digest: str, trusted_keys: Sequence[Path] = ()
) -> Signature | None:
    """Checks the signature of a package with this digest; None where it has none and none is asked for.

    Parameters
    ----------
    content : of SIGNATURE.json; None where the package has none
    folder : of the package, for the sentence
    trusted_keys : files with the public keys, one of which must have signed; empty: a signature must fit, whoever
        made it

    Raises
    ------
    PackageInvalid
        When the signature does not fit the package, is of another key, or is missing although keys were given.
    SetupError
        When a file holds no Ed25519 public key.
    """
    trusted = fingerprints(trusted_keys)
    if content is None:
        if not trusted:
            return None
        raise PackageInvalid(
            f"{folder} is not signed; a signature by {_named(trusted)} was expected. Get the signed package, or have "
            "this one signed (rdeepnet models sign)."
        )
    path = folder / SIGNATURE
    try:
        stated = json.loads(content.decode("utf-8"))
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(stated["public_key"], validate=True))
        signature = base64.b64decode(stated["signature"], validate=True)
        algorithm, of_package = stated["algorithm"], stated["package_digest"]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise PackageInvalid(f"{path} is no signature ({type(error).__name__}); sign the package again.") from error
    if algorithm != _ALGORITHM or of_package != digest:
        raise PackageInvalid(
            f"{path} is {ascii(algorithm)[:16]} of the package {ascii(of_package)[:14]}…; {_ALGORITHM} of "
            f"{digest[:12]} was expected: the package was changed after it was signed. Get the signed one, or have "
            "this one signed."
        )
    try:
        key.verify(signature, _CONTEXT + digest.encode())
    except InvalidSignature as error:
        raise PackageInvalid(f"{path} does not fit the package; get the signed package again.") from error
    if trusted and _fingerprint(key) not in trusted:
        raise PackageInvalid(
            f"{folder} is signed by the key {_fingerprint(key)[:16]}; a signature by {_named(trusted)} was expected. "
            "Do not use it before you know who signed it."
        )
    return Signature(_fingerprint(key), is_trusted=bool(trusted))


def fingerprints(files: Sequence[Path]) -> tuple[str, ...]:
    """Fingerprints of the public keys in files; a file may hold several, one after the other.

    Raises
    ------
    SetupError
        When a file holds none, or another kind of key.
    """
    return tuple(dict.fromkeys(_fingerprint(key) for path in files for key in _public_keys(path)))


def _public_keys(path: Path) -> list[Ed25519PublicKey]:
    content = _read(path)
    if b"PRIVATE KEY-----" in content:
        raise SetupError(f"{path} holds a private key; the public one ({public_file(path).name}) was expected.")
    blocks = _PUBLIC_BLOCK.findall(content)
    if not blocks:
        raise SetupError(f"{path} is no public key in PEM; a file from rdeepnet models make-key (*.pub) was expected.")
    keys = []
    for block in blocks:
        try:
            key = serialization.load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SetupError(f"{path} is no public key in PEM: {error}.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise SetupError(f"{path} is another kind of key; an Ed25519 public key was expected.")
        keys.append(key)
    return keys


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}); name the file of the key.") from error


def _fingerprint(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def _named(trusted: Sequence[str]) -> str:
    """The trusted keys for a sentence: "the key 3f… (trusted)", "one of the trusted keys 3f…, 7a…"."""
    short = [one[:16] for one in trusted]
    return f"the trusted key {short[0]}" if len(short) == 1 else f"one of the trusted keys {', '.join(short)}"
