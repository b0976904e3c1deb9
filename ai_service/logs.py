# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Structured logs: one JSON line per event, on standard output.

An event carries identifiers and counts. It never carries a key, a document or a
person's name: whoever adds an event keeps to that.
"""

import logging
import sys

import structlog

_SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logging(level: str = "INFO") -> None:
    """Send our events, and what libraries log, to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Its start and stop messages repeat ours.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # On DEBUG they write requests and answers out, documents and keys included.
    for name in ("anthropic", "openai", "httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Ours do not pass through logging, which would cost as much as a cached answer.
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the service's own events."""
    return _LOGGER


_LOGGER = structlog.get_logger()
