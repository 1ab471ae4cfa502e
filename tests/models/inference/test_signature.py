"""Signatures of packages: fit, do not fit, are of another key; signing changes nothing else."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from models.errors import PackageInvalid, SetupError
from models.inference.package import SIGNATURE, load_package
from models.inference.runtime import Provider, load_model
from models.inference.signature import make_key, public_file, sign_package, verify_signature
from tests.models.small_packages import write_small_package


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_package(tmp_path / "recurrence")
    return tmp_path / "recurrence"


def test_a_signed_package_verifies_and_is_the_same_package(folder: Path, key: Path) -> None:
    before = load_package(folder).identity
    fingerprint = sign_package(folder, private_key=key)
    assert load_model(folder, provider=Provider.CPU).package.identity == before
    trusted = verify_signature(folder, digest=before.digest, public_key=public_file(key))
    assert trusted is not None
    assert (trusted.fingerprint, trusted.is_trusted) == (fingerprint, True)
    whoever = verify_signature(folder, digest=before.digest, public_key=None)
    assert whoever is not None
    assert not whoever.is_trusted


def test_the_private_key_is_its_owners_only_and_never_overwritten(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(SetupError, match="cannot be written"):
        make_key(key)


def test_a_package_changed_after_signing_does_not_verify(folder: Path, key: Path) -> None:
    sign_package(folder, private_key=key)
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("cut_off = 1.1", "cut_off = 1.2"))
    changed = load_package(folder).identity.digest  # consistent by itself: digests alone do not see it
    with pytest.raises(PackageInvalid, match="changed after it was signed"):
        verify_signature(folder, digest=changed, public_key=None)
    # Whoever adapts the digest in the signature still lacks the key.
    content = json.loads((folder / SIGNATURE).read_text())
    (folder / SIGNATURE).write_text(json.dumps(content | {"package_digest": changed}))
    with pytest.raises(PackageInvalid, match="does not fit the package"):
        verify_signature(folder, digest=changed, public_key=public_file(key))


def test_another_key_no_signature_and_no_key_are_refused(folder: Path, key: Path, tmp_path: Path) -> None:
    digest = load_package(folder).identity.digest
    assert verify_signature(folder, digest=digest, public_key=None) is None
    with pytest.raises(PackageInvalid, match="is not signed"):
        verify_signature(folder, digest=digest, public_key=public_file(key))
    make_key(tmp_path / "other.pem")
    sign_package(folder, private_key=tmp_path / "other.pem")
    with pytest.raises(PackageInvalid, match="Do not use it before you know who signed it"):
        verify_signature(folder, digest=digest, public_key=public_file(key))
    with pytest.raises(SetupError, match="is no public key"):
        verify_signature(folder, digest=digest, public_key=folder / "inputs.csv")
    with pytest.raises(SetupError, match="is no private key"):
        sign_package(folder, private_key=public_file(key))
    with pytest.raises(SetupError, match="cannot be read"):
        sign_package(folder, private_key=tmp_path / "absent")
    (folder / SIGNATURE).write_text('{"algorithm": "Ed25519"}')
    with pytest.raises(PackageInvalid, match="is no signature"):
        verify_signature(folder, digest=digest, public_key=None)
