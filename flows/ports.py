"""Whether a port can be listened on."""

from __future__ import annotations

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
        raise ConfigError(
            f"Nothing can be served at {host}, port {port} ({error.strerror}); --host and --port name another address, "
            "and PREFECT_API_URL a server that is there already."
        ) from None
