# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The interface of every engine, and the opinion that it returns."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ..schemas import ValidationRequest

Recommendation = Literal["send", "review", "reject"]

# Clients read at most this much of an answer and take a larger one for garbage.
MAX_MESSAGES = 50
MAX_CHARACTERS = 500


class EngineUnavailable(Exception):
    """The engine cannot judge now. The text is shown to the user, in Spanish."""


@dataclass(frozen=True)
class Told:
    """A finding as clients keep it: what they send back among the decisions, once
    somebody has looked at it.

    :param key: of the rule and what of the document it is about, the same each time
    :param value: what is unusual; while it stays, it is the same finding
    """

    key: str
    rule: str
    message: str
    value: float | None = None


@dataclass(frozen=True)
class Opinion:
    """What an engine thinks of a document.

    :param confidence: 0 to 100, how sure the recommendation is
    :param rules: identifiers of what was found, for the log
    :param findings: what a person can decide about, of what was found
    :param opinion: false when this stands for an opinion that could not be had
    :param reason: why there is none
    :raises ValueError: on an answer that would fail open
    """

    recommendation: Recommendation
    confidence: float
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    opinion: bool = True
    reason: str | None = None
    findings: tuple[Told, ...] = ()

    def __post_init__(self) -> None:
        if self.recommendation == "send" and (self.errors or not self.opinion):
            raise ValueError("send needs an opinion, and one without errors")
        if not 0 <= self.confidence <= 100:
            raise ValueError("confidence lies between 0 and 100")
        object.__setattr__(self, "errors", bounded(self.errors))
        object.__setattr__(self, "warnings", bounded(self.warnings))
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(self, "findings", tuple(self.findings[:MAX_MESSAGES]))

    @classmethod
    def none(cls, reason: str, ruled: "Opinion | None" = None) -> "Opinion":
        """No opinion. Old clients know it by the warning, new ones by the field.

        :param ruled: what the rules said, which is told beside it
        """
        return cls(
            recommendation="reject" if ruled and ruled.errors else "review",
            confidence=0.0,
            errors=ruled.errors if ruled else (),
            warnings=(
                "AI service temporarily unavailable: " + reason,
                *(ruled.warnings if ruled else ()),
            ),
            rules=ruled.rules if ruled else (),
            findings=ruled.findings if ruled else (),
            opinion=False,
            reason=reason,
        )


class Engine(Protocol):
    """Something that judges documents."""

    @property
    def identity(self) -> str:
        """Name and version: answers of another identity are not reused."""

    async def validate(self, request: ValidationRequest) -> Opinion:
        """Judge one document.

        :raises EngineUnavailable: when no opinion can be had
        """


def bounded(messages: tuple[str, ...]) -> tuple[str, ...]:
    """At most 50 messages of at most 500 characters; the last one says what is left."""
    if len(messages) > MAX_MESSAGES:
        shown = MAX_MESSAGES - 1
        left = f"Y {len(messages) - shown} observaciones más: corrija las anteriores."
        messages = (*messages[:shown], left)
    return tuple(
        text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
        for text in messages
    )
