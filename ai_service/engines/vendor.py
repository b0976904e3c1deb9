# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the model vendors have in common: a question, a reply, and ways to fail."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from ..accounting import Usage
from .prompt import Prompt


@dataclass(frozen=True)
class Reply:
    """What a model said.

    :param text: in free text
    :param data: in the shape that the prompt asked for, where the vendor sees to that
    :param cut_off: whether it was interrupted, by its limit or by its scruples
    """

    text: str
    data: Any
    cut_off: bool
    usage: Usage


class VendorError(Exception):
    """A call that failed.

    :param code: a stable word for the cause, for logs and metrics
    :param reason: for the user, in Spanish
    :param retryable: whether the same call may succeed in a moment
    :param needs_operator: whether it fails until someone changes the configuration
    :param retry_after: seconds that the vendor asks to wait
    """

    def __init__(
        self,
        code: str,
        reason: str,
        *,
        retryable: bool = False,
        needs_operator: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.retryable = retryable
        self.needs_operator = needs_operator
        self.retry_after = retry_after


class Vendor(Protocol):
    """A model behind an API."""

    #: ``anthropic`` or ``openai``
    name: str
    model: str

    async def complete(self, prompt: Prompt, seconds: float) -> Reply:
        """Ask once.

        :param seconds: how long it may take
        :raises VendorError: on every failure
        """

    async def close(self) -> None:
        """Let go of the connections."""


def timed_out() -> VendorError:
    """The deadline is over."""
    return VendorError("timeout", "el modelo no respondió a tiempo", retryable=True)


def garbage() -> VendorError:
    """An answer came that is not in the vendor's own format."""
    return VendorError("garbage", "la respuesta del modelo es ilegible")


def translated(error: Exception, sdk: ModuleType) -> VendorError:
    """An error of a vendor's SDK as one of ours; both SDKs name theirs alike.

    Texts of the SDK's error are left out: they may quote the document or the key.
    """
    if isinstance(error, sdk.APITimeoutError):
        return timed_out()
    if isinstance(error, sdk.APIConnectionError):
        reason = "no hay conexión con el modelo"
        return VendorError("connection", reason, retryable=True)
    if not isinstance(error, sdk.APIStatusError):
        return garbage()
    status = error.status_code
    if status in (401, 403, 404):
        reason = "el modelo rechazó la configuración del servicio; avise a quien lo"
        return VendorError(
            f"http_{status}", f"{reason} administra", needs_operator=True
        )
    if status == 429 or status == 529:
        return VendorError(
            f"http_{status}",
            "el modelo está saturado",
            retryable=True,
            retry_after=_retry_after(error.response.headers.get("retry-after", "")),
        )
    if status in (408, 409) or status >= 500:
        return VendorError(f"http_{status}", "el modelo falló", retryable=True)
    return VendorError(f"http_{status}", "el modelo no aceptó la pregunta")


def _retry_after(header: str) -> float | None:
    return float(header) if header.isascii() and header.isdigit() else None
