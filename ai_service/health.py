# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether the service lives, and what it runs on. None of it asks for a key."""

import time
from datetime import datetime, timezone
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from . import SERVICE_NAME, __version__
from .engines.base import Engine
from .engines.caller import ModelCaller
from .metrics import Metrics
from .redis_store import SharedStore

Status = Literal["healthy", "degraded", "unhealthy"]
CAPABILITIES = ("history.items", "context", "decisions", "referencias")
_CODES: dict[Status, int] = {"healthy": 200, "degraded": 207, "unhealthy": 503}


class Health(BaseModel):
    """The flat keys of the v1.2.0 guide and the nested ones of the deployed service."""

    status: Status
    service: str
    version: str
    anthropic_configured: bool
    openai_configured: bool
    #: What this service understands beyond v1.2.0: clients send it to those alone.
    capabilities: list[str]
    timestamp: datetime
    uptime_seconds: int
    dependencies: dict[str, dict[str, Any]]
    health_check_duration_ms: float
    metrics: dict[str, int | float]


class NotReady(BaseModel):
    """Why no work should be sent here."""

    status: Literal["not_ready"]
    error: str


def health_routes(
    metrics: Metrics,
    engine: Engine,
    caller: ModelCaller | None,
    redis: SharedStore | None,
) -> APIRouter:
    """Routes that report on the given parts.

    * healthy, 200: all that is configured works
    * degraded, 207: Redis is down (memory stands in), or the model fails and rests
    * unhealthy, 503: the model refuses the configuration, which ends only when someone
      corrects it; until then nobody gets an opinion
    """
    router = APIRouter(tags=["health"])

    @router.get(
        "/health",
        summary="Estado y dependencias",
        responses={
            207: {"model": Health, "description": "Atiende, con algo caído"},
            503: {"model": Health, "description": "No puede opinar"},
        },
    )
    async def health(response: Response) -> Health:
        started = time.perf_counter()
        dependencies = {
            "rules": {"status": "up", "type": "embedded", "engine": engine.identity},
            "redis": await _redis(redis),
            "anthropic": _model("anthropic", caller),
            "openai": _model("openai", caller),
        }
        status: Status = "healthy"
        if (redis and not redis.up) or (caller and caller.breaker.is_open):
            status = "degraded"
        if caller and caller.misconfigured:
            status = "unhealthy"
        response.status_code = _CODES[status]
        return Health(
            status=status,
            service=SERVICE_NAME,
            version=__version__,
            anthropic_configured=_is(caller, "anthropic"),
            openai_configured=_is(caller, "openai"),
            capabilities=[*CAPABILITIES],
            timestamp=datetime.now(timezone.utc),
            uptime_seconds=metrics.uptime_seconds,
            dependencies=dependencies,
            health_check_duration_ms=round(1000 * (time.perf_counter() - started), 3),
            metrics={
                "total_requests": metrics.validations,
                "cache_hit_rate": metrics.cache_hit_rate,
            },
        )

    @router.get(
        "/ready",
        summary="Si acepta trabajo",
        responses={503: {"model": NotReady, "description": "Se está deteniendo"}},
    )
    async def ready(request: Request) -> Any:
        if getattr(request.app.state, "stopping", False):
            stopping = {"status": "not_ready", "error": "the service is stopping"}
            return JSONResponse(stopping, 503)
        return {"status": "ready"}

    @router.get("/live", summary="Si el proceso responde")
    async def live() -> dict[str, str | int]:
        return {"status": "alive", "uptime_seconds": metrics.uptime_seconds}

    return router


async def _redis(redis: SharedStore | None) -> dict[str, Any]:
    if redis is None:
        return {"status": "not_configured", "instead": "memory"}
    latency = await redis.latency()
    if latency is None:
        return {"status": "down", "type": "standalone", "instead": "memory"}
    milliseconds = round(1000 * latency, 2)
    return {"status": "up", "type": "standalone", "latency_ms": milliseconds}


def _is(caller: ModelCaller | None, vendor: str) -> bool:
    return caller is not None and caller.vendor.name == vendor


def _model(vendor: str, caller: ModelCaller | None) -> dict[str, Any]:
    if caller is None or caller.vendor.name != vendor:
        return {"status": "not_configured", "api_key_present": False}
    state = "resting" if caller.breaker.is_open else "up"
    return {
        "status": "configured",
        "state": "refused" if caller.misconfigured else state,
        "model": caller.vendor.model,
        "api_key_present": True,
    }
