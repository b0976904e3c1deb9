# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The upload's frame, form and permissions, before the envelope is looked at."""

import socket

import pytest

from sii_simulator import multipart

from .client import AGENT, BOUNDARY, form
from .documents import document, envelope


@pytest.fixture
def content(caf, signer):
    return envelope([document(caf, signer, 1)], signer)


def test_the_answer(client, content, simulator):
    simulator.clock.freeze()
    reply = client.upload(content)
    assert reply.text.startswith('<?xml version="1.0"?>\n<RECEPCIONDTE>\n')
    assert reply.tag("RUTSENDER") == "12345678-5"
    assert reply.tag("RUTCOMPANY") == "76101010-7"
    assert reply.tag("FILE") == "envio.xml"
    assert reply.tag("TIMESTAMP") == str(simulator.clock.local())
    assert reply.tag("TRACKID").isdigit()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda body: body.replace(b"\r\n", b"\n"), "CRLF"),
        (lambda body: body[: -len(BOUNDARY) - 8], "cierre"),
        (lambda body: body.replace(BOUNDARY.encode(), b"otro"), "boundary"),
        (lambda body: body.replace(b'name="dvSender"', b'name="dv"'), "dvSender"),
        (lambda body: body.replace(b'; filename="envio.xml"', b""), "filename"),
        (lambda body: body.replace(b"form-data; name=", b"form-data; nombre="), "name"),
    ],
)
def test_the_frame(client, content, change, error):
    reply = client.upload(content, body=change)
    assert reply.tag("STATUS") == "3"
    assert error in reply.tag("ERROR")
    assert client.admin("GET", "state").json()["sendings"] == 0


GOOD = b'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    ("kind", "part", "error"),
    [
        ("multipart/form-data; boundary=b", GOOD + b"\r\n\r\n1", None),
        ("Multipart/Form-Data; boundary=b", GOOD + b"\r\n\r\n1", None),
        ("text/xml; boundary=b", GOOD + b"\r\n\r\n1", "Content-Type"),
        (None, GOOD + b"\r\n\r\n1", "Content-Type"),
        ("multipart/form-data", GOOD + b"\r\n\r\n1", "falta boundary"),
        ("multipart/form-data; boundary=b", GOOD, "sin CRLF"),
        ("multipart/form-data; boundary=b", GOOD + b"\nX: 1\r\n\r\n1", "sin CRLF"),
        (
            "multipart/form-data; boundary=b",
            GOOD + b"\r\n\r\n1\r\n--b\r\n" + GOOD + b"\r\n\r\n2",
            "repetido: a",
        ),
        (
            "multipart/form-data; boundary=b",
            GOOD
            + b"\r\n\r\n1\r\n--bb\r\n"
            + GOOD.replace(b'"a"', b'"c"')
            + b"\r\n\r\n2",
            "boundary sin CRLF",
        ),
        (
            "multipart/form-data; boundary=b",
            GOOD.replace(b"form-data", b"attachment") + b"\r\n\r\n1",
            "Content-Disposition",
        ),
    ],
)
def test_each_part_of_the_frame(kind, part, error):
    body = b"--b\r\n" + part + b"\r\n--b--\r\n"
    if error is None:
        assert multipart.read(kind, body)["a"].content == b"1"
        return
    with pytest.raises(multipart.BadFrame, match=error):
        multipart.read(kind, body)


def test_a_check_digit_in_lower_case(client, content):
    assert client.upload(content, company="12345670-k").tag("STATUS") == "3"


def test_another_content_type(client, content):
    reply = client.upload(content, headers={"Content-Type": "text/xml"})
    assert reply.tag("STATUS") == "3"


def test_a_body_that_is_shorter_than_it_says(server, client, content):
    """Nothing is stored, and nothing answered: the rest may still come."""
    body = form(content)
    with socket.create_connection(client.address, timeout=5) as connection:
        connection.sendall(
            "POST /cgi_dte/UPL/DTEUpload HTTP/1.1\r\nHost: x\r\n"
            f"User-Agent: {AGENT}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            f"Cookie: TOKEN={client.token}\r\n"
            f"Content-Length: {len(body) + 9}\r\n\r\n".encode()
            + body
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert client.admin("GET", "state").json()["sendings"] == 0


def test_a_body_without_length(client):
    with socket.create_connection(client.address, timeout=5) as connection:
        connection.sendall(b"POST /cgi_dte/UPL/DTEUpload HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 411 " in connection.recv(100)


@pytest.mark.parametrize("agent", ["python-requests/2.32", "curl/8", ""])
def test_a_page_for_browsers(client, content, agent):
    reply = client.upload(content, headers={"User-Agent": agent})
    assert (reply.status, reply.tag("STATUS")) == (200, None)
    assert "<html>" in reply.text
    assert client.admin("GET", "state").json()["sendings"] == 0


@pytest.mark.parametrize("cookie", [None, "TOKEN=NADA", "OTRA=1", "TOKEN="])
def test_no_token(client, content, cookie):
    assert client.upload(content, headers={"Cookie": cookie}).tag("STATUS") == "5"


def test_a_token_of_another_person(client, content, other_signer):
    client.login(other_signer)
    assert client.upload(content).tag("STATUS") == "1"


def test_permissions(client, content):
    rut = "76101010-7"
    client.admin("POST", "companies", rut=rut, senders=["11111111-1"])
    assert client.upload(content).tag("STATUS") == "1"
    client.admin("POST", "companies", rut=rut, senders=["12345678-5"])
    assert client.upload(content).tag("STATUS") == "0"
    client.admin("POST", "companies", rut=rut, authorised=False)
    assert client.upload(content).tag("STATUS") == "6"


def test_only_registered_companies(client, content):
    client.admin("POST", "settings", open_register=False)
    assert client.upload(content).tag("STATUS") == "6"
    client.admin("POST", "companies", rut="76101010-7")
    assert client.upload(content).tag("STATUS") == "0"


def test_a_file_too_big(client, content):
    client.admin("POST", "settings", size_limit=1000)
    assert client.upload(content).tag("STATUS") == "2"


def test_a_file_that_is_no_xml_file(client, content, simulator):
    reply = client.upload(content, filename="envio.txt")
    simulator.clock.advance(60)
    assert client.sending(reply.tag("TRACKID")).tag("ESTADO") == "VOF"


def test_a_wrong_signature_at_once(client, content):
    client.admin("POST", "settings", signature_at_once=True)
    wrong = content.replace(b"<RznSoc>Log", b"<RznSoc>Lag")
    assert client.upload(wrong).tag("STATUS") == "8"
    assert client.upload(content).tag("STATUS") == "0"
