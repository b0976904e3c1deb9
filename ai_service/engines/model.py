# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The engine that asks a model beside the rules."""

import hashlib

from pydantic import ValidationError

from ..schemas import ValidationRequest
from .base import EngineUnavailable, Opinion, Told
from .caller import ModelCaller
from .embedded import RuleEngine
from .extraction import extract_json_from_llm_response
from .prompt import VERSION, ModelAnswer, validation_prompt
from .vendor import Reply

MAX_TOKENS = 1_500
_RANK = ("send", "review", "reject")


class ModelEngine:
    """Rules first, then the model, which sees what the rules found.

    The stricter of the two decides: nothing that a model says takes an error of a rule
    away. Without an answer of the model there is no opinion, and what the rules found
    is told all the same.
    """

    def __init__(self, rules: RuleEngine, caller: ModelCaller) -> None:
        self._rules = rules
        self.caller = caller
        vendor = caller.vendor
        self.identity = (
            f"{vendor.name}/{vendor.model}/prompt-{VERSION}+{rules.identity}"
        )

    async def validate(self, request: ValidationRequest) -> Opinion:
        """Judge one document."""
        ruled = await self._rules.validate(request)
        try:
            prompt = validation_prompt(
                request, ruled.errors + ruled.warnings, MAX_TOKENS
            )
            reply = await self.caller.ask("dte_validation", prompt)
            answer = _answer(reply)
        except EngineUnavailable as error:
            return Opinion.none(str(error), ruled)
        return combined(ruled, _undecided(request, answer))


def _answer(reply: Reply) -> ModelAnswer:
    if reply.cut_off:
        raise EngineUnavailable("el modelo no terminó su respuesta")
    data = reply.data
    if data is None:
        data = extract_json_from_llm_response(reply.text)
    try:
        return ModelAnswer.model_validate(data)
    except ValidationError:
        raise EngineUnavailable("la respuesta del modelo es ilegible") from None


def _undecided(request: ValidationRequest, answer: ModelAnswer) -> ModelAnswer:
    """Without what somebody has looked at before, word for word."""
    context = request.contexto
    decided = {each.key for each in context.decisiones} if context else set()
    left = [text for text in answer.warnings if _key(text) not in decided]
    if left == answer.warnings:
        return answer
    changed: dict[str, object] = {"warnings": left}
    if not left and not answer.errors and answer.recommendation == "review":
        changed["recommendation"] = "send"
    return answer.model_copy(update=changed)


def _key(text: str) -> str:
    plain = " ".join(text.casefold().split())
    return f"model:{hashlib.sha256(plain.encode('utf-8', 'replace')).hexdigest()[:16]}"


def combined(ruled: Opinion, answer: ModelAnswer) -> Opinion:
    """The opinion of both.

    Where they recommend the same, either may be right (reject, review) or both must be
    (send); where they do not, the stricter one's confidence counts.
    """
    recommendation = answer.recommendation
    if recommendation == "send" and answer.errors:
        recommendation = "review"  # It contradicts itself: a person should look.
    mine, other = _RANK.index(ruled.recommendation), _RANK.index(recommendation)
    one, two = ruled.confidence / 100, answer.confidence / 100
    if mine != other:
        share = one if mine > other else two
    elif recommendation == "send":
        share = min(one, two)
    else:
        share = 1 - (1 - one) * (1 - two)
    return Opinion(
        recommendation=_RANK[max(mine, other)],
        confidence=min(round(100 * share, 1), 99.0),
        errors=ruled.errors + _texts(answer.errors),
        warnings=ruled.warnings + _texts(answer.warnings),
        rules=ruled.rules,
        findings=(
            *ruled.findings,
            *(Told(_key(text), "model", text) for text in _texts(answer.warnings)),
        ),
    )


def _texts(messages: list[str]) -> tuple[str, ...]:
    """Without empty ones, and without what UTF-8 or a database cannot hold."""
    cleaned = (
        text.replace("\0", "").encode("utf-8", "replace").decode().strip()
        for text in messages
    )
    return tuple(text for text in cleaned if text)
