"""Only public addresses are connected to: the rule, and the transport that keeps it at every request."""

from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.config import Settings
from taskcraft_core.documents.addresses import AddressRefused, PublicTransport, addresses_of, is_public
from taskcraft_core.documents.fetch import Outage, fetch, web_client
from taskcraft_core.errors import DocumentError

PUBLIC = ip_address("93.184.216.34")
SETTINGS = Settings(fetch_timeout=5)

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254
169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1
203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::2 ::7f00:1 ::a9fe:a9fe ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 64:ff9b::10.0.0.1 64:ff9b:1::1
100::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1
fe80::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()
OPENED = (
    "1.1.1.1 8.8.8.8 93.184.216.34 172.15.0.1 172.32.0.1 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8"
)
SPECIAL = [
    ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
        " 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    ).split()
]
SPECIAL_6 = [
    ip_network(text)
    for text in "::/64 100::/64 2001::/32 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8".split()
]


@pytest.mark.parametrize("text", REFUSED)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OPENED.split())
def test_ordinary_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.sampled_from(SPECIAL).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_address_of_a_special_network_is_public_in_any_disguise(address: IPv4Address) -> None:
    assert not is_public(address)
    for prefix in ("::", "::ffff:0:0", "64:ff9b::"):
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) + int(address)))
    assert not is_public(IPv6Address((0x2002 << 112) | int(address) << 80))


@given(st.sampled_from(SPECIAL_6).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_address_of_a_special_network_of_ipv6_is_public(address: IPv6Address) -> None:
    assert not is_public(address) or address.ipv4_mapped is not None


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_what_it_stands_for(address: IPv4Address) -> None:
    assert is_public(IPv6Address(f"::ffff:{address}")) == is_public(address)
    assert not (is_public(address) and not address.is_global)


class Wire(httpx.AsyncBaseTransport):
    """What would be sent, with a canned answer for every address."""

    def __init__(self, **answers: httpx.Response) -> None:
        self.sent: list[httpx.Request] = []
        self._answers = answers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._answers.get(request.url.path.strip("/"), httpx.Response(200, stream=httpx.ByteStream(b"words")))


class Names:
    """A resolver with answers of its own, which may change from one question to the next."""

    def __init__(self, **names: list[str]) -> None:
        self.asked = 0
        self._names = names

    async def __call__(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        self.asked += 1
        answers = self._names[host.partition(".")[0]]
        return [ip_address(text) for text in answers.pop(0).split()]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
        "127。0。0。1", "localhost", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
        "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_notation_of_a_private_address_is_connected_to(host: str, scheme: str) -> None:
    wire = Wire()
    async with web_client(SETTINGS, PublicTransport(inner=wire)) as client:
        with pytest.raises(DocumentError):
            await fetch(client, f"{scheme}://{host}/", SETTINGS)
    assert wire.sent == []


async def test_the_connection_is_made_to_the_address_that_was_checked() -> None:
    wire, names = Wire(), Names(rebind=[str(PUBLIC), "127.0.0.1"])
    async with web_client(SETTINGS, PublicTransport(names, inner=wire)) as client:
        await fetch(client, "https://rebind.example:8443/a?b=c", SETTINGS)
        assert names.asked == 1
        with pytest.raises(DocumentError, match=r"rebind\.example is not on the public internet"):
            await fetch(client, "https://rebind.example:8443/", SETTINGS)
    [sent] = wire.sent
    assert str(sent.url) == "https://93.184.216.34:8443/a?b=c"
    assert sent.headers["Host"] == "rebind.example:8443"
    assert sent.extensions["sni_hostname"] == "rebind.example"


@pytest.mark.parametrize("addresses", ["10.0.0.1", f"{PUBLIC} 10.0.0.1", f"::1 {PUBLIC}"])
async def test_a_name_with_one_private_address_is_refused(addresses: str) -> None:
    wire = Wire()
    async with web_client(SETTINGS, PublicTransport(Names(mixed=[addresses]), inner=wire)) as client:
        with pytest.raises(AddressRefused):
            await client.get("http://mixed.example/")
    assert wire.sent == []


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/", "//127.0.0.1/", "http://[::1]/", "http://inside.example/", "https://2130706433/",
        "file:///etc/passwd", "ftp://a.example/", "gopher://127.0.0.1/",
    ],
)  # fmt: skip
async def test_a_redirect_is_checked_like_a_request(to: str) -> None:
    wire = Wire(away=httpx.Response(302, headers={"Location": to}))
    names = Names(a=[str(PUBLIC)], inside=["10.0.0.1"])

    async def resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
        return await (names if host.endswith(".example") else addresses_of)(host, port)

    async with web_client(SETTINGS, PublicTransport(resolve, inner=wire)) as client:
        with pytest.raises(DocumentError) as refused:
            await fetch(client, "http://a.example/away", SETTINGS)
    assert not isinstance(refused.value, Outage)
    assert [str(sent.url) for sent in wire.sent] == ["http://93.184.216.34/away"]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that says which host it was asked for, and has a way into private space."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": f"http://127.0.0.2:{request.url.port}/"})
        return web.Response(text=f"asked for {request.host}")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_over_a_real_connection(port: int) -> None:
    """As if 127.0.0.1 were public: the host is reached by its name, at its second address, and no other is."""
    names = Names(pages=["127.0.0.3 127.0.0.1", "127.0.0.1"])

    async def resolve(host: str, number: int) -> list[IPv4Address | IPv6Address]:
        return await (names if host.endswith(".example") else addresses_of)(host, number)

    opened = {ip_address("127.0.0.1"), ip_address("127.0.0.3")}
    async with web_client(SETTINGS, PublicTransport(resolve, lambda address: address in opened)) as client:
        fetched = await fetch(client, f"http://pages.example:{port}/moons", SETTINGS)
        assert fetched.data == f"asked for pages.example:{port}".encode()
        assert fetched.url == f"http://pages.example:{port}/moons"
        with pytest.raises(DocumentError, match=r"127\.0\.0\.2 is not on the public internet"):
            await fetch(client, f"http://pages.example:{port}/away", SETTINGS)


async def test_a_name_that_does_not_resolve_is_an_outage() -> None:
    async with web_client(SETTINGS, PublicTransport(Names(gone=[""]))) as client:
        with pytest.raises(Outage, match="host name cannot be resolved"):
            await fetch(client, "http://gone.example/", SETTINGS)
