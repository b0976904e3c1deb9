# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The application: which parts there are, and how they hang together."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from limits import RateLimitItemPerMinute

from . import SERVICE_NAME, __version__
from .auth import require_key
from .cache import AnswerCache
from .engines.base import Engine
from .engines.embedded import RuleEngine
from .errors import unprocessable
from .health import health_routes
from .metrics import Metrics
from .middleware import BodyLimit, RequestContext
from .rate_limit import RateLimiter
from .settings import Settings
from .validation import validation_routes


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """Build the service.

    :param settings: keys and limits
    :param engine: who judges; the embedded rules where none is given
    """
    engine = engine or RuleEngine()
    metrics = Metrics()
    app = FastAPI(
        title=SERVICE_NAME,
        version=__version__,
        description="Una opinión sobre un documento tributario electrónico chileno.",
        license_info={"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"},
    )
    app.state.engine = engine
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestContext)  # Added last, so it is the outermost.
    app.add_exception_handler(RequestValidationError, unprocessable)
    app.include_router(health_routes(metrics, engine.identity))
    app.include_router(
        validation_routes(
            engine,
            AnswerCache(),
            RateLimiter(RateLimitItemPerMinute(settings.rate_limit)),
            metrics,
            require_key(settings.api_keys),
        )
    )
    return app
