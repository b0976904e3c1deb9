# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Cover, RUTs and folios, each with what passes and what does not."""

import re

import pytest

from .conftest import issued
from .documents import document, envelope, now

# === Cover, RUTs, resolution ===


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({"resolution": ("2026-01-15", 80)}, "CRT-3-19"),
        ({"resolution": (now(9)[:10], 0)}, "CRT-3-19"),
        ({"resolution": (now()[:10], 0)}, None),
        ({"receiver": "76202020-3"}, "SIM-3-9"),
        ({"subtotals": [(33, 2)]}, "SIM-3-10"),
        ({"subtotals": [(33, 1), (34, 1)]}, "SIM-3-10"),
        ({"subtotals": [(33, 1), (33, 1)]}, "SIM-3-10"),
        ({"form_company": "11111111-1"}, "SIM-3-7"),
        ({"issuer": "11111111-1", "form_company": "11111111-1"}, None),
        ({"receiver": "60803000-1"}, "SIM-3-6"),
    ],
)
def test_the_cover(client, simulator, send, given, finding):
    reply = send(1, **given)
    assert reply.tag("STATUS") == "0"
    simulator.clock.advance(60)
    company = given.get("form_company", "76101010-7")
    state = client.sending(reply.tag("TRACKID"), company).tag("ESTADO")
    assert state == ("RCT" if finding else "EPR")
    errors = client.admin("GET", "sendings").json()[0]["errors"]
    assert (finding or "") in " ".join(errors)


def test_who_uploads_must_be_who_the_cover_says(client, simulator, send, other_signer):
    client.login(other_signer)
    reply = send(1, form_sender="11111111-1")
    simulator.clock.advance(60)
    assert client.sending(reply.tag("TRACKID")).tag("ESTADO") == "RCT"
    assert "CRT-3-11" in client.admin("GET", "sendings").json()[0]["errors"][0]


@pytest.mark.parametrize(
    ("number", "day", "state"),
    [(80, "2014-08-22", "EPR"), (81, "2014-08-22", "RCT"), (80, "2014-08-23", "RCT")],
)
def test_the_companys_resolution_in_production(
    client, simulator, result, number, day, state
):
    simulator.store.settings.environment = "produccion"
    client.admin(
        "POST",
        "companies",
        rut="76101010-7",
        resolution_number=80,
        resolution_date="2014-08-22",
    )
    assert result(1, resolution=(day, number))[0] == state


def test_it_does_not_count_in_certification(client, result):
    client.admin("POST", "companies", rut="76101010-7", resolution_number=80)
    assert result(1)[0] == "EPR"


@pytest.mark.parametrize(("number", "state"), [(80, "EPR"), (0, "RCT")])
def test_any_resolution_of_a_company_that_has_none(
    client, simulator, result, number, state
):
    simulator.store.settings.environment = "produccion"
    client.admin("POST", "companies", rut="76101010-7")
    assert result(1, resolution=("2014-08-22", number))[0] == state


def test_a_document_of_another_company(result, signer, server):
    theirs = issued(server, rut="11111111-1")
    (kept,) = result([document(theirs, signer, 1, issuer="11111111-1")])[1]
    assert "SIM-3-7" in kept["findings"][0]


@pytest.mark.parametrize("receiver", ["76202020-4", "66666666-6"])
def test_a_receivers_rut(result, receiver):
    (kept,) = result(1, inner={"receiver": receiver})[1]
    assert (kept["state"] == "accepted") is (receiver == "66666666-6")


# === Folios ===


def test_the_same_envelope_twice(client, simulator, caf, signer):
    content = envelope([document(caf, signer, 1)], signer)
    first, second = client.upload(content), client.upload(content)
    simulator.clock.advance(60)
    assert client.sending(first.tag("TRACKID")).tag("ESTADO") == "EPR"
    assert client.sending(second.tag("TRACKID")).tag("ESTADO") == "RPT"
    assert client.document(1).tag("ESTADO") == "DOK"
    state = client.admin("GET", "state").json()
    assert state["counters"]["repeated documents"] == 1
    assert client.admin("GET", "documents").json()[0]["times"] == 2
    assert state["folios"] == 1


def test_the_same_document_in_another_envelope(client, result, caf, signer):
    made = document(caf, signer, 1)
    assert result([made])[1][0]["state"] == "accepted"
    (kept,) = result([made, document(caf, signer, 2)])[1][:1]
    assert kept["findings"] == ["(DTE-3-100) DTE Repetido"]
    counters = client.admin("GET", "state").json()["counters"]
    assert counters["repeated documents"] == 1
    signature = re.search("<SignatureValue>([^<]*)", made)[1]
    reply = client.advanced(1, signature)
    assert (reply.tag("RECIBIDO"), reply.tag("ESTADO")) == ("SI", "DOK")


def test_another_document_with_a_used_folio(result):
    result(1)
    (kept,) = result(1, inner={"item": "Otro"})[1]
    assert kept["findings"] == ["(DTE-3-101) Folio ya Recibido con Otros Datos"]


@pytest.mark.parametrize("reuse", [True, False])
def test_a_rejected_folio_comes_again(client, simulator, result, reuse):
    simulator.store.settings.reuse_rejected = reuse
    client.admin("POST", "decisions", codes=["HED-3-861"])
    assert result(1)[1][0]["state"] == "rejected"
    (kept,) = result(1, inner={"item": "Corregido"})[1]
    assert (kept["state"] == "accepted") is reuse


def test_an_annulled_folio(client, result):
    client.admin("POST", "annulled", rut="76101010-7", type=33, to=3, **{"from": 2})
    (kept,) = result(2)[1]
    assert kept["findings"] == ["(DTE-3-601) Folio Anulado"]
    assert client.document(3).tag("ESTADO") == "FAN"


# === What the schema lets pass ===


@pytest.mark.parametrize("zone", ["", "Z", "-03:00", ".5"])
def test_zones_and_fractions_do_no_harm(result, zone):
    inner = {"signed_at": now() + zone}
    state, (kept,) = result(1, inner=inner, signed_at=now() + zone)
    assert (state, kept["state"]) == ("EPR", "accepted"), kept["findings"]


def test_an_hour_that_there_is_not(result):
    late = now()[:10] + "T24:00:00"
    assert result(1, signed_at=late) == ("RSC", [])
    assert result(2)[0] == "EPR"


def test_leading_zeros_are_no_other_folio(result):
    def padded(text):
        text = text.replace("<Folio>1<", "<Folio>001<")
        return text.replace("<TipoDTE>33<", "<TipoDTE>033<")

    result(1)
    (kept,) = result(1, inner={"unsigned": padded, "item": "Otro"})[1]
    assert kept["findings"] == ["(DTE-3-101) Folio ya Recibido con Otros Datos"]
