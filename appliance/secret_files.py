"""Files that hold a secret of the service, and which of them others than their owner can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from appliance.settings import Settings

_OTHERS = 0o077


def secret_files(settings: Settings, *, file: Path | None) -> Iterator[tuple[Path, str]]:
    """Each file with a secret and what it holds.

    Parameters
    ----------
    file : the configuration file, None for the defaults
    """
    if file is not None:
        held = []
        if "password" in settings.shared.database_url or urlsplit(settings.shared.database_url).password:
            held.append("the password of the database ([shared] database_url)")
        if settings.alerts.webhook_url:
            held.append("the address of the webhook ([alerts] webhook_url), which may be its key")
        if held:
            yield file, " and ".join(held)
    for path, what in (
        (settings.shared.objects_key_file, "the key of the object store ([shared] objects_key_file)"),
        (settings.tls.key, "the private key ([tls] key)"),
        (settings.alerts.webhook_key_file, "the key of the webhook ([alerts] webhook_key_file)"),
        (settings.alerts.smtp_password_file, "the password of the mail server ([alerts] smtp_password_file)"),
        (settings.web.token_file, "the tokens of the operators ([web] token_file)"),
        (settings.web.stow_token_file, "the tokens of who may send images ([web] stow_token_file)"),
        (settings.archive.dicomweb_token_file, "the token of the archive ([archive] dicomweb_token_file)"),
    ):
        if path is not None:
            yield path, what
    for destination in settings.destinations:
        if destination.stow_token_file is not None:
            yield destination.stow_token_file, f"the token of {destination.name} ([[destinations]] stow_token_file)"
        if destination.fhir_token_file is not None:
            yield destination.fhir_token_file, f"the token of {destination.name} ([[destinations]] fhir_token_file)"


def readable_by_others(settings: Settings, *, file: Path | None) -> tuple[str, ...]:
    """A sentence for each file with a secret that its group or everybody can read; absent files are none of them."""
    found = []
    for path, what in secret_files(settings, file=file):
        try:
            mode = path.stat().st_mode & 0o777
        except OSError:
            continue  # named where it is needed
        if mode & _OTHERS:
            found.append(
                f"{path} has mode {mode:04o} and holds {what}; expected that its owner alone can read it: run chmod "
                f"600 {path.name}, or move the secret into a file of its own."
            )
    return tuple(found)
