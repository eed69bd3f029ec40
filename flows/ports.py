"""Whether a port can be listened on, and the address of who does."""

from __future__ import annotations

import errno
import socket

from taskcraft_core.errors import ConfigError


def check_free(host: str, port: int) -> None:
    """Checks an address before a server is started there.

    Raises:
        ConfigError: The host is none of this machine's, or somebody listens there already.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        api = f"{address_of(host, port)}/api"
        instead = (
            f"; stop what listens there, or, if it is a Prefect server, set PREFECT_API_URL={api}" if taken else ""
        )
        raise ConfigError(
            f"Nothing can be served at {host}, port {port} ({error.strerror}): name another --host or --port{instead}."
        ) from None


def address_of(host: str, port: int) -> str:
    """The URL at which this machine reaches a server that listens there."""
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"
