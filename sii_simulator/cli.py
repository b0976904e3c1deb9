# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The command line: serve, or make a CAF or a test certificate as a file."""

import argparse
import datetime
import logging
import ssl
import sys
import tempfile
from pathlib import Path

from . import certificates, modes
from .caf import IDK, Authority
from .keys import OpensslMissing
from .server import Server
from .simulator import Simulator

TLS = ("trusted", "self-signed", "expired", "wrong-host")


def main(arguments=None):
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "serve")
    options = _parser().parse_args(given)
    try:
        return options.run(options)
    except (modes.UnknownMode, OpensslMissing, ValueError) as error:
        sys.stderr.write(f"sii_simulator: {error}\n")
        return 2


def _parser():
    parser = argparse.ArgumentParser(
        prog="python3 -m sii_simulator", description="The SII on 127.0.0.1."
    )
    commands = parser.add_subparsers(required=True)
    _serve_options(commands.add_parser("serve", help="answer (also without a command)"))
    _caf_options(commands.add_parser("caf", help="issue a file of folios"))
    _certificate_options(
        commands.add_parser("certificate", help="make a test certificate (.pfx)")
    )
    return parser


def _serve_options(parser):
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--environment",
        choices=("certificacion", "produccion"),
        default="certificacion",
    )
    parser.add_argument("--keys", help="folder of the key that signs CAFs")
    parser.add_argument(
        "--mode",
        action="append",
        default=[],
        metavar="NAME[:target][:times=N][:option=value]",
        help="misbehave; may be repeated",
    )
    parser.add_argument(
        "--rates",
        default="",
        metavar="MODE=5%,…",
        help="misbehave in a part of the uploads, by --seed",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--delay",
        type=float,
        help="seconds from one state of an envelope to the next (1)",
    )
    parser.add_argument(
        "--latency", type=float, default=0, help="seconds an answer takes"
    )
    parser.add_argument(
        "--clock-skew", type=float, default=0, help="seconds ahead of real time"
    )
    parser.add_argument("--tls", choices=TLS, help="HTTPS, with such a certificate")
    parser.add_argument("--tls-ca", help="where to write the CA of --tls trusted")
    parser.add_argument("--verbose", action="store_true")
    parser.set_defaults(run=_serve)


def _caf_options(parser):
    parser.add_argument("--rut", required=True)
    parser.add_argument("--type", required=True)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=100)
    parser.add_argument("--name", default="Empresa de Prueba")
    parser.add_argument("--date", type=datetime.date.fromisoformat)
    parser.add_argument("--idk", type=int, default=IDK)
    parser.add_argument("--keys", required=True, help="the folder given to serve")
    parser.add_argument("--out", required=True)
    parser.set_defaults(run=_caf)


def _certificate_options(parser):
    parser.add_argument("--rut", required=True)
    parser.add_argument("--name", default="Persona de Prueba")
    parser.add_argument("--place", choices=certificates.PLACES, default="san")
    parser.add_argument("--bits", type=int, default=2048)
    parser.add_argument("--days", type=int, default=365, help="negative: expired")
    parser.add_argument("--encryption", choices=certificates.ENCRYPTIONS, default="aes")
    parser.add_argument("--password", default="clave")
    parser.add_argument("--out", required=True)
    parser.set_defaults(run=_certificate)


def _serve(options):
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.INFO)
    simulator = Simulator(options.keys)
    settings = simulator.store.settings
    settings.environment, settings.latency = options.environment, options.latency
    if options.delay is not None:
        for number, step in enumerate(settings.delays, 1):
            settings.delays[step] = number * options.delay
    simulator.clock.advance(options.clock_skew)
    for text in options.mode:
        simulator.modes.add(modes.parse_text(text))
    if options.rates:
        simulator.modes.set_rates(list(_rates(options.rates)), options.seed)
    server = Server(simulator, options.port, _tls(options))
    # Whoever starts us reads the port from this line.
    sys.stdout.write(f"SII simulado en {server.url} ({options.environment})\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


def _rates(text):
    for part in text.split(","):
        name, _equals, rate = part.partition("=")
        number = float(rate.rstrip("%"))
        yield name.strip(), number / 100 if rate.endswith("%") else number


def _tls(options):
    if not options.tls:
        return None
    made = certificates.host(
        names=("localhost",) if options.tls != "wrong-host" else ("otro.invalid",),
        addresses=("127.0.0.1",) if options.tls != "wrong-host" else (),
        days=-1 if options.tls == "expired" else 365,
        own=options.tls == "self-signed",
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(made.key_pem() + made.certificate_pem())
        file.flush()
        context.load_cert_chain(file.name)
    if options.tls_ca:
        Path(options.tls_ca).write_bytes(made.issuer_pem())
    return context


def _caf(options):
    content = Authority(options.keys).issue(
        options.rut,
        options.type,
        options.first,
        options.last,
        options.date or datetime.date.today(),
        options.name,
        options.idk,
    )
    Path(options.out).write_bytes(content)
    return 0


def _certificate(options):
    made = certificates.person(
        options.rut, options.name, options.place, options.bits, days=options.days
    )
    Path(options.out).write_bytes(made.pfx(options.password, options.encryption))
    return 0
