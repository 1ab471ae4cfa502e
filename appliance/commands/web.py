"""`rdeepnet web`: the page for operators."""

from __future__ import annotations

from appliance.commands.options import ConfigFile, settings_from


def web(config: ConfigFile = None) -> None:
    """Serve the page for operators and /metrics, beside the service and apart from it. See [web] in the settings.

    Runs until SIGTERM or SIGINT. It only reads what the service keeps; actions need a token.
    """
    from appliance.web.server import serve

    serve(settings_from(config))
