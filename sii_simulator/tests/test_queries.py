# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What became of envelopes and documents: counts, codes, mails."""

import re

import pytest
from lxml import etree

from .conftest import issued
from .documents import document, note


def signature_of(made):
    return re.search("<SignatureValue>([^<]*)", made)[1]


# === Envelopes ===


def test_counts_for_each_type(client, simulator, send, caf, credit_caf, signer):
    client.admin(
        "POST",
        "decisions",
        next=[{"state": "accepted"}, {"codes": ["DTE-3-601"]}, {"state": "objected"}],
    )
    documents = [document(caf, signer, number) for number in (1, 2, 3)]
    documents += [note(credit_caf, signer, number, 1, 1) for number in (1, 2)]
    track = send(documents).tag("TRACKID")
    assert client.sending(track).tags("TIPO_DOCTO") == [], "not before EPR"
    simulator.clock.advance(60)
    reply = client.sending(track)
    assert reply.tag("ESTADO") == "EPR"
    assert reply.tags("TIPO_DOCTO") == ["33", "61"]
    assert reply.tags("INFORMADOS") == ["3", "2"]
    assert reply.tags("ACEPTADOS") == ["1", "2"]
    assert reply.tags("RECHAZADOS") == ["1", "0"]
    assert reply.tags("REPAROS") == ["1", "0"]
    assert reply.tag("NUM_ATENCION")


def test_delays_are_set(client, simulator, send):
    client.admin("POST", "settings", delays={"SOK": 10, "EPR": 1800})
    simulator.clock.freeze()
    track = send(1).tag("TRACKID")
    states = []
    for seconds in (9, 1, 1789, 1):
        simulator.clock.advance(seconds)
        states.append(client.sending(track).tag("ESTADO"))
    assert states == ["REC", "SOK", "SOK", "EPR"]


def test_an_envelope_of_another_company_is_not_there(client, send):
    track = send(1).tag("TRACKID")
    assert client.sending(track, "11111111-1").tag("ESTADO") == "-11"
    assert client.sending("x").tag("ERR_CODE") == "2"


def test_a_sender_without_permission(client, send, other_signer):
    """106: the login is good, but not for this company."""
    track = send(1).tag("TRACKID")
    client.admin("POST", "companies", rut="76101010-7", senders=["12345678-5"])
    assert client.sending(track).tag("ESTADO") == "REC"
    client.login(other_signer)
    assert client.sending(track).tag("ESTADO") == "106"


# === Documents ===


def test_data_that_differ(client, send):
    send(1)
    assert client.document(1).tag("ESTADO") == "DOK"
    for given in (
        {"amount": 1},
        {"receiver": "11111111-1"},
        {"date": "01012020"},
        {"date": "mañana"},
    ):
        reply = client.document(1, **given)
        assert (reply.tag("ESTADO"), reply.tag("ERR_CODE")) == ("DNK", "1")
    assert client.document(2).tag("ESTADO") == "FAU"
    assert client.document(1, code="34").tag("ESTADO") == "FAU"


def test_the_date_in_both_forms(client, send):
    send(1, inner={"date": "2026-01-31"})
    for text in ("31012026", "31-01-2026"):
        assert client.document(1, date=text).tag("ESTADO") == "DOK"


def test_a_folio_that_nobody_authorised(client, send):
    client.admin("POST", "caf", rut="76101010-7", type=33, to=10)
    assert client.document(10).tag("ESTADO") == "FAU"
    reply = client.document(11)
    assert (reply.tag("ESTADO"), reply.tag("ERR_CODE")) == ("FNA", "4")


def test_a_company_that_is_not_authorised(client):
    client.admin("POST", "companies", rut="76101010-7", authorised=False)
    assert client.document(1).tag("ESTADO") == "EMP"


@pytest.mark.parametrize(
    ("code", "reason", "state", "number"),
    [
        ("61", 1, "ANC", "15"),
        ("61", 2, "TMC", "11"),
        ("61", 3, "MMC", "13"),
        ("56", 1, "AND", "14"),
        ("56", 2, "TMD", "10"),
        ("56", 3, "MMD", "12"),
    ],
)
def test_a_note_changes_what_is_said(
    client, send, signer, server, code, reason, state, number
):
    send(1)
    send(2)
    send([note(issued(server, code=code), signer, 1, 1, reason, code=code)])
    reply = client.document(1)
    assert (reply.tag("ESTADO"), reply.tag("ERR_CODE")) == (state, number)
    assert client.document(2).tag("ESTADO") == "DOK"


def test_a_rejected_document(client, simulator, result):
    """There is no code for it: by default it counts as received."""
    client.admin("POST", "decisions", state="rejected")
    result(1)
    assert client.document(1).tag("ESTADO") == "DOK"
    simulator.store.settings.rejected_is_received = False
    assert client.document(1).tag("ESTADO") == "FAU"


def test_what_was_refused_whole_was_not_received(client, result):
    assert result(1, resolution=("2026-01-15", 80))[0] == "RCT"
    assert client.document(1).tag("ESTADO") == "FAU"


# === One very document ===


def test_this_very_document(client, send, caf, signer):
    made = document(caf, signer, 1)
    track = send([made]).tag("TRACKID")
    reply = client.advanced(1, signature_of(made).replace("\n", ""))
    assert (reply.tag("RECIBIDO"), reply.tag("ESTADO")) == ("SI", "DOK")
    assert reply.tag("TRACKID") == track
    assert reply.tag("NUMATENCION")


def test_another_one_has_the_folio(client, send, caf, signer):
    """SI alone is not enough: DNK says that it is not this one."""
    send(1)
    other = document(caf, signer, 1, item="Otro")
    reply = client.advanced(1, signature_of(other))
    assert (reply.tag("RECIBIDO"), reply.tag("ESTADO")) == ("SI", "DNK")


def test_a_document_that_never_came(client, caf, signer):
    reply = client.advanced(1, signature_of(document(caf, signer, 1)))
    assert (reply.tag("RECIBIDO"), reply.tag("ESTADO")) == ("NO", "FAU")
    assert reply.tag("TRACKID") is None


def test_a_repeated_document_keeps_its_first_track(client, send, caf, signer):
    made = document(caf, signer, 1)
    first = send([made]).tag("TRACKID")
    send([made, document(caf, signer, 2)])
    reply = client.advanced(1, signature_of(made))
    assert (reply.tag("ESTADO"), reply.tag("TRACKID")) == ("DOK", first)


# === Mails ===


def mail(client, number=0):
    return etree.fromstring(client.admin("GET", f"mails/{number}").body)


def test_the_mail_tells_why(client, result):
    client.admin("POST", "decisions", codes=["HED-3-861", "DET-2-200"])
    client.admin("POST", "decisions", state="objected", codes=["DET-2-200"])
    result(1)
    result(2)
    rejected, objected = mail(client, 0), mail(client, 1)
    assert rejected.tag == "RESULTADO_ENVIO"
    assert rejected.findtext("IDENTIFICACION/RUTEMISOR") == "76101010-7"
    assert rejected.findtext("IDENTIFICACION/ESTADO") == "EPR - Envio Procesado"
    review = rejected.find("REVISIONENVIO/REVISIONDTE")
    assert (review.findtext("TIPODTE"), review.findtext("FOLIO")) == ("33", "1")
    assert review.findtext("ESTADO") == "RCH - DTE Rechazado"
    assert [node.text for node in review.findall("DETALLE")] == [
        "(HED-3-861) Actividad Economica no Registrada",
        "(DET-2-200) Valor Detalle Distinto a Precio * Cantidad",
    ]
    state = objected.findtext("REVISIONENVIO/REVISIONDTE/ESTADO")
    assert state == "RPR - DTE Aceptado con Reparos"
    subtotal = objected.find("ESTADISTICA/SUBTOTAL")
    assert (subtotal.findtext("INFORMADO"), subtotal.findtext("REPARO")) == ("1", "1")


def test_the_mail_of_what_is_accepted_or_refused(client, result):
    result(1)
    result(2, resolution=("2026-01-15", 80))
    accepted, refused = mail(client, 0), mail(client, 1)
    assert accepted.findtext("ESTADISTICA/SUBTOTAL/ACEPTA") == "1"
    assert accepted.find("REVISIONENVIO") is None
    error = refused.findtext("ERRORENVIO/DETERRENVIO")
    assert error.startswith("(CRT-3-19) Fecha/Numero Resolucion Invalido")


def test_no_mail_before_the_end(client, simulator, send):
    simulator.clock.freeze()
    track = send(1).tag("TRACKID")
    assert client.admin("GET", "mails").json() == []
    assert client.mail_again(track).tag("ESTADO") == "3"
    simulator.clock.advance(60)
    (told,) = client.admin("GET", "mails").json()
    assert told["subject"] == f"Resultado de Revision Envio {int(track)} - 76101010-7"


def test_the_mail_is_sent_again(client, result):
    result(1)
    track = client.admin("GET", "mails").json()[0]["track"]
    assert client.mail_again(track).tag("ESTADO") == "0"
    assert len(client.admin("GET", f"mails?track={track}").json()) == 2
    assert client.mail_again(5).tag("ESTADO") == "2"
    assert client.admin("GET", "mails/2").status == 404
