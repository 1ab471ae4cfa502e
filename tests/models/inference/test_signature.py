"""Signatures of packages: fit, do not fit, are of another key; signing changes no number and no digest.

Kind: mechanics.
"""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import PackageInvalid, SetupError
from models.inference.package import load_package
from models.inference.runtime import Provider, load_model, load_models
from models.inference.signature import SIGNATURE, fingerprints, make_key, public_file
from models.inference.signing import sign_package
from tests.models.small_packages import write_small_package


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_package(tmp_path / "recurrence")
    return tmp_path / "recurrence"


def edit_cut_off(folder: Path) -> None:
    """Makes low of high: an edit that leaves the package consistent by itself."""
    manifest = folder / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    assert "cut_off = 1.1" in text
    manifest.write_text(text.replace("cut_off = 1.1", "cut_off = 1.2"))


def test_a_signed_package_is_the_same_package_and_names_its_key(folder: Path, key: Path) -> None:
    before = load_package(folder).identity
    assert before.signed_by == ""
    fingerprint = sign_package(folder, private_key=key)
    assert fingerprints([public_file(key)]) == (fingerprint,)
    for trusted in ((), (public_file(key),)):
        identity = load_model(folder, provider=Provider.CPU, trusted_keys=trusted).package.identity
        assert identity == replace(before, signed_by=fingerprint)


def test_the_private_key_is_its_owners_only_and_never_overwritten(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(SetupError, match="cannot be written"):
        make_key(key)


@pytest.mark.parametrize("is_key_given", [False, True])
def test_a_package_changed_after_signing_is_never_loaded(folder: Path, key: Path, is_key_given: bool) -> None:
    trusted = (public_file(key),) if is_key_given else ()
    sign_package(folder, private_key=key)
    edit_cut_off(folder)
    with pytest.raises(PackageInvalid, match="changed after it was signed"):
        load_models([folder], provider="cpu", trusted_keys=trusted)
    # Whoever adapts the digest in the signature still lacks the key.
    content = json.loads((folder / SIGNATURE).read_text())
    (folder / SIGNATURE).unlink()
    changed = load_package(folder).identity.digest  # consistent by itself: digests alone do not see it
    (folder / SIGNATURE).write_text(json.dumps(content | {"package_digest": changed}))
    with pytest.raises(PackageInvalid, match="does not fit the package"):
        load_models([folder], provider="cpu", trusted_keys=trusted)
    # Its owner can sign the new one in its place.
    sign_package(folder, private_key=key)
    assert load_package(folder, trusted_keys=trusted).cut_off == 1.2


def test_with_keys_unsigned_and_foreign_packages_are_refused(folder: Path, key: Path, tmp_path: Path) -> None:
    trusted = (public_file(key),)
    with pytest.raises(PackageInvalid, match="is not signed; a signature by the trusted key"):
        load_package(folder, trusted_keys=trusted)
    make_key(tmp_path / "other.pem")
    sign_package(folder, private_key=tmp_path / "other.pem")
    with pytest.raises(PackageInvalid, match="Do not use it before you know who signed it"):
        load_package(folder, trusted_keys=trusted)
    load_package(folder)


def test_keys_are_rotated_by_trusting_both_in_one_file_or_two(folder: Path, key: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "next.pem")
    sign_package(folder, private_key=tmp_path / "next.pem")
    old, new = public_file(key), public_file(tmp_path / "next.pem")
    both = tmp_path / "both.pub"
    both.write_bytes(b"# the old key, then the new one\n" + old.read_bytes() + new.read_bytes())
    assert len(fingerprints([both])) == 2
    for trusted in ((old, new), (both,)):
        assert load_package(folder, trusted_keys=trusted).identity.signed_by == fingerprints([new])[0]


def test_files_that_are_no_keys(folder: Path, key: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is no public key"):
        load_package(folder, trusted_keys=[folder / "inputs.csv"])
    with pytest.raises(SetupError, match=r"private key; the public one \(key.pem.pub\) was expected"):
        load_package(folder, trusted_keys=[key])
    with pytest.raises(SetupError, match="cannot be read"):
        load_package(folder, trusted_keys=[tmp_path / "absent"])
    damaged = tmp_path / "damaged.pub"
    damaged.write_bytes(public_file(key).read_bytes().replace(b"MCow", b"MCox"))
    with pytest.raises(SetupError, match="is no public key in PEM"):
        load_package(folder, trusted_keys=[damaged])
    with pytest.raises(SetupError, match="is no private key"):
        sign_package(folder, private_key=public_file(key))
    with pytest.raises(SetupError, match="cannot be read"):
        sign_package(folder, private_key=tmp_path / "absent")


@pytest.mark.parametrize(
    "content",
    [
        b'{"algorithm": "Ed25519"}',
        b"",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b'{"public_key": 7, "signature": 7}',
        b'{"public_key": "AAAA", "signature": "AAAA", "algorithm": "Ed25519", "package_digest": ""}',
        b"[" * 200_000,
    ],
)
def test_a_file_that_is_no_signature_is_refused_without_keys_too(folder: Path, content: bytes) -> None:
    (folder / SIGNATURE).write_bytes(content)
    with pytest.raises(PackageInvalid, match="is no signature"):
        load_package(folder)


def test_a_package_written_over_a_signed_one_is_not_signed(folder: Path, key: Path) -> None:
    sign_package(folder, private_key=key)
    write_small_package(folder, seed=2)
    assert load_package(folder).identity.signed_by == ""
