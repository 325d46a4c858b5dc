"""Models that are computed elsewhere: where, under which name, and what identifies them.

An address never holds a key. The key is named by an environment variable and read when a request is made.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from panic_tda.errors import ConfigurationError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that computes a model, and how it is asked.

    ``model`` is the name the server knows it by. ``key_env`` names the environment variable that holds the key; empty
    where none is needed. At most ``concurrency`` requests are on their way at once, and each may take ``timeout_s``.
    """

    url: str
    model: str
    key_env: str = ""
    concurrency: int = 4
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        if self.key_env and not _VARIABLE.fullmatch(self.key_env):
            # What stands there may be the key itself, so it is not repeated.
            raise ConfigurationError(["key_env must be the name of an environment variable, not the key itself"])

    @property
    def host(self) -> str:
        """``api.example.com`` or ``localhost:8080``."""
        return urlsplit(self.url).netloc

    @property
    def on_this_machine(self) -> bool:
        """Whether it is reached without a network."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    def identity(self, facts: Mapping[str, object]) -> str:
        """SHA-256 over address, model and the facts that shape a request: 64 hex digits.

        It says nothing of the weights: these can change behind an address without notice.
        """
        known = {"url": self.url, "model": self.model, **facts}
        return hashlib.sha256(json.dumps(known, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_address(text: str) -> bool:
    """Whether a text is an address and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def checked_address(text: str) -> str:
    """The address without a slash at its end; raises ``ConfigurationError``, without repeating what may be a key."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ConfigurationError(["the address is malformed"], hint=_EXAMPLE) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(["the address must begin with http:// or https:// and a host"], hint=_EXAMPLE)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            ["the address may hold no user, password or query: it is stored, and a key never is"],
            hint="put the key into an environment variable and name that: --option key_env=VARIABLE",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


_EXAMPLE = "for instance https://api.example.com/v1"
