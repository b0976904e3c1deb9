# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who is calling: the Bearer key."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_bearer = HTTPBearer(auto_error=False, description="La clave del servicio.")


def require_key(keys: Iterable[str]) -> Callable[..., Awaitable[str]]:
    """Build the dependency that lets only the given keys in.

    The dependency returns an identifier of the key (16 hexadecimal digits of its
    SHA-256) which is safe to store and to log. It raises `HTTPException` 403, not 401:
    that is what the service has always answered (contract, "Authentication").
    """
    digests = [_digest(key) for key in keys]

    async def authenticate(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> str:
        if credentials is None:
            raise HTTPException(403, "Not authenticated")
        given = _digest(credentials.credentials)
        # Digests have one length and every key is compared, so the time taken says
        # nothing about the keys or about which of them matched.
        matches = [hmac.compare_digest(given, known) for known in digests]
        if not any(matches):
            raise HTTPException(403, "Invalid API key")
        return given.hex()[:16]

    return authenticate


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
