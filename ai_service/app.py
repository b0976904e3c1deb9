# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The application: which parts there are, and how they hang together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from . import SERVICE_NAME, __version__
from .accounting import Accounting
from .auth import Keys
from .bounds import BodyLimit
from .cache import AnswerCache
from .chat import ChatEngine, chat_routes
from .engines.base import Engine
from .engines.caller import ModelCaller
from .engines.choose import price_of, vendor_of
from .engines.embedded import RuleEngine
from .engines.model import ModelEngine
from .errors import unprocessable
from .health import health_routes
from .idempotency import Idempotency
from .metrics import Metrics
from .middleware import RequestContext
from .rate_limit import RateLimiter
from .redis_store import SharedStore
from .reports import report_routes
from .settings import Settings
from .store import MemoryStore
from .validation import validation_routes
from .watchdog import Watchdog


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """Build the service.

    :param settings: keys, limits, Redis and model
    :param engine: who judges; what the settings ask for where none is given
    :raises ConfigurationError: where the settings do not fit together
    """
    metrics = Metrics()
    url = settings.redis_url
    redis = (
        SharedStore(url.get_secret_value(), timeout=settings.redis_timeout)
        if url
        else None
    )
    store = redis or MemoryStore()
    vendor = vendor_of(settings)
    price = price_of(settings, vendor)
    accounting = Accounting(store, price, settings.daily_budget)
    caller = vendor and ModelCaller(
        vendor,
        accounting,
        metrics,
        settings.model_deadline,
        settings.model_attempts,
    )
    if engine is None:
        rules = RuleEngine()
        engine = ModelEngine(rules, caller) if caller else rules
    authenticate = Keys(settings.api_keys)
    metrics.redis_up.set_function(lambda: redis.up if redis else 1)
    metrics.breaker_open.set_function(lambda: caller.breaker.is_open if caller else 0)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watchdog = Watchdog(settings.watchdog) if settings.watchdog else None
        if watchdog:
            watchdog.start()
        if redis:
            await redis.latency()  # So that the first request need not find it down.
        yield
        if watchdog:
            watchdog.stop()
        if redis:
            await redis.close()
        if vendor:
            await vendor.close()

    app = FastAPI(
        title=SERVICE_NAME,
        version=__version__,
        description="Una opinión sobre un documento tributario electrónico chileno.",
        license_info={"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"},
        lifespan=lifespan,
    )
    app.state.engine = engine
    app.state.keys = authenticate
    app.add_middleware(BodyLimit, keys=authenticate)
    app.add_middleware(RequestContext, metrics=metrics)  # Added last: the outermost.
    app.add_exception_handler(RequestValidationError, unprocessable)
    # The busiest route first: they are tried in turn.
    app.include_router(
        validation_routes(
            engine,
            AnswerCache(store),
            Idempotency(store),
            RateLimiter(store, "validate", settings.rate_limit),
            metrics,
            authenticate,
        )
    )
    app.include_router(health_routes(metrics, engine, caller, redis))
    app.include_router(report_routes(metrics, accounting, authenticate))
    app.include_router(
        chat_routes(
            ChatEngine(store, caller),
            RateLimiter(store, "chat", settings.rate_limit),
            metrics,
            authenticate,
        )
    )
    return app
