"""Ways to tell somebody: a signed webhook, and mail. A server that does not take a message raises OSError."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from appliance.settings import AlertSettings
from appliance.web.alerts import WELL, Channel, Message
from models.errors import SetupError

_TIMEOUT_S = 10.0


class NotTaken(OSError):
    """A server answered, and did not take the message."""


@dataclass(frozen=True)
class Webhook:
    """POST of JSON; redirects are not followed, since they could lead a message anywhere."""

    url: str
    secret: bytes = field(default=b"", repr=False)
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Sends a message; raises OSError when it was not taken."""
        body = message.as_json().encode()
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Rdeepnet-Signature"] = f"sha256={hmac.new(self.secret, body, hashlib.sha256).hexdigest()}"
        address = urlsplit(self.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        try:
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
        except http.client.HTTPException as error:
            raise NotTaken(f"the webhook's answer cannot be read ({type(error).__name__})") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise NotTaken(f"the webhook answered {status}")


@dataclass(frozen=True)
class Mail:
    """Mail by SMTP."""

    settings: AlertSettings
    password: str = field(default="", repr=False)
    name: str = "mail"

    def send(self, message: Message) -> None:
        """Sends a message; raises OSError when it was not taken."""
        mail = EmailMessage()
        mail["From"] = self.settings.mail_from
        mail["To"] = ", ".join(self.settings.mail_to)
        mail["Subject"] = f"{message.title}: {'all is well again' if message.code == WELL else message.code}"
        mail.set_content(f"{message.sentence}\n\nSince {message.since}. Research use only: not for diagnosis.\n")
        with smtplib.SMTP(self.settings.smtp_host, self.settings.smtp_port, timeout=_TIMEOUT_S) as server:
            if self.settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if self.settings.smtp_user:
                server.login(self.settings.smtp_user, self.password)
            server.send_message(mail)


def channels_of(settings: AlertSettings) -> tuple[Channel, ...]:
    """Channels of the settings.

    Raises
    ------
    SetupError
        When a secret or password cannot be read, or others can read it.
    """
    channels: list[Channel] = []
    if settings.webhook_url:
        channels.append(Webhook(settings.webhook_url, _secret(settings.webhook_key_file).encode()))
    if settings.smtp_host:
        channels.append(Mail(settings, _secret(settings.smtp_password_file)))
    return tuple(channels)


def _secret(path: Path | None) -> str:
    """Content of a file that only its owner reads, without the end of the line; empty without a file."""
    if path is None:
        return ""
    try:
        mode = path.stat().st_mode & 0o777
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"alerts: {path} cannot be read ({error}); expected a file with one secret.") from error
    if mode & 0o077 or not secret:
        raise SetupError(f"alerts: {path} has mode {mode:04o}; expected 0600 and a secret in it: run chmod 600 on it.")
    return secret
