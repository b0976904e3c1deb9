# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where documents and the key may go, and what can be a key."""

import contextlib
import ipaddress
import re
import socket
from urllib.parse import urlsplit

KEY_PATTERN = re.compile(r"[\x21-\x7e]{16,512}")


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
    if parts.query or parts.fragment:
        return "malformed"
    address = _ip_address(host)
    if address and (
        address.is_link_local or address.is_multicast or address.is_unspecified
    ):
        return "forbidden_address"
    loopback = host == "localhost" or bool(address and address.is_loopback)
    if parts.scheme == "http" and not loopback and not allow_http:
        return "http"
    return None


def _ip_address(host):
    """Return the address that `host` spells, or None where it is a name."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return getattr(address, "ipv4_mapped", None) or address
    with contextlib.suppress(OSError):  # 2852039166 and 0xa9fea9fe are addresses, too
        return ipaddress.ip_address(socket.inet_aton(host))
    return None


def is_valid_key(key):
    """Tell whether `key` can stand in a header: 16 to 512 visible ASCII characters."""
    return bool(KEY_PATTERN.fullmatch(key or ""))
