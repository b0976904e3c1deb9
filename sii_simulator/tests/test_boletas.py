# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The hosts for boletas: login, upload, status, limits."""

import re

import pytest

from sii_simulator.checks import schema

from .client import AGENT, BOUNDARY, form
from .conftest import issued
from .documents import document, envelope, now

ROOT = "/recursos/v1/boleta.electronica"
COMPANY = "76101010-7"


@pytest.fixture(scope="module")
def caf(server):
    return issued(server, code="39")


@pytest.fixture
def token(client, signer):
    seed = client.request("GET", f"{ROOT}.semilla").tag("SEMILLA")
    reply = client.request("POST", f"{ROOT}.token", signer.seed(seed).encode())
    assert reply.tag("ESTADO") == "00"
    return reply.tag("TOKEN")


@pytest.fixture
def get(client, token):
    def get(path, cookie=None):
        headers = {"Cookie": f"TOKEN={cookie or token}"}
        return client.request("GET", f"{ROOT}{path}", headers=headers)

    return get


@pytest.fixture
def upload(client, token, caf, signer):
    def upload(documents=1, cookie=None, **given):
        if isinstance(documents, int):
            documents = [document(caf, signer, documents, code="39")]
        given = {"name": "EnvioBOLETA", "schema": "EnvioBOLETA_v11.xsd", **given}
        headers = {
            "User-Agent": AGENT,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Cookie": f"TOKEN={cookie or token}",
        }
        body = form(envelope(documents, signer, **given))
        return client.request("POST", f"{ROOT}.envio", body, headers)

    return upload


def test_a_boleta_is_accepted(upload, get, simulator):
    answer = upload(5).json()
    assert answer["estado"] == "REC"
    assert len(str(answer["trackid"])) == 15
    path = f".envio/{COMPANY}-{answer['trackid']}"
    assert get(path).json()["estado"] == "REC"
    simulator.clock.advance(60)
    told = get(path).json()
    assert told["estado"] == "EPR"
    assert told["estadistica"] == [
        {"tipo": 39, "informados": 1, "aceptados": 1, "rechazados": 0, "reparos": 0}
    ]
    assert told["detalle_rep_rech"] == []


def test_why_it_was_rejected(upload, get, simulator, client):
    client.admin("POST", "decisions", codes=["DET-3-200"])
    track = upload(5).json()["trackid"]
    simulator.clock.advance(60)
    (detail,) = get(f".envio/{COMPANY}-{track}").json()["detalle_rep_rech"]
    assert (detail["tipo"], detail["folio"], detail["estado"]) == (39, 5, "RCH")
    (error,) = detail["error"]
    assert (error["seccion"], error["nivel"], error["codigo"]) == ("DET", 3, 200)


def test_one_document(upload, get):
    upload(5)
    day = "-".join(reversed(now()[:10].split("-")))
    query = "rut_receptor=76202020&dv_receptor=3&monto={}&fechaEmision=" + day
    path = f"/{COMPANY}-39-{{}}/estado?{query}"
    assert get(path.format(5, 119000)).json()["codigo"] == "DOK"
    assert get(path.format(5, 1)).json()["codigo"] == "DNK"
    assert get(path.format(6, 119000)).json()["codigo"] == "FAU"
    assert get(f"/{COMPANY}-39-5/estado").status == 400


def test_the_two_logins_are_apart(client, upload, get, token):
    reply = upload(1, cookie=client.token)
    assert (reply.status, reply.text) == (401, "NO ESTA AUTENTICADO")
    assert get(f".envio/{COMPANY}-1", cookie=client.token).status == 401
    assert client.sending(1, token=token).tag("ESTADO") == "001"


@pytest.mark.parametrize(
    "given",
    [
        {"name": "EnvioDTE"},
        {"schema": "EnvioDTE_v10.xsd"},
        {"signed_at": "2026-02-30T10:00:00"},
    ],
)
def test_another_envelope_is_refused(upload, given):
    reply = upload(1, **given)
    assert (reply.status, reply.json()["codigo"]) == (400, 7)


def test_invoices_do_not_go_there(upload, signer, server):
    reply = upload([document(issued(server), signer, 1)])
    assert reply.status == 400
    assert "TipoDTE [33]" in reply.json()["descripcion"]


def test_a_receiver_without_name(upload, get, caf, signer, client):
    """The stamp then has the RUT in its place."""

    def unnamed(text):
        return re.sub("<RznSocRecep>.*</RznSocRecep>", "", text)

    given = {"code": "39", "unsigned": unnamed}
    boletas = [
        document(caf, signer, 1, data=lambda data: data.replace("Viña", "V"), **given),
        document(caf, signer, 2, data=_with_the_rut, **given),
    ]
    upload(boletas)
    told = client.admin("GET", "documents").json()
    assert [each["state"] for each in told] == ["rejected", "accepted"]


def _with_the_rut(data):
    return re.sub("<RSR>.*</RSR>", "<RSR>76202020-3</RSR>", data)


@pytest.mark.parametrize(
    "value",
    [None, "", "x", "²", "1" * 19, "2026-02-30", "2026-1-5", "2026-11-25T1:02:03"],
)
@pytest.mark.parametrize("tag", ["TmstFirma", "Folio", "FchEmis", "FA", "Signature"])
def test_what_is_missing_or_wrong(upload, caf, signer, tag, value):
    new = "" if value is None else f"<{tag}>{value}</{tag}>"
    made = document(caf, signer, 1, code="39")
    made = re.sub(f"<{tag}[ >].*</{tag}>", new, made, flags=re.DOTALL)
    assert upload([made]).json()["codigo"] == 7


def test_a_date_is_no_moment(upload, caf, signer):
    made = document(caf, signer, 1, code="39")
    longer = re.sub("(<FchEmis>[^<]*)", r"\1T10:00:00", made)
    assert upload([longer]).json()["codigo"] == 7


@pytest.mark.parametrize("cut", ["<DTE.*</DTE>", "<Documento.*</Documento>"])
def test_nothing_in_it(upload, caf, signer, cut):
    def empty(text):
        return re.sub(cut, "", text, flags=re.DOTALL)

    assert upload(1, unsigned=empty).json()["codigo"] == 7


def test_500_at_most(upload, caf, signer, monkeypatch):
    assert schema.MOST_BOLETAS == 500
    monkeypatch.setattr(schema, "MOST_BOLETAS", 2)
    made = [document(caf, signer, number, code="39") for number in (1, 2, 3)]
    assert "mas de 2 boletas" in upload(made).json()["descripcion"]
    assert upload(made[:2]).json()["estado"] == "REC"


def test_its_checks_are_the_same(upload, get, simulator, caf, signer):
    wrong = document(caf, signer, 1, code="39").replace("<RznSoc>Log", "<RznSoc>Lag")
    track = upload([wrong]).json()["trackid"]
    simulator.clock.advance(60)
    (detail,) = get(f".envio/{COMPANY}-{track}").json()["detalle_rep_rech"]
    assert detail["error"][0]["codigo"] == 505


@pytest.mark.parametrize("status", [405, 429, 503])
def test_limited(upload, client, status):
    client.admin(
        "POST",
        "modes",
        mode="http",
        target="boleta_upload",
        times=1,
        http=status,
        retry_after=9,
    )
    reply = upload(1)
    assert (reply.status, reply.headers["X-Retry-After"]) == (status, "9")
    assert upload(1).status == 200


@pytest.mark.parametrize(("name", "missing"), [("no_trackid", "trackid")])
def test_a_lost_track_id(upload, client, name, missing):
    client.admin("POST", "modes", mode=name, target="boleta_upload")
    assert missing not in upload(1).json()


def test_what_is_not_there(get):
    assert get(f".envio/{COMPANY}-5").status == 404
    assert get(".nada").status == 404
