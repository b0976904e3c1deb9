# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The register of acceptance and claims, with its official matrix."""

import pytest

from sii_simulator import claims

from .client import Client
from .documents import ISSUER, RECEIVER, note

PATH = "/WSREGISTRORECLAMODTECERT/registroreclamodteservice"
CLAIM, ACCEPT = list(claims.CLAIMS), list(claims.ACCEPTANCES)


@pytest.fixture
def call(client, signer):
    def call(method, *values, code="33", folio=1, token=None):
        names = ["rutEmisor", "dvEmisor", "tipoDoc", "folio", "accionDoc"]
        given = [*ISSUER.split("-"), code, folio, *values]
        inner = "".join(
            f"<{name}>{value}</{name}>"
            for name, value in zip(names, given, strict=False)
        )
        body = (
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
            f' xmlns:ws="{claims.NAMESPACE}"><soapenv:Header/><soapenv:Body>'
            f"<ws:{method}>{inner}</ws:{method}></soapenv:Body></soapenv:Envelope>"
        )
        headers = {"Cookie": f"TOKEN={token or client.token}", "SOAPAction": '""'}
        return client.request("POST", PATH, body.encode(), headers)

    return call


@pytest.fixture
def register(call):
    def register(action, **given):
        return int(call("ingresarAceptacionReclamoDoc", action, **given).tag("codResp"))

    return register


@pytest.fixture
def cedible(call):
    return lambda: int(call("consultarDocDteCedible").tag("codResp"))


@pytest.fixture(autouse=True)
def sent(send):
    return send(1)


@pytest.mark.parametrize("action", [*CLAIM, *ACCEPT])
def test_an_event_is_registered_once(register, action):
    assert register(action) == 0
    assert register(action) == 7


@pytest.mark.parametrize("first", ACCEPT)
@pytest.mark.parametrize("second", CLAIM)
def test_no_claim_after_acceptance_and_none_of_that_after_a_claim(
    register, send, first, second
):
    assert (register(first), register(second)) == (0, 6)
    send(2)
    assert (register(second, folio=2), register(first, folio=2)) == (0, 5)


def test_what_goes_together(register, send):
    assert (register("ACD"), register("ERM")) == (0, 0)
    send(2)
    assert [register(each, folio=2) for each in CLAIM] == [0, 0, 0]


@pytest.mark.parametrize(("seconds", "code"), [(0, 0), (1, 8)])
def test_eight_days_to_the_second(
    register, simulator, client, signer, seconds, code, send
):
    simulator.clock.freeze()
    send(2)
    simulator.clock.advance(8 * 86400 + seconds)
    client.login(signer)
    assert register("RCD", folio=2) == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"code": "61"}, 2),
        ({"folio": "x"}, 3),
        ({"action": "XXX"}, 4),
        ({"folio": 99}, 10),
    ],
)
def test_what_cannot_be(register, given, code):
    assert register(given.pop("action", "ACD"), **given) == code


def test_only_the_receivers_users(register, client):
    client.admin("POST", "companies", rut=RECEIVER, senders=["11111111-1"])
    assert register("ACD") == 14
    client.admin("POST", "companies", rut=RECEIVER, senders=["12345678-5"])
    assert register("ACD") == 0
    client.admin("POST", "companies", rut=RECEIVER)
    assert register("ERM") == 0


@pytest.mark.parametrize("folio", [9, "x"])
def test_the_history_of_nothing(call, folio):
    assert call("listarEventosHistDoc", folio=folio).tag("codResp") == "16"


def test_a_rejected_document_is_unknown(register, client, send):
    client.admin("POST", "decisions", state="rejected")
    send(2)
    assert register("ACD", folio=2) == 10


def test_the_history(call, register, client, send, credit_caf, signer):
    assert call("listarEventosHistDoc").tag("codResp") == "16"
    register("ACD")
    send([note(credit_caf, signer, 1, 1, 3), note(credit_caf, signer, 2, 1, 1)])
    reply = call("listarEventosHistDoc")
    assert reply.tag("codResp") == "15"
    assert reply.tags("codEvento") == ["ACD", "ENC", "NCA"]
    assert reply.tags("rutResponsable") == ["12345678", "76101010", "76101010"]
    assert reply.tag("fechaEvento")[2] == "-"


def test_whether_it_can_be_ceded(
    cedible, register, simulator, client, signer, send, credit_caf
):
    assert cedible() == 21
    simulator.clock.advance(8 * 86400 + 1)
    client.login(signer)
    assert cedible() == 25
    simulator.clock.reset()
    client.login(signer)
    register("ERM")
    assert cedible() == 23
    send([note(credit_caf, signer, 1, 1, 1)])
    assert cedible() == 22


def test_a_claimed_one_cannot_be_ceded(cedible, client, call):
    given = {"rut": ISSUER, "type": 33, "folio": 1, "event": "RCD"}
    assert client.admin("POST", "claims", **given).json() == {"codResp": 0}
    assert cedible() == 24
    assert call("listarEventosHistDoc").tag("rutResponsable") == "76202020"


def test_when_it_came(call, simulator):
    reply = call("consultarFechaRecepcionSii")
    assert reply.tag("return")[:10] == f"{simulator.clock.local():%d-%m-%Y}"
    assert call("consultarFechaRecepcionSii", folio=9).tag("return") == ""
    assert call("consultarDocDteCedible", folio=9).tag("codResp") == "20"


def test_no_token_and_no_such_call(call, server):
    assert "Token invalido" in call("listarEventosHistDoc", token="NADA").text
    assert "faultstring" in call("nada").text
    assert Client(server.url).request("POST", PATH, b"x").status == 200
