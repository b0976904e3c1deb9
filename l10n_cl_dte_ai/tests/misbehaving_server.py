# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A server that misbehaves, in each way that the fault matrix lists.

    python misbehaving_server.py --list
    python misbehaving_server.py drip-headers --port 8002
    curl --max-time 12 -d '{}' http://127.0.0.1:8002/api/ai/validate

It is a real server on 127.0.0.1, with real sockets, so it shows what any client makes
of a fault, not only ours.  It needs Python alone, and `cryptography` for bad TLS.
"""

import argparse
import base64
import contextlib
import datetime
import email.utils
import gzip
import ipaddress
import json
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

try:
    from . import loopback
except ImportError:  # run as a program
    import loopback

Loopback, opinion, reply = loopback.Loopback, loopback.opinion, loopback.reply


class Fault(NamedTuple):
    lines: tuple[int, ...]  # of the fault matrix
    what: str
    answer: object = None  # None: it is the listener that misbehaves
    answers: int = 1  # how many requests a person's click sends


FAULTS = {}


def fault(name, lines, what, answer=None, **more):
    lines = (lines,) if isinstance(lines, int) else tuple(lines)
    FAULTS[name] = Fault(lines, what, answer, **more)


def faults_of(*lines):
    """Return the faults of some lines of the matrix, by name."""
    return {
        name: found for name, found in FAULTS.items() if set(lines) & set(found.lines)
    }


# === Building blocks ===

GOOD = {"confidence": 92, "warnings": [], "errors": [], "recommendation": "send"}
WHOLE = json.dumps({**GOOD, "warnings": ["Monto inusual"]}).encode()
OK = b"HTTP/1.1 200 OK\r\n"


def raw(text, **changes):
    """Answer what `json.dumps` would not: "?" in the changes becomes `text`."""
    return reply(body=json.dumps({**GOOD, **changes}).replace('"?"', text))


def long_text(handler):
    raw("x" * 10_000_000, warnings=["?"])(handler)


def without(name):
    return reply(body={key: value for key, value in GOOD.items() if key != name})


def raw_answer(*pieces):
    """Write this, whatever it is, and close."""

    def answer(handler):
        handler.close_connection = True
        handler.wfile.write(b"".join(pieces))

    return answer


def with_length(length, body=WHOLE):
    """Say that the body has `length` bytes, whatever it has."""
    return raw_answer(b"%bContent-Length: %b\r\n\r\n%b" % (OK, length, body))


def reset_in_body(handler):
    begun = b"%bContent-Length: %d\r\n\r\n" % (OK, len(WHOLE))
    handler.wfile.write(begun + WHOLE[:20])
    handler.pause(0.05)  # so that it arrives before the reset does
    loopback.reset(handler)


def close_idle(handler):
    """Answer well, keep the connection, and close it as soon as it is idle."""
    opinion()(handler)
    handler.wfile.flush()
    handler.close_connection = True


def encoded(encoding, body):
    return reply(body=body, headers={"Content-Encoding": encoding})


def gzip_bomb(handler):
    body = gzip.compress(b" " * 10_000_000 + WHOLE)
    encoded("gzip", body)(handler)


def limited(value=None, name="Retry-After", **headers):
    if value is not None:
        headers[name] = value
    return reply(429, {"error": "Rate limit exceeded: 20 per 1 minute"}, headers)


def http_date(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def limited_until(seconds):
    def answer(handler):  # when it is asked, not when this is loaded
        limited(http_date(seconds))(handler)

    return answer


def redirect(status):
    """Point to a second listener, which must never hear of the document."""

    def answer(handler):
        location = {"Location": f"{SECOND.url}/api/ai/validate"}
        reply(status, b"", location)(handler)

    return answer


class Second:
    """Where redirects lead; it counts who comes."""

    def __init__(self):
        self._server = None

    @property
    def url(self):
        if not self._server:
            self._server = Loopback(always=opinion())
        return self._server.url

    @property
    def requests(self):
        return self._server.requests if self._server else []

    def close(self):
        if self._server:
            self._server.close()
            self._server = None


SECOND = Second()

# === The connection ===

fault("refuse", 1, "nobody listens on the port")
fault("unknown-host", 2, "the host's name does not exist")
fault("never-accept", 3, "the connection is never taken: the queue is full")
fault("freeze", 4, "takes the connection and never answers", loopback.silence)
fault("late", 4, "answers well, after 15 s", reply(body=WHOLE, delay=15))
fault("reset", 5, "RST before any header", loopback.reset)
fault("close", 5, "closes before any header", loopback.drop)
fault("other-protocol", 5, "speaks no HTTP", raw_answer(b"SSH-2.0-OpenSSH_9.6\r\n"))
fault("many-headers", 5, "1,000 headers", raw_answer(OK, b"X-A: 1\r\n" * 1000, b"\r\n"))
fault("close-idle", 6, "answers, and drops the idle connection", close_idle)
fault("reset-in-body", 7, "RST in the middle of the body", reset_in_body)
fault("short-body", 8, "promises more bytes than it sends", loopback.cut_off)
fault("truncated-json", 9, "a whole body with half of a JSON", reply(body=WHOLE[:40]))
fault("lie-short", 9, "says that the body is shorter than it is", with_length(b"40"))
fault("lie-long", 8, "says that the body is longer than it is", with_length(b"400"))
fault("two-lengths", 8, "says two different lengths", with_length(b"40, 400"))
fault(
    "no-last-chunk",
    8,
    "ends before the last chunk",
    raw_answer(
        OK, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(WHOLE), WHOLE)
    ),
)
for _name, _size in (
    ("negative", b"-5"),
    ("minus-one", b"-1"),
    ("text", b"many"),
    ("missing", b""),
):
    fault(
        f"chunk-{_name}",
        8,
        f"a chunk of {_size.decode() or 'no'} bytes",
        raw_answer(
            OK, b"Transfer-Encoding: chunked\r\n\r\n%b\r\n%b\r\n" % (_size, WHOLE)
        ),
    )
fault("length-text", 8, "Content-Length: many", with_length(b"many"))
fault("length-negative", 8, "Content-Length: -5", with_length(b"-5"))
fault("length-signed", 8, "Content-Length: +53", with_length(b"+%d" % len(WHOLE)))
fault("drip-body", 10, "a byte of the body each 50 ms", loopback.drip_body)
fault("drip-headers", 11, "a header each 50 ms", loopback.drip_headers)
fault("tls-self-signed", 17, "a certificate that nobody vouches for")
fault("tls-wrong-host", 17, "a certificate of another host")
fault("tls-none", 17, "plain HTTP where TLS is expected")

# === Not the service's answer ===

fault("html", 12, "a proxy's page with status 200", reply(body="<html>Welcome</html>"))
fault("huge", 13, "a body of 10 MB", long_text)
fault("gzip-bomb", 14, "10 kB that become 10 MB", gzip_bomb)
for _encoding in ("gzip", "br", "zstd", "deflate", "x-unknown"):
    fault(
        f"encoding-{_encoding}",
        15,
        f"Content-Encoding: {_encoding}",
        encoded(_encoding, gzip.compress(WHOLE) if _encoding == "gzip" else WHOLE),
    )
for _status in (301, 302, 303, 307, 308):
    fault(f"redirect-{_status}", 16, f"{_status} to another server", redirect(_status))

# === Statuses ===

for _line, _status in (
    *((18, 401), (19, 403), (20, 404), (21, 405), (22, 400), (23, 413), (24, 422)),
    *((25, 408), (26, 409), (27, 425), (34, 500), (35, 502), (36, 503), (37, 504)),
    (38, 529),
):
    fault(
        f"status-{_status}",
        _line,
        f"status {_status}",
        reply(_status, {"detail": "no"}),
        answers=2 if _status in (502, 503, 504) else 1,  # it restarts
    )
fault("limit", 28, "429 without a word", limited())
fault("limit-seconds", 29, "429, Retry-After: 42", limited("42"))
fault("limit-ms", 29, "429, retry-after-ms: 42000", limited("42000", "retry-after-ms"))
fault("limit-date", 30, "429, Retry-After: a date in 42 s", limited_until(42))
fault("limit-past", 31, "429, Retry-After: a date that is over", limited_until(-42))
fault("limit-zero", 31, "429, Retry-After: 0", limited("0"))
for _garbage in ("soon", "inf", "nan", "-5", "1e3", "٣"):
    _header = _garbage.encode().decode("latin-1")
    fault(f"limit-{_garbage}", 32, f"429, Retry-After: {_garbage}", limited(_header))
fault("limit-huge", 33, "429, Retry-After: 999999999", limited("999999999"))

# === Answers that are no opinion ===

fault("confidence-text", 39, 'confidence "high"', raw('"high"', confidence="?"))
for _text in ("NaN", "Infinity", "-Infinity", "1e400"):
    fault(f"confidence-{_text}", 40, f"confidence {_text}", raw(_text, confidence="?"))
fault("confidence-negative", 41, "confidence -1", raw("-1", confidence="?"))
fault("confidence-150", 42, "confidence 150", raw("150.0", confidence="?"))
fault("confidence-true", 43, "confidence true", raw("true", confidence="?"))
fault("confidence-null", 44, "confidence null", raw("null", confidence="?"))
for _name in GOOD:
    fault(f"no-{_name}", 45, f"without {_name}", without(_name))
fault("extra", 46, "one field more", reply(body={**GOOD, "model": "m", "cost": 1}))
fault(
    "early-hints",
    46,
    "103 and 102 before the answer",
    raw_answer(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        OK + b"Content-Length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE),
    ),
)
fault("recommendation", 47, 'recommendation "approve"', opinion("approve"))
fault("errors-text", 48, "errors is a text", raw('"RUT"', errors="?"))
fault("errors-objects", 48, "errors is a list of objects", raw("[{}]", errors="?"))
fault("deep", 49, "200,000 lists in each other", reply(body=b"[" * 200_000))
fault("deep-object", 49, "100,000 objects", reply(body=b'{"a":' * 100_000))
fault("long-number", 50, "a number of 5,000 digits", raw("9" * 5000, confidence="?"))
fault(
    "duplicate-keys",
    51,
    "recommendation twice: reject and send",
    reply(body=b'{"recommendation": "reject", ' + WHOLE[1:]),
)
fault("long-text", 52, "a warning of 10 MB", long_text)
fault("nul", 53, "NUL in a warning", opinion(warnings=["a\0b"]))
fault("half-character", 53, "half of a character", raw('"\\ud800"', warnings=["?"]))
fault(
    "script",
    54,
    "a script in a warning",
    opinion(
        "review", warnings=["<script>alert(1)</script><img src=x onerror=alert(1)>"]
    ),
)
for _name, _warning in (
    ("fail-open", "AI Service error: Connection error."),
    ("fail-open-parse", "Parse error: Expecting value"),
    ("fail-open-large", "Request too large: 130000 tokens"),
    ("fail-open-expensive", "Request too expensive: $ 1.20"),
    ("fail-open-breaker", "AI service temporarily unavailable"),
):
    fault(_name, 55, _warning, opinion("send", 50, warnings=[_warning]))
for _name, _changes in (
    ("case", {"warnings": ["ai  service ERROR : overloaded"]}),
    ("in-errors", {"recommendation": "review", "errors": ["AI Service error: x"]}),
    ("late", {"recommendation": "review", "warnings": ["a"] * 60 + ["Parse error: x"]}),
    ("text", {"opinion": "false"}),
    ("null", {"opinion": None}),
):
    fault(f"fail-open-{_name}", 55, str(_changes)[:60], opinion(**_changes))
fault("send-unsure", 56, "send, with confidence 3", opinion(confidence=3))
fault("contradiction", 56, "send, with errors", opinion("send", errors=["RUT"]))


# === The request comes back ===


def echo(status, spell, body):
    """Answer with what was sent, as proxies and frameworks do.

    :param spell: how the key is written
    :param body: makes the answer's JSON from a text
    """

    def answer(handler):
        key = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        reply(status, body(f"bad request, you sent Bearer {spell(key)} x"))(handler)

    return answer


SPELLINGS = {
    "plain": str,
    "percent": lambda key: "".join(f"%{ord(letter):02X}" for letter in key),
    "base64": lambda key: base64.b64encode(f"k:{key}".encode()).decode(),
    "cut": lambda key: key[:10] + "…",
}
for _spelling, _spell in SPELLINGS.items():
    for _name, _status, _body in (
        ("refusal", 422, lambda text: {"detail": [{"msg": text}]}),
        ("bad-request", 400, lambda text: {"error": text}),
        ("opinion", 200, lambda text: {**GOOD, "warnings": [text]}),
        ("fail-open", 200, lambda text: {**GOOD, "opinion": False, "reason": text}),
    ):
        fault(
            f"echo-{_name}-{_spelling}",
            71,
            f"the key comes back, {_spelling}",
            echo(_status, _spell, _body),
        )


# === The listener ===


def certificate(host):
    """Return the path of a new self-signed certificate with its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    try:
        subject = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .sign(key, hashes.SHA256())
    )
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return file.name


@contextlib.contextmanager
def tls_server(host="127.0.0.1", **options):
    """A `Loopback` with a certificate of `host`, whose path it has."""
    path = certificate(host)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        with Loopback(ssl_context=context, **options) as server:
            server.certificate = path
            yield server
    finally:
        Path(path).unlink()


@contextlib.contextmanager
def listener(name, port=0):
    """Start the fault `name` and give its address."""
    found = FAULTS[name]
    if found.answer:
        with Loopback(port=port, always=found.answer) as server:
            yield server.url
    elif name == "unknown-host":
        yield "https://no-such-host.invalid"
    elif name == "tls-none":
        with Loopback(port=port, always=opinion()) as server:
            yield server.url.replace("http:", "https:")
    elif name.startswith("tls-"):
        host = "other.example" if name == "tls-wrong-host" else "127.0.0.1"
        with tls_server(host, port=port, always=opinion()) as server:
            yield server.url
    else:
        with contextlib.ExitStack() as stack:
            door = stack.enter_context(socket.socket())
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("127.0.0.1", port))
            if name == "never-accept":
                door.listen(0)
                for _number in range(4):  # fill the queue: the next one waits
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(door.getsockname())
            yield f"http://127.0.0.1:{door.getsockname()[1]}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="A server on 127.0.0.1 that misbehaves in one way."
    )
    parser.add_argument("fault", nargs="?", choices=[*FAULTS], metavar="FAULT")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--list", action="store_true", help="what there is")
    options = parser.parse_args(arguments)
    say = sys.stdout.write
    if options.list or not options.fault:
        for name, found in FAULTS.items():
            numbers = ", ".join(map(str, found.lines))
            say(f"{name:<22}{numbers:>4}  {found.what}\n")
        return
    loopback.FOREVER = 24 * 3600
    with listener(options.fault, options.port) as url:
        say(f"{url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    SECOND.close()


if __name__ == "__main__":
    main()
