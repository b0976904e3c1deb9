# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``POST /api/ai/validate``: one document in, one opinion out."""

import hashlib
import time
from dataclasses import asdict
from typing import Annotated, Any, NamedTuple

from cachetools import LRUCache
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from .auth import Keys
from .cache import AnswerCache, digest
from .collapse import Collapse
from .engines.base import Engine, EngineUnavailable, Opinion
from .idempotency import Idempotency, KeyReused
from .logs import get_logger
from .metrics import Metrics
from .rate_limit import Decision, RateLimiter
from .schemas import (
    Answer,
    FindingTold,
    InternalError,
    LimitExceeded,
    Refusal,
    ValidationRequest,
)
from .strict_json import StrictRequest, StrictRoute


def _header(description: str, kind: str = "integer") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


_ID = {"X-Request-ID": _header("El identificador de la solicitud.", "string")}
_LIMITS = {
    **_ID,
    "X-RateLimit-Limit": _header("Validaciones por minuto."),
    "X-RateLimit-Remaining": _header("Las que quedan en esta ventana."),
    "X-RateLimit-Reset": _header("Fin de la ventana, en segundos Unix."),
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": _LIMITS},
    403: {"model": Refusal, "description": "Falta la clave o no es válida"},
    409: {
        "model": Refusal,
        "description": "La Idempotency-Key ya se usó con otro documento",
        "headers": _LIMITS,
    },
    413: {"model": Refusal, "description": "Más de 1 MiB"},
    429: {
        "model": LimitExceeded,
        "description": "Límite por clave y dirección del cliente",
        "headers": {**_LIMITS, "Retry-After": _header("Segundos de espera, 1 o más.")},
    },
    500: {"model": InternalError, "description": "Error interno", "headers": _ID},
}


MAX_SEEN = 4_000
_REUSED = (
    "La Idempotency-Key ya se usó con otro documento: use otra clave para este, o"
    " reenvíe el documento original"
)


class _Seen(NamedTuple):
    """What is known of a request body that was validated before."""

    question: str
    tipo_dte: int
    company_id: int


def validation_routes(
    engine: Engine,
    cache: AnswerCache,
    idempotency: Idempotency,
    limiter: RateLimiter,
    metrics: Metrics,
    keys: Keys,
) -> APIRouter:
    """The route, with all that it works with."""
    collapse: Collapse[Opinion] = Collapse()
    seen: LRUCache[bytes, _Seen] = LRUCache(MAX_SEEN)

    class RecallRoute(StrictRoute):
        """Answers a body that was seen before, byte for byte, without reading it.

        Reading and checking it would cost more than the rest of a cached answer.
        """

        async def recall(self, request: StrictRequest) -> Response | None:
            if "idempotency-key" in request.headers:
                return None
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            key = keys.identify(given) if scheme == "Bearer" else None
            known = seen.get(_fingerprint(request, await request.body()))
            opinion = known and await cache.get(known.question)
            if not key or not opinion:
                return None  # The long way, which also says what is wrong.
            started = time.perf_counter()
            decision = await limiter.hit(key, _client(request))
            if not decision.allowed:
                return _limited(request, key, decision)
            return _answer(request, known, opinion, True, started, decision)

    router = APIRouter(route_class=RecallRoute, tags=["validation"])

    # The order is the contract's: FastAPI parses the JSON (422), then asks the
    # dependencies (403), then validates the fields (422). Only what passes is counted
    # by the limiter (429), cache hits included.
    @router.post(
        "/api/ai/validate",
        response_model=Answer,
        responses=_RESPONSES,
        summary="Opinión sobre un DTE",
    )
    async def validate(
        body: ValidationRequest,
        request: Request,
        key: Annotated[str, Depends(keys)],
        idempotency_key: Annotated[
            str | None,
            Header(
                max_length=255,
                description="La misma en cada intento con el mismo documento; se"
                " recuerda un día.",
            ),
        ] = None,
    ) -> Any:
        started = time.perf_counter()
        decision = await limiter.hit(key, _client(request))
        if not decision.allowed:
            return _limited(request, key, decision)
        known = _Seen(
            digest(body, engine.identity), body.dte_data.tipo_dte, body.company_id
        )
        seen[_fingerprint(request, await request.body())] = known
        try:
            opinion, cached = await _opinion(body, known.question, key, idempotency_key)
        except KeyReused:
            return JSONResponse({"detail": _REUSED}, 409, decision.headers)
        return _answer(request, known, opinion, cached, started, decision)

    async def _opinion(
        body: ValidationRequest, question: str, client: str, key: str | None
    ) -> tuple[Opinion, bool]:
        """The opinion, and whether it had been given before."""
        if key and (known := await idempotency.begin(client, key, body)):
            return known, True
        known = await cache.get(question)
        opinion = known or await collapse.once(question, lambda: _judge(body, question))
        if key:
            await idempotency.finish(client, key, body, opinion)
        return opinion, known is not None

    async def _judge(body: ValidationRequest, question: str) -> Opinion:
        try:
            opinion = await engine.validate(body)
        except EngineUnavailable as error:
            opinion = Opinion.none(str(error))
        await cache.put(question, opinion)
        return opinion

    def _limited(request: Request, key: str, decision: Decision) -> Response:
        metrics.rate_limited()
        get_logger().warning(
            "rate_limit_exceeded",
            key=key,
            client=_client(request),
            limit=decision.limit,
            retry_after=decision.retry_after,
        )
        return JSONResponse({"error": limiter.message}, 429, decision.headers)

    def _answer(
        request: Request,
        known: _Seen,
        opinion: Opinion,
        cached: bool,
        started: float,
        decision: Decision,
    ) -> Response:
        seconds = time.perf_counter() - started
        metrics.validation(opinion.recommendation, opinion.opinion, cached, seconds)
        log = get_logger().info
        log(
            "llm_cache_hit" if cached else "llm_cache_miss",
            digest=known.question[:16],
        )
        log(
            "validation",
            recommendation=opinion.recommendation,
            opinion=opinion.opinion,
            confidence=opinion.confidence,
            # Operators grep for errors, and mean the service's.
            defects=len(opinion.errors),
            warnings=len(opinion.warnings),
            rules=opinion.rules,
            tipo_dte=known.tipo_dte,
            company_id=known.company_id,
            cached=cached,
            duration_ms=round(1000 * seconds, 2),
        )
        answer = Answer(
            confidence=opinion.confidence,
            warnings=list(opinion.warnings),
            errors=list(opinion.errors),
            recommendation=opinion.recommendation,
            opinion=opinion.opinion,
            reason=opinion.reason,
            findings=[FindingTold(**asdict(told)) for told in opinion.findings],
            cached=cached,
            request_id=request.state.request_id,
        )
        return Response(
            answer.model_dump_json(),
            headers=decision.headers,
            media_type="application/json",
        )

    return router


def _client(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What makes two requests the same to the letter; another content type may not
    even be JSON."""
    kind = request.headers.get("content-type", "")
    return hashlib.sha256(kind.encode() + b"\0" + body).digest()
