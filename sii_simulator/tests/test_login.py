# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Seed, token, and who may do what with it."""

import re

import pytest

from sii_simulator import certificates

from .client import Client
from .documents import SENDER, Signer


def test_seed_and_token(server, simulator, signer):
    client = Client(server.url)
    seed = client.seed()
    assert seed.tag("ESTADO") == "00"
    assert re.fullmatch(r"\d{12}", seed.tag("SEMILLA"))
    assert client.login(signer).tag("ESTADO") == "00"
    assert client.sending(1).tag("ESTADO") == "-11", "the token is good"


def test_the_answer_is_an_escaped_xml(server):
    reply = Client(server.url).seed()
    assert "&lt;SII:RESPUESTA" in reply.text
    assert 'xmlns:SII="http://www.sii.cl/XMLSchema"' in reply.text
    assert "<getSeedReturn xsi:type=" in reply.text


@pytest.mark.parametrize(("seconds", "state"), [(119, "00"), (121, "08")])
def test_a_seed_lives_two_minutes(client, simulator, signer, seconds, state):
    simulator.clock.freeze()
    signed = signer.seed(client.seed().tag("SEMILLA"))
    simulator.clock.advance(seconds)
    assert client.token_for(signed).tag("ESTADO") == state


def test_a_seed_is_for_once(client, signer):
    signed = signer.seed(client.seed().tag("SEMILLA"))
    assert client.token_for(signed).tag("ESTADO") == "00"
    assert client.token_for(signed).tag("ESTADO") == "08"
    assert client.token_for(signer.seed("000000000001")).tag("ESTADO") == "08"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda text: text[:-3], "01"),
        (lambda text: text.replace("getToken>", "getTokens>"), "02"),
        (lambda text: re.sub(r"<X509Data>.*</X509Data>", "", text, flags=re.S), "06"),
        (lambda text: text.replace("<Semilla>", "<Semilla> "), "05"),
    ],
    ids=["broken", "another root", "no certificate", "changed"],
)
def test_a_bad_seed(client, signer, change, state):
    signed = change(signer.seed(client.seed().tag("SEMILLA")))
    reply = client.token_for(signed)
    assert reply.tag("ESTADO") == state, reply.text
    assert reply.tag("TOKEN") is None


@pytest.mark.parametrize(("days", "state"), [(-1, "11"), (5, "00")])
def test_a_certificate_that_is_over(client, days, state):
    made = Signer(certificates.person(SENDER, days=days))
    assert client.login(made).tag("ESTADO") == state


@pytest.mark.parametrize(
    "variant",
    [{"place": "serial"}, {"place": "none"}, {"bits": 1024}],
    ids=["serial", "none", "small"],
)
def test_certificates_of_all_kinds(client, variant, result):
    made = Signer(certificates.person(SENDER, **variant))
    assert client.login(made).tag("ESTADO") == "00"
    assert result(1, signer=made)[0] == "EPR"


def test_the_calls_parameters_by_name_or_in_order(client):
    names = ["DvCompania", "RutCompania", "Token", "TrackId"]
    values = ["7", "76101010", client.token, "5"]
    reply = client.call("QueryEstUp.jws", "getEstUp", *values, names=names)
    assert reply.tag("ESTADO") == "-11"
    reply = client.call("QueryEstUp.jws", "getEstUp", "76101010", "7", 5, client.token)
    assert reply.tag("ESTADO") == "-11"


@pytest.mark.parametrize(
    ("path", "method", "values"),
    [
        ("CrSeed.jws", "getSemilla", []),
        ("QueryEstUp.jws", "getEstUp", ["1", "2"]),
    ],
)
def test_a_call_that_is_none(client, path, method, values):
    reply = client.call(path, method, *values)
    assert reply.status == 500
    assert "faultstring" in reply.text


def test_the_soapaction_header(client):
    reply = client.call("CrSeed.jws", "getSeed", headers={"Content-Type": "text/xml"})
    assert reply.status == 500
    assert "no SOAPAction header" in reply.text


def test_a_token_that_is_unknown_or_over(client, simulator):
    assert client.sending(1, token="NADA").tag("ESTADO") == "001"
    simulator.clock.advance(3601)
    assert client.sending(1).tag("ESTADO") == "002"


def test_logins_are_dropped_by_an_admin_call(client):
    client.admin("DELETE", "tokens")
    assert client.sending(1).tag("ESTADO") == "001"
