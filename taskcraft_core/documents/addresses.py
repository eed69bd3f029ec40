"""Which addresses pages may be fetched from, and a transport that connects to no other.

A page's address comes from a model, a search result or another page, so it may be meant to reach what only this
machine can: its own services, its network, a cloud's metadata. A host name is resolved once, everything it resolves
to is checked, and the connection is made to the very address that was checked: a name that resolves to something
else the next time gains nothing. A redirect is a request of its own and is checked the same way.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]

_SPECIAL: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(
        ip_network,
        (
            "168.63.129.16",  # public by its number, but answered by the cloud that the machine runs in (Azure)
            "192.0.0.0/24",  # protocols, and a cloud's metadata; Python before 3.11.10 takes most of it for global
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2002::/16",  # 6to4: tunnels to any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
_ASSIGNED = IPv6Network("2000::/3")
"""All global unicast addresses of IPv6 that there are so far."""

_TRANSLATED = IPv6Network("64:ff9b::/96")


class AddressRefused(httpx.RequestError):
    """The host is at an address that pages may not be fetched from."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet: no private, loopback, link-local or other special one.

    An IPv6 address that stands for an IPv4 address is what that one is.
    """
    if isinstance(address, IPv6Address):
        stands_for = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else address.ipv4_mapped
        if stands_for is not None:
            return is_public(stands_for)
        if address not in _ASSIGNED:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not special and not any(address in network for network in _SPECIAL)


async def addresses_of(host: str, port: int) -> list[Address]:
    """What a host name, or an address in any notation that the system knows, resolves to.

    Raises:
        httpx.ConnectError: The name cannot be resolved.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # ValueError: a label that is too long
        raise httpx.ConnectError("its host name cannot be resolved") from None
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class PublicTransport(httpx.AsyncBaseTransport):
    """Connects to public addresses only.

    Args:
        resolve: How host names are resolved; tests give their own.
        permitted: Which addresses may be connected to.
        inner: What makes the connections; requests that it gets name an address in place of the host.
    """

    def __init__(
        self,
        resolve: Resolve = addresses_of,
        permitted: Callable[[Address], bool] = is_public,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        # No connection is kept: behind one address may be several hosts, each with a certificate of its own.
        self._inner = inner or httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._resolve = resolve
        self._permitted = permitted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request to the address that its host was found at.

        Raises:
            AddressRefused: One of the host's addresses is not permitted.
            httpx.UnsupportedProtocol: The scheme is not http or https.
            httpx.ConnectError: The host cannot be resolved or does not answer at any of its addresses.
        """
        url = request.url
        if url.scheme not in ("http", "https") or not url.host:
            raise httpx.UnsupportedProtocol("only http and https addresses with a host are opened")
        host = url.raw_host.decode("ascii")
        found = await self._resolve(host, url.port or {"http": 80, "https": 443}[url.scheme])
        if not all(map(self._permitted, found)):
            raise AddressRefused(f"{host} is not on the public internet", request=request)
        failure = httpx.ConnectError("its host name cannot be resolved")
        for address in found:
            try:
                return await self._inner.handle_async_request(_sent_to(address, request, host))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = httpx.ConnectError(str(error) or "no connection")
        raise failure

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._inner.aclose()


def _sent_to(address: Address, request: httpx.Request, host: str) -> httpx.Request:
    """The same request with an address in place of the host; header and certificate are still the host's."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
