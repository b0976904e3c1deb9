# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where documents and the key may go, and what can be a key."""

import contextlib
import ipaddress
import re
import socket
import unicodedata
from urllib.parse import urlsplit

KEY_PATTERN = re.compile(r"[\x21-\x7e]{16,512}")

# What is in a machine's own network and hands out its credentials, or is nobody's
# address. Sources: the clouds' documentation of their metadata services, and the IANA's
# registries of special-purpose addresses.
FORBIDDEN_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # "this" host
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "169.254.0.0/16",  # link-local: AWS, Google, Azure, Oracle, OpenStack, ...
            "192.0.0.0/24",  # protocol assignments; Oracle's is 192.0.0.192
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "fd00:42::42/128",  # Scaleway
            "fd00:c1::/32",  # Oracle
            "fd00:ec2::/32",  # AWS
            "fd20:ce::/32",  # Google
            "fe80::/10",  # link-local
            "fec0::/10",  # site-local
            "ff00::/8",  # multicast
        ),
    )
)
METADATA_NAMES = {
    "metadata",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.oraclecloud.com",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.tencentyun.com",
    "rancher-metadata",
}
METADATA_SUFFIXES = (".instance-data", ".metadata.google.internal", ".ec2.internal")
# Names that mean the address that is in them.
ADDRESS_NAMES = (".nip.io", ".sslip.io", ".xip.io", ".traefik.me", ".backname.io")

# Networks whose addresses hold an IPv4 one, and by how many bits it is shifted.
EMBEDDING = tuple(
    (ipaddress.ip_network(network), shift)
    for network, shift in (
        ("::/96", 0),  # IPv4-compatible
        ("::ffff:0:0/96", 0),  # IPv4-mapped
        ("::ffff:0:0:0/96", 0),  # translated (RFC 2765)
        ("64:ff9b::/96", 0),  # NAT64
        ("64:ff9b:1::/48", 0),  # NAT64 of one's own network (RFC 8215)
        ("2002::/16", 80),  # 6to4
    )
)
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")


def check_url(url, allow_http=False):
    """Return the code of what is wrong with a service's address, or None.

    The address decides where invoices and the key go, so: https (http on the loopback
    interface, or if `allow_http`), no user, query or fragment, and no address that
    only makes sense to attackers, such as a cloud's metadata service.
    """
    try:
        parts = urlsplit(url or "")
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "malformed"
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        return "malformed"
    if parts.username is not None or parts.password is not None:
        return "userinfo"
    # Some read a backslash as a slash, and some decode a host: then it is another one.
    if parts.query or parts.fragment or re.search(r"[\\%]", parts.netloc):
        return "malformed"
    if is_forbidden(host):
        return "forbidden_address"
    if parts.scheme == "http" and not is_loopback(host) and not allow_http:
        return "http"
    return None


def is_forbidden(host):
    """Tell whether a host is none that an AI service can have, however it is spelt."""
    name = _canonical(host)
    address = _ip_address(name)
    if address:
        return not address.is_loopback and any(
            meant in network
            for meant in _meant_by(address)
            for network in FORBIDDEN_NETWORKS
            if meant.version == network.version
        )
    if name in METADATA_NAMES or f".{name}".endswith(METADATA_SUFFIXES):
        return True
    return name.endswith(ADDRESS_NAMES) and any(map(is_forbidden, _named_in(name)))


def is_loopback(host):
    """Tell whether a host is this machine itself."""
    name = _canonical(host)
    address = _ip_address(name)
    if address:
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback
    return name == "localhost"


def is_valid_key(key):
    """Tell whether `key` can stand in a header: 16 to 512 visible ASCII characters."""
    return bool(KEY_PATTERN.fullmatch(key or ""))


def is_same_address(url, other):
    """Tell whether two addresses lead to the same place, however they are spelt."""
    place = _place(url)
    return place is not None and place == _place(other)


def _place(url):
    try:
        parts = urlsplit((url or "").strip())
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    except (ValueError, KeyError):
        return None
    host = _canonical(parts.hostname or "")
    return (parts.scheme, host, port, parts.path.rstrip("/"))


def _canonical(host):
    """Return a host as name resolution sees it: plain digits, small letters."""
    host = unicodedata.normalize("NFKC", host).replace("。", ".")  # IDNA's full stop
    host = "".join(c for c in host if unicodedata.category(c) != "Cf")
    return host.casefold().rstrip(".")


def _ip_address(name):
    """Return the address that a canonical `name` spells, or None where it is a name."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name.split("%")[0])  # without an interface
    with contextlib.suppress(OSError, ValueError):
        # 2852039166, 0xa9fea9fe and 0251.0376.43518 are addresses, too.
        return ipaddress.ip_address(socket.inet_aton(name))
    return None


def _meant_by(address):
    """Yield an address, and the IPv4 ones to which a gateway would send it on."""
    yield address
    if address.version == 4:
        return
    bits = int(address)
    for network, shift in EMBEDDING:
        if address in network:
            yield ipaddress.IPv4Address(bits >> shift & 0xFFFFFFFF)
    if address.teredo:
        yield from address.teredo  # its server, and its client
    if bits >> 32 & 0xFCFFFFFF == 0x00005EFE:  # ISATAP
        yield ipaddress.IPv4Address(bits & 0xFFFFFFFF)
    if address in LOCAL_NAT64:  # RFC 6052: the address goes round bits 64 to 71
        high, low = bits >> 64 & 0xFFFF, bits >> 40 & 0xFFFF
        yield ipaddress.IPv4Address(high << 16 | low)


def _named_in(name):
    """Yield the addresses that a name such as 169-254-169-254.nip.io holds."""
    for match in re.finditer(r"(?=(?<!\d)(\d{1,3}(?:[.-]\d{1,3}){3})(?!\d))", name):
        yield match.group(1).replace("-", ".")
    for match in re.finditer(r"(?:^|[.-])([0-9a-f]{8})(?=[.-])", name):
        yield f"0x{match.group(1)}"
