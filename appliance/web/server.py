"""Settings to a running page: `rdeepnet web`."""

from __future__ import annotations

import ipaddress
import logging
import signal
from functools import partial
from typing import Any

import uvicorn

from appliance.logs import configure
from appliance.settings import Settings
from appliance.state.record_rows import utc_now
from appliance.transport import check_files, files_of
from appliance.web.alerts import Alerts
from appliance.web.app import make_app
from appliance.web.channels import channels_of
from appliance.web.overview import overview
from appliance.web.problems import problems
from appliance.web.session import Sessions
from appliance.web.stow import StowDoor
from appliance.web.surroundings import Surroundings
from appliance.web.watch import Watch
from dicom_io.network.tls import SUITES
from models.errors import SetupError

LOG = logging.getLogger("rdeepnet.web")

_KEEP_ALIVE_S = 5
_CONNECTIONS = 64  # a page for a few people and one monitoring system


def serve(settings: Settings) -> None:
    """Serves the page until SIGTERM or SIGINT.

    Raises
    ------
    SetupError
        When it cannot start; the sentence says what to change.
    """
    configure(settings.logs)
    check_web(settings)
    sessions = Sessions(settings.web.token_file, length_s=settings.web.session_s)
    alerts = open_alerts(settings)
    watch = Watch(settings, looked=None if alerts is None else partial(tell, alerts, settings))
    secured = _tls(settings)
    tokens = settings.web.stow_token_file
    stow = None if tokens is None else StowDoor(settings, tokens)
    app = make_app(settings, sessions=sessions, watch=watch, is_secured=bool(secured), stow=stow)
    config = uvicorn.Config(
        app,
        host=settings.web.host,
        port=settings.web.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http="h11",
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        limit_concurrency=_CONNECTIONS,
        proxy_headers=False,
        **secured,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal that stopped it again, when it has stopped; then there is nothing left to do.
        signal.signal(number, lambda *_: None)
    watch.start()
    LOG.info("page ready", extra={"port": settings.web.port})
    try:
        uvicorn.Server(config).run()
    finally:
        watch.stop()
        if stow is not None:
            stow.close()
        if alerts is not None:
            alerts.close()


def open_alerts(settings: Settings) -> Alerts | None:
    """The alerts of these settings; None where nobody is told.

    Raises
    ------
    SetupError
        When the secret or the password cannot be read, or there is no state folder yet.
    """
    channels = channels_of(settings.alerts)
    if not channels:
        return None
    state_dir = settings.service.state_dir
    if not state_dir.is_dir():
        raise SetupError(f"{state_dir} does not exist; expected the state folder of a service: start it first.")
    return Alerts(
        state_dir / "alerts.sqlite3", settings=settings.alerts, channels=channels, title=settings.service.ae_title
    )


def tell(alerts: Alerts, settings: Settings, around: Surroundings) -> None:
    """Compares what is known now with what was told, and sends what is due."""
    alerts.compare(problems(overview(settings), around, settings), utc_now())
    alerts.send_due(utc_now())


def check_web(settings: Settings) -> None:
    """Checks that the settings make a page that is safe where it listens.

    Raises
    ------
    SetupError
        When it is not enabled, or would show itself to the network unsecured.
    """
    web = settings.web
    if not web.enabled:
        raise SetupError("The page is not enabled; expected enabled = true in [web] of the settings.")
    if not is_loopback(web.host) and not web.plain and files_of(settings) is None:
        raise SetupError(
            f"web.host is {web.host}, which others can reach, and [tls] is not set; expected HTTPS: set [tls], or "
            'host = "127.0.0.1", or plain = true in [web] where a proxy of the site secures it.'
        )
    check_files(settings)


def is_loopback(host: str) -> bool:
    """Returns whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(settings: Settings) -> dict[str, Any]:
    """Arguments of HTTPS; none where the page is plain, as on the loopback."""
    files = files_of(settings)
    if files is None or settings.web.plain or is_loopback(settings.web.host):
        return {}
    return {
        "ssl_certfile": str(files.certificate),
        "ssl_keyfile": str(files.key),
        "ssl_ciphers": ":".join(SUITES),
    }
