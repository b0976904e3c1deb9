# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``GET /metrics`` and ``GET /metrics/costs``, for whoever operates the service."""

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from .accounting import Accounting, Period
from .auth import Keys
from .metrics import Metrics
from .schemas import Refusal


class Costs(BaseModel):
    """Lo que costó el modelo, en tokens y dólares."""

    class Summary(BaseModel):
        """El total."""

        total_calls: int
        total_tokens: int
        total_input_tokens: int
        total_output_tokens: int
        total_cost_usd: float

    class Part(BaseModel):
        """Una operación o un modelo."""

        calls: int
        tokens: int
        input_tokens: int
        output_tokens: int
        cost_usd: float

    period: Period
    summary: Summary
    by_operation: dict[str, Part]
    by_model: dict[str, Part]


def report_routes(
    metrics: Metrics,
    accounting: Accounting,
    authenticate: Keys,
) -> APIRouter:
    """The routes that report on the given counters and accounts."""
    router = APIRouter(
        tags=["operation"],
        dependencies=[Depends(authenticate)],
        responses={
            403: {"model": Refusal, "description": "Falta la clave o no es válida"}
        },
    )

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}},
        summary="Métricas de Prometheus",
    )
    async def prometheus() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/metrics/costs", summary="Tokens y costo del modelo")
    async def costs(period: Period = "today") -> Costs:
        return Costs.model_validate(await accounting.report(period))

    return router
