# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether the service lives, and what it runs on. None of it asks for a key."""

import time
from datetime import datetime, timezone
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from . import SERVICE_NAME, __version__
from .metrics import Metrics


class Health(BaseModel):
    """The flat keys of the v1.2.0 guide and the nested ones of the deployed service."""

    status: Literal["healthy", "degraded", "unhealthy"]
    service: str
    version: str
    anthropic_configured: bool
    openai_configured: bool
    timestamp: datetime
    uptime_seconds: int
    dependencies: dict[str, dict[str, Any]]
    health_check_duration_ms: float
    metrics: dict[str, int | float]


def health_routes(metrics: Metrics, engine: str) -> APIRouter:
    """Routes that report on the given counters and engine.

    Nothing that this version depends on can fail by itself, so it is healthy (200)
    whenever it answers.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Estado y dependencias")
    async def health() -> Health:
        started = time.perf_counter()
        dependencies = {
            "rules": {"status": "up", "type": "embedded", "engine": engine},
            "cache": {"status": "up", "type": "memory"},
            "redis": {"status": "not_configured"},
            "anthropic": {"status": "not_configured", "api_key_present": False},
            "openai": {"status": "not_configured", "api_key_present": False},
        }
        return Health(
            status="healthy",
            service=SERVICE_NAME,
            version=__version__,
            anthropic_configured=False,
            openai_configured=False,
            timestamp=datetime.now(timezone.utc),
            uptime_seconds=metrics.uptime_seconds,
            dependencies=dependencies,
            health_check_duration_ms=round(1000 * (time.perf_counter() - started), 3),
            metrics={
                "total_requests": metrics.validations,
                "cache_hit_rate": metrics.cache_hit_rate,
            },
        )

    @router.get("/ready", summary="Si acepta trabajo")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @router.get("/live", summary="Si el proceso responde")
    async def live() -> dict[str, str | int]:
        return {"status": "alive", "uptime_seconds": metrics.uptime_seconds}

    return router
