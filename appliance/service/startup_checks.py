"""Everything that keeps a service from starting, reported together: mistakes in the file, missing peers, disk, port.

An operator who starts a container sees all mistakes together, instead of correcting one to learn of the next.
"""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Any

from appliance.service.roles import ServiceRole, check_role
from appliance.settings import Settings, load_settings
from appliance.state.disk import exposed, unwritable
from appliance.transport import mistakes_of_files
from models.errors import SetupError

NO_SENDERS = "no [[senders]] is listed, so no peer may send: list the PACS, or set accept_unknown_senders"
NO_DESTINATIONS = "no [[destinations]] is listed, so no peer gets the results: list the PACS"
NO_FILE = (
    "no settings file is named: rdeepnet config example > rdeepnet.toml writes one to fill in; name it by --config"
)


def settings_to_serve(config: Path | None, role: ServiceRole = ServiceRole.ALL) -> Settings:
    """The settings of a service that can start in a role, as far as can be seen in a moment.

    Raises
    ------
    SetupError
        With all problems, one per line.
    """
    try:
        settings = Settings() if config is None else load_settings(config)
    except SetupError as error:
        raise _with_more(error, config) from error
    check_role(settings, role)
    problems = [*missing_peers(settings, role), *_surroundings(settings, role)]
    if problems:
        hint = [NO_FILE] if config is None else []
        raise SetupError(_listed("The service cannot start", [*problems, *hint]))
    return settings


def missing_peers(settings: Settings, role: ServiceRole = ServiceRole.ALL) -> list[str]:
    """Peers that a service needs and the settings lack."""
    problems = []
    may_send = settings.senders or settings.service.accept_unknown_senders or settings.web.stow_token_file
    if role.receives and not may_send:
        problems.append(NO_SENDERS)
    if not settings.destinations:
        problems.append(NO_DESTINATIONS)
    return problems


def _surroundings(settings: Settings, role: ServiceRole) -> list[str]:
    """Problems with what the settings require of this machine."""
    state_dir = settings.service.state_dir
    problems = [f"state_dir: {why_not}" for why_not in [unwritable(state_dir) or exposed(state_dir)] if why_not]
    problems += [f"tls: {mistake}" for mistake in mistakes_of_files(settings)]
    problems += [
        f"models: {package} has no manifest.toml; expected the folder of a model package"
        for package in settings.models.packages
        if not (package / "manifest.toml").is_file()
    ]
    problems += [
        f"models: {key} is not there; expected a file with a public key, as trusted_keys says"
        for key in settings.models.trusted_keys
        if not key.is_file()
    ]
    if not role.receives:
        return problems
    try:
        socket.create_server((settings.service.host, settings.service.port)).close()
    except OSError as error:
        problems.append(
            f"port {settings.service.port} of {settings.service.host} cannot be used ({error.strerror}); expected a "
            "free port: stop what uses it, or change host or port in [service]"
        )
    return problems


def _with_more(error: SetupError, config: Path | None) -> SetupError:
    """Mistakes in the file, and further problems that can be found although it could not be read completely."""
    table = _table(config)
    service = table.get("service")
    service = service if isinstance(service, dict) else {}
    problems = []
    if table and not table.get("senders") and service.get("accept_unknown_senders") is not True:
        problems.append(NO_SENDERS)
    if table and not table.get("destinations"):
        problems.append(NO_DESTINATIONS)
    state_dir = service.get("state_dir", str(Settings().service.state_dir))
    if config is not None and isinstance(state_dir, str) and (why_not := unwritable(config.parent / state_dir)):
        problems.append(f"state_dir: {why_not}")
    return SetupError(f"{error}\n{_listed('In addition', problems)}") if problems else error


def _table(config: Path | None) -> dict[str, Any]:
    """Content of the file; empty when it is not TOML."""
    try:
        return tomllib.loads(config.read_text(encoding="utf-8")) if config is not None else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _listed(title: str, sentences: list[str]) -> str:
    return f"{title}:" + "".join(f"\n  {sentence}" for sentence in sentences)
