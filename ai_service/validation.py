# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``POST /api/ai/validate``: one document in, one opinion out."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from .cache import AnswerCache, digest
from .collapse import Collapse
from .engines.base import Engine, EngineUnavailable, Opinion
from .idempotency import Idempotency, KeyReused
from .logs import get_logger
from .metrics import Metrics
from .rate_limit import RateLimiter
from .schemas import Answer, InternalError, LimitExceeded, Refusal, ValidationRequest
from .strict_json import StrictRoute


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


_REUSED = (
    "La Idempotency-Key ya se usó con otro documento: use otra clave para este, o"
    " reenvíe el documento original"
)


def validation_routes(
    engine: Engine,
    cache: AnswerCache,
    idempotency: Idempotency,
    limiter: RateLimiter,
    metrics: Metrics,
    authenticate: Callable[..., Awaitable[str]],
) -> APIRouter:
    """The route, with all that it works with."""
    router = APIRouter(route_class=StrictRoute, tags=["validation"])
    collapse: Collapse[Opinion] = Collapse()

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
        response: Response,
        key: Annotated[str, Depends(authenticate)],
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
        client = request.client.host if request.client else "unknown"
        decision = await limiter.hit(key, client)
        if not decision.allowed:
            metrics.rate_limited()
            get_logger().warning(
                "rate_limit_exceeded",
                key=key,
                client=client,
                limit=decision.limit,
                retry_after=decision.retry_after,
            )
            return JSONResponse({"error": limiter.message}, 429, decision.headers)
        response.headers.update(decision.headers)

        try:
            opinion, cached = await _opinion(body, key, idempotency_key)
        except KeyReused:
            return JSONResponse({"detail": _REUSED}, 409, decision.headers)
        seconds = time.perf_counter() - started
        metrics.validation(opinion.recommendation, opinion.opinion, cached, seconds)
        get_logger().info(
            "validation",
            recommendation=opinion.recommendation,
            opinion=opinion.opinion,
            confidence=opinion.confidence,
            errors=len(opinion.errors),
            warnings=len(opinion.warnings),
            rules=opinion.rules,
            tipo_dte=body.dte_data.tipo_dte,
            company_id=body.company_id,
            cached=cached,
            duration_ms=round(1000 * seconds, 2),
        )
        return Answer(
            confidence=opinion.confidence,
            warnings=list(opinion.warnings),
            errors=list(opinion.errors),
            recommendation=opinion.recommendation,
            opinion=opinion.opinion,
            reason=opinion.reason,
            cached=cached,
            request_id=request.state.request_id,
        )

    async def _opinion(
        body: ValidationRequest, client: str, key: str | None
    ) -> tuple[Opinion, bool]:
        """The opinion, and whether it had been given before."""
        if key and (known := await idempotency.begin(client, key, body)):
            return known, True
        question = digest(body, engine.identity)
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

    return router
