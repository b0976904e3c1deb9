# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What somebody without a key can make the service hold, on the wire."""

import json
import os
import select
import socket
import time
from pathlib import Path

import pytest

from ai_service import bounds

from . import documents as docs
from .conftest import KEY

BODY = json.dumps(
    {"dte_data": docs.invoice(fecha_emision=None), "company_id": 1}
).encode()
HEAD = "POST /api/ai/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WITH_KEY = f"{HEAD}Authorization: Bearer {KEY}\r\n"


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def head(start, length):
    return f"{start}Content-Length: {length}\r\n\r\n".encode()


def answer(sock):
    """The status of the answer; 0 where the connection was closed without one."""
    try:
        line = sock.makefile("rb").readline()
    except ConnectionError:
        return 0
    return int(line.split()[1]) if line else 0


def open_after(sock, seconds):
    """Whether the other side still keeps it open."""
    readable, _, _ = select.select([sock], [], [], seconds)
    return not readable


def megabytes(server):
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def close(socks):
    for sock in socks:
        sock.close()


def test_half_bodies_without_a_key_take_no_memory(server):
    """200 of them took the process from 79 to 251 MB."""
    server.validate(json.loads(BODY))
    before = megabytes(server)
    socks = []
    for _ in range(200):
        socks.append(connect(server))
        socks[-1].sendall(head(HEAD, 1024 * 1024) + b"[" * 500_000)
    assert [answer(sock) for sock in socks[:5]] == [403] * 5
    assert server.client.get("/live").status_code == 200
    assert megabytes(server) - before < 25
    close(socks)


def test_half_bodies_in_chunks_without_a_key_take_no_memory(server):
    before = megabytes(server)
    socks = []
    for _ in range(200):
        socks.append(connect(server))
        chunk = b"fff0\r\n" + b"[" * 0xFFF0 + b"\r\n"
        socks[-1].sendall(
            HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4
        )
    assert [answer(sock) for sock in socks[:5]] == [403] * 5
    assert megabytes(server) - before < 25
    close(socks)


def test_connections_without_a_key_are_bounded_and_keys_get_in(server):
    """900 half requests stayed open for ever."""
    try:
        socks = []
        for number in range(900):
            socks.append(connect(server))
            socks[-1].sendall(
                HEAD.encode() if number % 2 else head(HEAD, 9000) + b"[" * 99
            )
        # A new client is let in all the same, and after those that came before it.
        with connect(server) as sock:
            sock.sendall(head(WITH_KEY, len(BODY)) + BODY)
            assert answer(sock) == 200
        held = sum(open_after(sock, 0) for sock in socks)
        assert 0 < held <= bounds.MAX_STRANGERS
        time.sleep(bounds.HEADER_TIME + 1)
        assert not any(open_after(sock, 0) for sock in socks)
    finally:
        close(socks)


@pytest.mark.parametrize("what", ["nothing", "header", "body", "after an answer"])
def test_a_dripping_request_without_a_key_is_cut_off(server, what):
    with connect(server) as sock:
        started = time.monotonic()
        if what == "body":
            sock.sendall(head(HEAD, 9000))
        if what == "after an answer":
            sock.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            while not open_after(sock, 0.5):
                sock.recv(4096)
        while time.monotonic() - started < 4 * bounds.HEADER_TIME:
            try:
                if what != "nothing":
                    sock.sendall(b"x" if what == "body" else b"X-A: b\r\n"[:1])
            except ConnectionError:
                break
            if not open_after(sock, 0.5):
                break
        assert 0.8 * bounds.HEADER_TIME < time.monotonic() - started < 12


def test_a_body_with_a_key_may_take_its_time(server):
    with connect(server) as sock:
        sock.sendall(head(WITH_KEY, len(BODY)))
        time.sleep(bounds.HEADER_TIME + 1)
        sock.sendall(BODY)
        assert answer(sock) == 200


def test_a_header_with_a_key_that_never_ends_is_cut_off(server):
    with connect(server) as sock:
        sock.sendall(WITH_KEY.encode())
        assert answer(sock) == 0


def test_a_header_above_the_limit_is_refused(server):
    with connect(server) as sock:
        sock.sendall(HEAD.encode() + b"X-A: " + b"b" * bounds.MAX_HEADER * 2)
        assert answer(sock) == 400


def test_a_large_body_with_a_wrong_key_is_told_so(server):
    """And not cut off: the client has to learn that its key is refused."""
    body = b'{"history": "' + b"x" * 200_000 + b'"}'
    wrong = server.client.post(
        "/api/ai/validate",
        content=body,
        headers={"Authorization": "Bearer " + KEY[::-1]},
    )
    assert wrong.status_code == 403
