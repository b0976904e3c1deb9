# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``python -m ai_service``: start the service with the environment's settings.

``python -m ai_service monitor`` reports on one that runs, and ``check`` only tells, by
its exit code, whether one accepts work here.
"""

import socket
import sys
from types import FrameType

import uvicorn

from . import __version__
from .app import create_app
from .bounds import MAX_HEADER, bounded_protocol
from .logs import configure_logging, get_logger
from .settings import PREFIX, ConfigurationError, load_settings


def main() -> int:
    """Serve until SIGTERM or SIGINT, and complete what is in flight.

    :return: 2 when the configuration does not allow to start. After a stop uvicorn
        raises the signal again, so the process ends by it (143 in a shell).
    """
    if sys.argv[1:]:
        return _command(*sys.argv[1:])
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return _refuse(str(error))

    try:
        sock = _bind(settings.host, settings.port)
    except OSError as error:
        reason = (error.strerror or str(error)).split(" (")[0]
        return _refuse(
            f"cannot listen on {settings.host}:{settings.port} ({reason});"
            f" set {PREFIX}HOST and {PREFIX}PORT to a free address"
        )

    configure_logging(settings.log_level)
    get_logger().info(
        "ai_service_starting",
        version=__version__,
        host=settings.host,
        port=sock.getsockname()[1],
        rate_limit=settings.rate_limit,
        api_keys=len(settings.api_keys),
        redis=settings.redis_url is not None,
        model=settings.vendor,
    )
    try:
        app = create_app(settings)
    except ConfigurationError as error:
        sock.close()
        return _refuse(str(error))
    config = uvicorn.Config(
        app,
        http=bounded_protocol(app.state.keys),
        ws="none",
        h11_max_incomplete_event_size=MAX_HEADER,
        log_config=None,
        access_log=False,
        server_header=False,
        # The limit is per client address: a client must not be able to invent one.
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    _Server(config).run(sockets=[sock])
    return 0


def _command(name: str, *arguments: str) -> int:
    # Not at the top: the service itself needs neither.
    from .monitor import check, main as monitor  # noqa: I001, PLC0415

    if name == "monitor":
        return monitor([*arguments])
    if name == "check":
        return check()
    return _refuse(f"{name} is no command: use monitor or check, or none to serve")


class _Server(uvicorn.Server):
    """Says on /ready that it is stopping, to connections that are still open."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.stopping = True
        super().handle_exit(sig, frame)


def _bind(host: str, port: int) -> socket.socket:
    """Bind here rather than in uvicorn: a taken port is then one line to its user, and
    with port 0 the log can say which one the system chose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Not socket.create_server(): it leaves the protocol at 0, asyncio then does not
    # switch Nagle's algorithm off, and each kept-alive answer waits for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _refuse(reason: str) -> int:
    print(f"ai_service: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
