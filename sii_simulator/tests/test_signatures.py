# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Encoding, schema and signatures, each with what passes and what does not."""

import re
import shutil
import subprocess
from html import unescape

import pytest

from sii_simulator import certificates

from .conftest import issued
from .documents import (
    DSIG,
    SENDER,
    SII,
    XSI,
    Signer,
    canonical,
    document,
    envelope,
    now,
)

XSI_DECLARED = f' xmlns:xsi="{XSI}"'


def refused(reply):
    """(STATUS, errors) of an upload."""
    errors = re.findall("<ERROR>([^<]*)</ERROR>", reply.text)
    return reply.tag("STATUS"), unescape(" ".join(errors))


# === Encoding, form, schema ===


def test_utf8_under_the_latin1_label(result):
    def mislabel(content):
        return content.decode("latin-1").encode("utf-8")

    assert result(1, changed=mislabel)[0] == "RFR"
    assert result(2)[0] == "EPR"


def test_utf8_that_was_signed_as_if_it_were_latin1(client, result, server, signer):
    """Every signature holds, and every accent is two wrong letters."""
    caf = issued(server, name="Nandu")
    given = {"name": "Vina", "item": "Flete a PeÃ±a"}
    plain = {"unsigned": lambda text: text.replace("Logística Peñalmira", "Sur")}
    assert result([document(caf, signer, 1, **given, **plain)])[0] == "RFR"
    (told,) = client.admin("GET", "sendings").json()
    assert told["errors"] == ["bytes UTF-8 bajo encoding ISO-8859-1"]


def test_a_file_without_accents(result, server, signer):
    """It is UTF-8 and Latin-1 at the same time."""

    def plain(text):
        return text.encode("ascii", "ignore").decode()

    caf = issued(server, name="Nandu")
    given = {"name": "Vina", "item": "Flete", "unsigned": plain}
    state, (kept,) = result([document(caf, signer, 1, **given)])
    assert (state, kept["state"]) == ("EPR", "accepted")


@pytest.mark.parametrize("declared", ["UTF-8", "US-ASCII", None])
def test_another_encoding_is_refused(send, declared):
    def declare(content):
        label = f' encoding="{declared}"' if declared else ""
        text = content.decode("latin-1").replace(' encoding="ISO-8859-1"', label, 1)
        return text.encode("utf-8")

    status, errors = refused(send(1, changed=declare))
    assert status == "7"
    assert "ISO-8859-1" in errors


def test_not_well_formed(send):
    status, errors = refused(send(1, changed=lambda content: content[:-20]))
    assert status == "7"
    assert "LSX-00200" in errors


def test_a_doctype_is_refused(send):
    def bomb(content):
        return content.replace(
            b"<EnvioDTE", b'<!DOCTYPE x [<!ENTITY a "b">]><EnvioDTE', 1
        )

    assert refused(send(1, changed=bomb))[0] == "7"


@pytest.mark.parametrize(
    "root",
    [
        "",
        XSI_DECLARED,
        XSI_DECLARED + ' xsi:schemaLocation="http://x EnvioDTE_v10.xsd"',
    ],
    ids=["no xsi", "no schemaLocation", "another namespace"],
)
def test_the_schema_must_be_named(send, root):
    assert refused(send(1, root=root)) == ("7", "LSX-00202: Invalid Schema Name")


def test_the_official_schema(send):
    reply = send(
        1,
        inner={
            "unsigned": lambda text: text.replace("<GiroEmis>", "<Giro>").replace(
                "</GiroEmis>", "</Giro>"
            )
        },
    )
    status, errors = refused(reply)
    assert status == "7"
    assert "Giro" in errors


def test_the_schema_may_be_checked_later(simulator, result):
    simulator.store.settings.schema_later = True
    inner = {"unsigned": lambda text: text.replace("<Acteco>492300</Acteco>", "")}
    assert result(1, inner=inner) == ("RSC", [])


# === Signatures ===


def test_a_changed_document(result):
    def change(content):
        return content.replace(b"<RznSoc>Log", b"<RznSoc>Lag")

    state, _documents = result(1, changed=change)
    assert state == "RFR", "the envelope's signature covers the documents"


def test_a_changed_document_in_a_good_envelope(result, caf, signer):
    changed = document(caf, signer, 1).replace("<RznSoc>Log", "<RznSoc>Lag")
    state, (kept,) = result([changed])
    assert (state, kept["state"]) == ("EPR", "rejected")
    assert "(DTE-3-505) Firma DTE Incorrecta" in kept["findings"][0]


def test_only_one_of_two_is_rejected(result, caf, signer):
    good = document(caf, signer, 1)
    bad = document(caf, signer, 2).replace("<RznSoc>Log", "<RznSoc>Lag")
    state, documents = result([good, bad])
    assert [each["state"] for each in documents] == ["accepted", "rejected"]
    assert state == "EPR"


def test_the_signature_of_another_key(result, caf, signer, other_signer):
    """Certificate and KeyValue are replaced: they no longer fit the signature."""
    mine, theirs = (document(caf, each, 1) for each in (signer, other_signer))
    key_info = re.compile("<KeyInfo>.*</KeyInfo>", re.DOTALL)
    forged = key_info.sub(lambda _m: key_info.search(theirs)[0], mine)
    assert result([forged])[1][0]["state"] == "rejected"
    assert result([theirs])[1][0]["state"] == "accepted"


def test_the_key_value_must_be_the_certificates(result, caf, signer, other_signer):
    mine, theirs = (document(caf, each, 1) for each in (signer, other_signer))
    modulus = re.compile("<Modulus>.*</Modulus>", re.DOTALL)
    forged = modulus.sub(lambda _m: modulus.search(theirs)[0], mine)
    (kept,) = result([forged])[1]
    assert "KeyValue" in kept["findings"][0]


def test_the_reference_must_be_to_the_document(result, caf, signer):
    """A good signature over something else proves nothing."""
    first, second = document(caf, signer, 1), document(caf, signer, 2)
    signature = re.compile("<Signature .*</Signature>", re.DOTALL)
    swapped = signature.sub(lambda _m: signature.search(first)[0], second)
    _state, documents = result([first, swapped])
    assert [each["state"] for each in documents] == ["accepted", "rejected"]


def test_the_envelopes_signature_must_be_for_all_of_it(result, caf, signer):
    """Not for the first document alone, which it would hold for."""
    made = document(caf, signer, 1)
    documento = re.search("<Documento.*</Documento>", made, re.DOTALL)[0]
    scoped = documento.replace(
        "<Documento", f'<Documento xmlns="{SII}"{XSI_DECLARED}', 1
    )
    partial = signer.signature(canonical(scoped), "#F1T33", scope=XSI_DECLARED)

    def swap(content):
        whole = content.decode("latin-1")
        end = whole.rindex("<Signature ")
        return f"{whole[:end]}{partial}</EnvioDTE>".encode("latin-1")

    assert result([made], changed=swap) == ("RFR", [])


def test_a_document_signed_without_any_namespace(result, caf, signer):
    """Cut out, it would hold; but it is no document of the SII's schema."""
    made = document(caf, signer, 1)
    documento = re.search("<Documento.*</Documento>", made, re.DOTALL)[0]
    signature = signer.signature(canonical(documento), "#F1T33")
    (kept,) = result([f'<DTE version="1.0">{documento}{signature}</DTE>'])[1]
    assert "no declara el namespace" in kept["findings"][0]


@pytest.mark.parametrize(
    ("shape", "strictly", "leniently"),
    [
        ("cut out", "accepted", "accepted"),
        ("declared by the DTE", "accepted", "accepted"),
        ("declared, signed without", "rejected", "accepted"),
        ("in place", "rejected", "accepted"),
        ("without xmlns", "rejected", "accepted"),
    ],
)
def test_the_shapes_of_the_xsi_trap(
    simulator, result, caf, signer, shape, strictly, leniently
):
    """As diaries report it, the SII takes each DTE out of the envelope."""
    made = document(caf, signer, 1)
    if shape == "declared by the DTE":
        made = document(caf, signer, 1, attributes=XSI_DECLARED)
    elif shape == "declared, signed without":
        made = made.replace(' version="1.0"', f'{XSI_DECLARED} version="1.0"', 1)
    elif shape in ("in place", "without xmlns"):
        made = document(caf, signer, 1, attributes=XSI_DECLARED)
        made = made.replace(XSI_DECLARED, "", 1)
    if shape == "without xmlns":
        made = made.replace(' xmlns="http://www.sii.cl/SiiDte"', "", 1)
    assert result([made])[1][0]["state"] == strictly
    simulator.store.documents.clear()
    simulator.store.settings.any_shape = True
    assert result([made, document(caf, signer, 2)])[1][0]["state"] == leniently


def test_the_envelope_by_somebody_else(result, other_signer, signer):
    state, _documents = result(1, signer=other_signer)
    assert state == "RFR", "RutEnvia is not the certificate's holder"


def test_a_certificate_that_was_not_in_force(result, server):
    caf = issued(server, days=30)
    expired = Signer(certificates.person(SENDER, days=-10))
    (kept,) = result([document(caf, expired, 1)])[1]
    assert "certificado no vigente" in kept["findings"][0]
    (kept,) = result([document(caf, expired, 2, signed_at=now(-20))])[1]
    assert kept["state"] == "accepted", "in force when it signed"


@pytest.mark.parametrize(
    ("days", "signed_at", "state"),
    [(-10, now(), "RFR"), (-10, now(-20), "EPR"), (365, now(3), "RFR")],
)
def test_when_the_envelope_was_signed(result, days, signed_at, state):
    made = Signer(certificates.person(SENDER, days=days))
    assert result(1, signer=made, signed_at=signed_at)[0] == state


def test_a_document_signed_tomorrow(result):
    (kept,) = result(1, inner={"signed_at": now(3)})[1]
    assert "SIM-3-8" in kept["findings"][0]


@pytest.mark.skipif(not shutil.which("xmlsec1"), reason="xmlsec1 is not installed")
def test_xmlsec1_finds_the_same_of_our_specimens(tmp_path, caf, signer):
    """What these tests call a good signature is one for a third program, too."""
    good = envelope([document(caf, signer, 1)], signer)
    certificate = tmp_path / "c.pem"
    certificate.write_bytes(signer.made.certificate_pem())
    path = tmp_path / "dte.xml"
    for content, expected in ((good, True), (good.replace(b"Log", b"Lag"), False)):
        path.write_bytes(content)
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", certificate]
        command += ["--id-attr:ID", "http://www.sii.cl/SiiDte:SetDTE"]
        command += ["--node-xpath", "/*/*[local-name()='Signature']", path]
        verified = subprocess.run(command, capture_output=True, check=False)
        assert (verified.returncode == 0) is expected, verified.stderr


def test_a_comment_does_no_harm(result, caf, signer):
    made = document(caf, signer, 1).replace("<Documento", "<!-- hola --><Documento")
    made = made.replace("</Documento>", "</Documento><!-- adios -->")
    (kept,) = result([made])[1]
    assert (kept["state"], kept["folio"]) == ("accepted", 1)


def test_the_transform_may_be_the_enveloped_one(result, caf, signer):
    """LibreDTE wrote it for years."""
    enveloped = f"{DSIG}enveloped-signature"

    class Older(Signer):
        def signature(self, digested, uri, transform=enveloped, scope=""):
            return super().signature(digested, uri, transform, scope)

    (kept,) = result([document(caf, Older(signer.made), 1)])[1]
    assert kept["state"] == "accepted", kept["findings"]
