# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The admin calls."""

import hashlib

import pytest
from cl_sii.rut.crypto_utils import get_subject_rut_from_certificate_pfx

from .documents import Caf, document, envelope


def test_everything_is_told(client, send, caf, signer):
    made = document(caf, signer, 4)
    send([made])
    state = client.admin("GET", "state").json()
    assert state["sendings"] == state["folios"] == 1
    assert state["counters"]["requests upload"] == 1
    assert state["counters"]["uploads status 0"] == 1
    (told,) = client.admin("GET", "documents?rut=76101010-7").json()
    assert told["sha256"] == hashlib.sha256(made.encode("latin-1")).hexdigest()
    assert (told["type"], told["folio"], told["amount"]) == ("33", 4, 119000)
    assert client.admin("GET", "documents?rut=11111111-1").json() == []
    assert client.admin("GET", "documents/76101010-7/33/5").status == 404


def test_an_envelope_is_kept(client, caf, signer):
    content = envelope([document(caf, signer, 4)], signer)
    track = int(client.upload(content).tag("TRACKID"))
    assert client.admin("GET", f"sendings/{track}").body == content
    (told,) = client.admin("GET", "sendings").json()
    assert told["track"] == track
    assert told["documents"] == [["33", 4]]


def test_the_document_that_holds_the_folio(client, send, caf, signer):
    """Not the one that came later and was rejected for it."""
    first, second = (document(caf, signer, 1, item=item) for item in ("Uno", "Dos"))
    send([first])
    send([second])
    assert len(client.admin("GET", "documents").json()) == 2
    kept = client.admin("GET", "documents/76101010-7/33/1")
    assert kept.body == first.encode("latin-1")


def test_all_is_forgotten(client, send):
    send(1)
    client.admin("POST", "modes", mode="error_500")
    client.admin("DELETE", "state")
    state = client.admin("GET", "state").json()
    assert (state["sendings"], state["modes"], state["counters"]) == (0, [], {})


def test_the_clock(client):
    def clock(**given):
        return client.admin("POST", "clock", **given).json()["now"]

    assert clock(now="2027-03-04T10:00:00", freeze=True) == "2027-03-04T10:00:00"
    assert clock(advance=90) == "2027-03-04T10:01:30"
    assert clock(freeze=False)[:16] == "2027-03-04T10:01"
    assert not clock(reset=True).startswith("2027-03")


def test_settings(client):
    settings = client.admin("POST", "settings", latency=0.2, any_shape=True).json()
    assert (settings["latency"], settings["any_shape"]) == (0.2, True)
    assert client.admin("POST", "settings", nada=1).status == 400
    assert client.admin("POST", "settings", delays=5).status == 400


def test_a_caf_and_a_certificate(client):
    issued = Caf(client.admin("POST", "caf", rut="76101010-7", type=61, to=7).body)
    assert "<TD>61</TD><RNG><D>1</D><H>7</H></RNG>" in issued.node
    assert issued.key.key_size == 512
    pfx = client.admin("POST", "certificate", rut="12345678-5", password="x").body
    assert str(get_subject_rut_from_certificate_pfx(pfx, "x")) == "12345678-5"


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("caf", {"type": 33}),
        ("caf", {"rut": "1-9", "type": 33, "from": 9, "to": 3}),
        ("companies", {"nada": 1}),
        ("decisions", {"state": "nada"}),
        ("decisions", {"codes": ["nada"]}),
        ("clock", {"now": "nunca"}),
        ("clock", {"advance": "mucho"}),
    ],
)
def test_a_call_that_makes_no_sense(client, path, given):
    reply = client.admin("POST", path, **given)
    assert reply.status in (400, 404)
    assert reply.json()["error"]


def test_no_such_call(client):
    for method, path in (("GET", "nada"), ("DELETE", "settings"), ("POST", "")):
        assert client.admin(method, path).status == 404
    assert client.request("POST", "/admin/modes", b"{nada").status == 400


def test_a_decision_for_one_folio(client, result):
    given = {"rut": "76101010-7", "type": 33, "folio": 2, "codes": ["HED-3-861"]}
    client.admin("POST", "decisions", **given)
    assert result(1)[1][0]["state"] == "accepted"
    client.admin("POST", "decisions", state="objected")
    states = [result(folio)[1][0]["state"] for folio in (2, 3, 4)]
    assert states == ["rejected", "objected", "accepted"]


def test_what_is_said_where_no_code_was_given(client, result):
    states = [{"state": state} for state in ("accepted", "objected", "rejected")]
    client.admin("POST", "decisions", next=states)
    found = [result(folio)[1][0]["findings"] for folio in (1, 2, 3)]
    assert found == [
        [],
        ["(DET-2-200) Valor Detalle Distinto a Precio * Cantidad"],
        ["(HED-3-861) Actividad Economica no Registrada"],
    ]


def test_decisions_are_forgotten(client, result):
    client.admin("POST", "decisions", times=5)
    client.admin("DELETE", "decisions")
    assert result(1)[1][0]["state"] == "accepted"


def test_what_the_sii_has_not(client):
    assert client.request("GET", "/nada").status == 404
    assert client.request("GET", "/cgi_dte/UPL/DTEUpload").status == 404
