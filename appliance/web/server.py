"""Settings to a running page: `rdeepnet web`."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

import uvicorn

from appliance.logs import configure
from appliance.settings import Settings
from appliance.transport import check_files, files_of
from appliance.web.app import make_app
from appliance.web.session import Sessions
from appliance.web.surroundings import Watch
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
    watch = Watch(settings)
    secured = _tls(settings)
    app = make_app(settings, sessions=sessions, watch=watch, is_secured=bool(secured))
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
    watch.start()
    LOG.info("page ready", extra={"port": settings.web.port})
    try:
        uvicorn.Server(config).run()
    finally:
        watch.stop()


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
    return {"ssl_certfile": str(files.certificate), "ssl_keyfile": str(files.key)}
