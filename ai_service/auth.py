# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who is calling: the Bearer key."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_bearer = HTTPBearer(auto_error=False, description="La clave del servicio.")


class Keys:
    """The keys that are let in."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def identify(self, key: str) -> str | None:
        """An identifier of the key (16 hexadecimal digits of its SHA-256), which is
        safe to store and to log; None for a key that is not let in."""
        given = _digest(key)
        # Digests have one length and every key is compared, so the time taken says
        # nothing about the keys or about which of them matched.
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        return given.hex()[:16] if any(matches) else None

    def among(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The same for the key in a request's headers, whose names are in small
        letters; None where there is none."""
        for name, value in headers:
            if name == b"authorization":
                scheme, _, key = value.decode("latin-1").partition(" ")
                return self.identify(key) if scheme.lower() == "bearer" else None
        return None

    async def __call__(
        self,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> str:
        """As a dependency: the identifier of the caller's key.

        :raises HTTPException: 403, not 401: that is what the service has always
            answered (contract, "Authentication")
        """
        if credentials is None:
            raise HTTPException(403, "Not authenticated")
        key = self.identify(credentials.credentials)
        if key is None:
            raise HTTPException(403, "Invalid API key")
        return key


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
