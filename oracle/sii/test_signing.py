# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What we stamp and sign, as the SII's schema, xmlsec1 and `cl-sii` judge it."""

import base64
import copy
import datetime
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from cl_sii.dte import parse as cl_sii_parse
from cl_sii.libs import xml_utils
from conftest import NOW
from cryptography import x509
from documents import RECEPTOR, document, documents, line
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from lxml import etree
from sii_demo import authority as stand_in
from sii_tools import (
    certificate,
    envelope,
    errors,
    rehearsal,
    rsa_sha1,
    signature,
    stamp,
)
from sii_tools.xml import DSIG, SII, without_declaration
from tools.dte import rules
from tools.dte.document import KNOWN_TYPES, NOTES
from tools.dte.texts import fit
from tools.dte.xml import as_xml

CODES = KNOWN_TYPES
XMLSEC = shutil.which("xmlsec1")
NO_XMLSEC = "xmlsec1 is not installed: apt-get install xmlsec1"
ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def sign(caf_of, signer):
    def sign(given, time=NOW):
        caf = caf_of(given.TipoDTE)
        content, ted = stamp.stamp(as_xml(given), caf, caf.load_key(), time)
        return signature.sign_dte(content, signer), ted

    return sign


@pytest.fixture
def xmlsec(tmp_path):
    """What xmlsec1 says of the signature in a file, over an element of that name."""
    if not XMLSEC:
        pytest.skip(NO_XMLSEC)

    def check(content, element, node="/*/*[local-name()='Signature']"):
        path = tmp_path / "signed.xml"
        path.write_bytes(content)
        command = [
            *(XMLSEC, "--verify", "--insecure", "--id-attr:ID", f"{SII}:{element}"),
            *("--node-xpath", node, str(path)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode == 0

    return check


def cover(**values):
    return envelope.Cover(
        **{
            "issuer": "76101010-7",
            "sender": stand_in.HOLDER,
            "resolution_date": datetime.date(2014, 8, 22),
            "resolution_number": 80,
            **values,
        }
    )


def judge(content, schema):
    """Parse a file and hold it against a schema; return its root."""
    root = etree.fromstring(content)
    assert schema.validate(root), schema.error_log
    return root


# === One document === #


@pytest.mark.parametrize("code", CODES)
def test_a_document_of_each_type_is_good_for_all(
    code, sign, official_dte, xmlsec, signer
):
    given_document = document(code)
    content, ted = sign(given_document)
    judge(content, official_dte)
    assert xmlsec(content, "Documento")
    assert signature.verify(content) == {f"F4187T{code}": signer.certificate}
    stamp.verify(content)
    root = xml_utils.parse_untrusted_xml(content)
    xml_utils.verify_xml_signature(root, trusted_x509_cert=signer.certificate)
    data = cl_sii_parse.parse_dte_xml(root)
    assert (str(data.tipo_dte.value), data.folio) == (code, 4187)
    assert data.monto_total == given_document.MntTotal
    assert content.count(ted) == 1


def test_nothing_but_the_stamp_and_the_signature_is_added(sign):
    unsigned = as_xml(document("33"))
    content, ted = sign(document("33"))
    added = re.compile(
        rb"%s\n<TmstFirma>2026-03-02T12:30:05</TmstFirma>\n|\n<Signature.*</Signature>"
        % re.escape(ted),
        re.DOTALL,
    )
    assert added.sub(b"", content) == unsigned


def test_the_stamp_is_what_the_manual_says(sign, caf_of):
    _content, ted = sign(document("33"))
    assert ted.startswith(
        '<TED version="1.0"><DD><RE>76101010-7</RE><TD>33</TD><F>4187</F>'
        "<FE>2026-03-02</FE><RR>76202020-3</RR><RSR>Viña Piedra Torcaza SpA</RSR>"
        '<MNT>119000</MNT><IT1>Flete</IT1><CAF version="1.0"><DA>'.encode("latin-1")
    )
    assert caf_of("33").node in ted
    end = b'</CAF><TSTED>2026-03-02T12:30:05</TSTED></DD><FRMT algoritmo="SHA1withRSA">'
    assert end in ted
    assert b"\n" not in ted
    assert b"xmlns" not in ted


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("A & B <\"'>", "A &amp; B &lt;&quot;&apos;&gt;"),
        ("x" * 41, "x" * 40),
        # Cut first, then trimmed, and only then escaped.
        ("x" * 39 + " & y", "x" * 39),
        ("&" * 50, "&amp;" * 40),
        ("Ñandú – ñ", None),
        ("  Ñandú  ", "Ñandú"),
    ],
)
def test_texts_in_the_stamp_are_cut_trimmed_and_escaped(name, written, sign):
    given_document = document(
        lines=[line(NmbItem=name)], Receptor=replace(RECEPTOR, RznSocRecep=name)
    )
    content, ted = sign(given_document)
    said = stamp.read(content)
    assert said.RSR == said.IT1
    if written is not None:
        assert f"<IT1>{written}</IT1>".encode("latin-1") in ted
    stamp.verify(content)


def test_line_ends_in_a_text_become_spaces():
    """A parser would change them, and the signature is over bytes."""
    content = as_xml(document()).replace(
        b"<NmbItem>Flete", b"<NmbItem>Flete\r\nde\tcarga &#13;"
    )
    assert stamp.facts(content).IT1 == "Flete de carga"


def test_a_receiver_without_a_name_is_its_rut(caf_of):
    content = as_xml(document()).replace(
        "<RznSocRecep>Viña Piedra Torcaza SpA</RznSocRecep>".encode("latin-1"), b""
    )
    assert stamp.facts(content).RSR == "76202020-3"


def test_a_folio_or_a_type_that_the_caf_has_not_is_not_stamped(caf_of, authority):
    caf = stamp.cafs.parse(authority.caf("76101010-7", "33", 1, 9, NOW.date()))
    with pytest.raises(errors.FolioOutOfRange):
        stamp.stamp(as_xml(document()), caf, caf.load_key(), NOW)
    with pytest.raises(errors.CafOfAnotherType):
        stamp.stamp(as_xml(document("34")), caf, caf.load_key(), NOW)


def test_what_is_signed_is_not_stamped_or_signed_again(sign, caf_of, signer):
    content, _ted = sign(document())
    caf = caf_of("33")
    with pytest.raises(errors.AlreadyStamped):
        stamp.stamp(content, caf, caf.load_key(), NOW)
    with pytest.raises(errors.DocumentUnreadable):
        signature.sign_dte(content, signer)


@pytest.mark.parametrize(
    "content", [b"", b"<DTE/>", b"<Documento ", b"</Documento>", b"\x00" * 99]
)
def test_what_is_no_document_is_refused(content, caf_of, signer):
    caf = caf_of("33")
    for refused in (
        lambda: stamp.stamp(content, caf, caf.load_key(), NOW),
        lambda: signature.sign_dte(content, signer),
        lambda: signature.verify(content),
        lambda: stamp.verify(content),
        lambda: envelope.build([content], cover(), NOW),
    ):
        with pytest.raises(errors.DocumentUnreadable):
            refused()


# === The envelope === #


def test_an_envelope_of_all_types_is_good_for_all(sign, signer, official, xmlsec):
    signed = [sign(document(code))[0] for code in CODES]
    unsigned = envelope.build(signed, cover(), NOW)
    content = signature.sign_envelope(unsigned, signer)
    content.decode("latin-1")
    root = judge(content, official)
    found = signature.verify(content)
    assert list(found) == [f"F4187T{code}" for code in CODES] + ["SetDoc"]
    assert xmlsec(content, "SetDTE")
    assert root.findtext(f".//{{{SII}}}NroResol") == "80"
    assert [
        (each.findtext(f"{{{SII}}}TpoDTE"), each.findtext(f"{{{SII}}}NroDTE"))
        for each in root.iter(f"{{{SII}}}SubTotDTE")
    ] == [(code, "1") for code in sorted(CODES, key=int)]
    # What was signed alone is in it, byte for byte.
    for each in signed:
        assert without_declaration(each).strip() in content
    assert content.count(b"<?xml") == 1


def test_an_inner_document_is_good_when_it_is_cut_out(sign, signer, xmlsec):
    signed, _ted = sign(document())
    content = signature.sign_envelope(envelope.build([signed], cover(), NOW), signer)
    start, end = content.index(b"<DTE"), content.index(b"</DTE>") + len(b"</DTE>")
    alone = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n' + content[start:end]
    assert xmlsec(alone, "Documento")
    assert signature.verify(alone)


def test_an_envelope_for_the_customer_names_the_customer(sign, signer, official):
    signed, _ted = sign(document())
    given_cover = cover(receiver="76202020-3", resolution_number=0)
    unsigned = envelope.build([signed], given_cover, NOW)
    root = judge(signature.sign_envelope(unsigned, signer), official)
    assert root.findtext(f".//{{{SII}}}RutReceptor") == "76202020-3"
    assert root.findtext(f".//{{{SII}}}NroResol") == "0"


@pytest.mark.parametrize("count", [0, envelope.MAX_DOCUMENTS + 1])
def test_an_envelope_has_from_1_to_2000_documents(count, sign):
    with pytest.raises(errors.DocumentUnreadable):
        envelope.build([b"<DTE><TipoDTE>33</TipoDTE></DTE>"] * count, cover(), NOW)


# === What others sign === #


def signed_by_another(signer, xsi, transform, exclusive=False):
    """A document in an envelope, signed in place by another program: here xmlsec1."""
    namespace = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"' if xsi else ""
    method = signature.EXCLUSIVE if exclusive else signature.C14N
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<DTE xmlns="{SII}"{namespace} '
        f'version="1.0">\n<Documento ID="F1T33"><Encabezado>Ñandú</Encabezado>'
        f'</Documento><Signature xmlns="{DSIG}"><SignedInfo>'
        f'<CanonicalizationMethod Algorithm="{method}"/>'
        f'<SignatureMethod Algorithm="{signature.RSA_SHA1}"/><Reference URI="#F1T33">'
        f'<Transforms><Transform Algorithm="{transform}"/></Transforms>'
        f'<DigestMethod Algorithm="{signature.SHA1}"/><DigestValue/></Reference>'
        "</SignedInfo><SignatureValue/><KeyInfo><KeyValue/><X509Data>"
        "<X509Certificate/></X509Data></KeyInfo></Signature></DTE>"
    ).encode("latin-1")


@pytest.mark.parametrize("xsi", [False, True])
@pytest.mark.parametrize(
    ("transform", "exclusive"),
    [
        (signature.C14N, False),
        (signature.ENVELOPED, False),
        (signature.EXCLUSIVE, True),
    ],
)
def test_what_xmlsec_signs_is_verified(xsi, transform, exclusive, tmp_path, signer):
    if not XMLSEC:
        pytest.skip(NO_XMLSEC)
    path = tmp_path / "template.xml"
    path.write_bytes(signed_by_another(signer, xsi, transform, exclusive))
    encoding = stand_in.serialization
    (tmp_path / "key.pem").write_bytes(
        signer.key.private_bytes(
            encoding.Encoding.PEM,
            encoding.PrivateFormat.PKCS8,
            encoding.NoEncryption(),
        )
    )
    (tmp_path / "certificate.pem").write_bytes(
        signer.certificate.public_bytes(encoding.Encoding.PEM)
    )
    content = subprocess.run(
        [
            *(XMLSEC, "--sign", "--id-attr:ID", f"{SII}:Documento"),
            *("--privkey-pem", f"{tmp_path}/key.pem,{tmp_path}/certificate.pem"),
            str(path),
        ],
        capture_output=True,
        check=True,
    ).stdout
    assert signature.verify(content) == {"F1T33": signer.certificate}
    with pytest.raises(errors.SignatureBroken):
        signature.verify(content.replace("Ñandú".encode("latin-1"), b"Nandu"))


def test_a_signature_of_another_element_does_not_count(sign, signer):
    """The signed element may be there, but not where the document is read."""
    content, _ted = sign(document())
    start, end = content.index(b"<Documento"), content.index(b"</Documento>") + 12
    real = content[start:end]
    forged = real.replace(b'ID="F4187T33"', b'ID="X"').replace(b">119000<", b">9<")
    for wrapped in (
        content.replace(real, forged),
        content.replace(real, forged + real),
        content.replace(real, real + forged),
        content.replace(
            b"</KeyInfo>", b"<Object>" + real + b"</Object></KeyInfo>"
        ).replace(real, forged, 1),
        content.replace(b"</DTE>", content[end:].strip()[:-6] + b"</DTE>"),
    ):
        assert wrapped != content
        with pytest.raises((errors.SignatureBroken, errors.DocumentUnreadable)):
            signature.verify(wrapped)


def signed_again(content, signer, change):
    """A file whose `SignedInfo` was changed by the owner of the key himself."""
    root = etree.fromstring(content)
    [info] = root.iter(f"{{{DSIG}}}SignedInfo")
    change(info)
    alone = etree.fromstring(etree.tostring(info, with_tail=False))
    value = rsa_sha1.sign(signer.key, etree.tostring(alone, method="c14n"))
    info.getnext().text = base64.b64encode(value).decode()
    return etree.tostring(root, encoding="ISO-8859-1")


def set_attribute(name, attribute, value):
    def change(info):
        info.find(f".//{{{DSIG}}}{name}").set(attribute, value)

    return change


def test_a_weaker_way_to_sign_does_not_count(sign, signer):
    """Although the owner of the certificate signed that it was signed so."""
    content, _ted = sign(document())
    kept = signed_again(content, signer, lambda info: None)
    assert signature.verify(kept) == {"F4187T33": signer.certificate}
    for change in (
        set_attribute("SignatureMethod", "Algorithm", f"{DSIG}hmac-sha1"),
        set_attribute("DigestMethod", "Algorithm", f"{DSIG}md5"),
        set_attribute("Reference", "URI", ""),
        set_attribute("Reference", "URI", "#SetDoc"),
        set_attribute("Reference", "URI", "http://127.0.0.1:9/x"),
        set_attribute("Transform", "Algorithm", "http://www.w3.org/TR/xpath"),
        lambda info: info.append(copy.deepcopy(info.find(f"{{{DSIG}}}Reference"))),
    ):
        with pytest.raises(errors.SignatureBroken):
            signature.verify(signed_again(content, signer, change))


def test_a_key_beside_the_certificate_is_the_certificates(sign):
    """Others read the one or the other: a file must not say two things."""
    content, _ted = sign(document())
    root = etree.fromstring(content)
    root.find(f".//{{{DSIG}}}Exponent").text = "Aw=="
    with pytest.raises(errors.SignatureBroken):
        signature.verify(etree.tostring(root, encoding="ISO-8859-1"))


def test_two_elements_of_one_id_are_none(sign, signer):
    signed, _ted = sign(document())
    twice = envelope.build([signed, signed], cover(), NOW)
    with pytest.raises(errors.DocumentUnreadable):
        signature.verify(signature.sign_envelope(twice, signer))


def test_a_signature_that_is_elsewhere_does_not_count(sign):
    """What is beside the key is signed by nobody, and could sign what it likes."""
    content, _ted = sign(document())
    start, end = content.index(b"<Signature"), content.index(b"</Signature>") + 12
    inner = b'<Object ID="Y"></Object>' + content[start:end]
    with pytest.raises(errors.DocumentUnreadable):
        signature.verify(content.replace(b"</KeyInfo>", inner + b"</KeyInfo>", 1))


@pytest.mark.parametrize(
    "part",
    [
        *("MntTotal", "DigestValue", "SignatureValue"),
        *("Modulus", "Exponent", "X509Certificate"),
    ],
)
def test_each_part_of_a_signed_file_counts(part, sign, signer):
    """And so does what is signed: the same file, with that part of another's."""
    content, _ted = sign(document())
    other_signer = signature.Signer(*stand_in.certificate(now=MOMENT))
    end = content.index(b"\n<Signature")
    unsigned = content[:end].replace(b">119000<", b">9<") + b"\n</DTE>\n"
    other = signature.sign_dte(unsigned, other_signer)
    pattern = re.compile(rb"<%b>[^<]*</%b>" % (part.encode(), part.encode()))
    taken = pattern.search(other)[0]
    if part == "Exponent":  # all have the same
        taken = b"<Exponent>Aw==</Exponent>"
    forged = pattern.sub(taken, content)
    assert forged != content
    with pytest.raises(errors.SignatureBroken):
        signature.verify(forged)


# === The login === #


def test_a_signed_seed_is_good_for_xmlsec(signer, xmlsec):
    content = signature.sign_seed("012345678901", signer)
    assert b"<Semilla>012345678901</Semilla>" in content
    assert xmlsec(content, "getToken")
    assert not xmlsec(content.replace(b"8901</", b"8902</"), "getToken")


# === Any document === #


def translate(text, /, **values):
    return text % values if values else text


@ANY
@given(given_document=documents())
def test_any_document_that_passes_the_rules_is_signed_and_read_back(
    sign, official, official_dte, signer, given_document
):
    findings = rules.check(given_document, NOW.date(), translate)
    assume(not any(each.severity == rules.ERROR for each in findings))
    event(given_document.TipoDTE)
    content, ted = sign(given_document)
    judge(content, official_dte)
    assert list(signature.verify(content).values()) == [signer.certificate]
    stamp.verify(content)
    said = stamp.read(ted)
    fitted, _cuts = fit(given_document)
    assert (said.F, said.TD) == (fitted.Folio, fitted.TipoDTE)
    assert (said.MNT, said.RR) == (fitted.MntTotal, fitted.Receptor.RUTRecep)
    # It wants a code on each reference of a note; those to an order or a test case of
    # the SII's have none.
    if fitted.TipoDTE not in NOTES or all(r.CodRef for r in fitted.Referencia):
        data = cl_sii_parse.parse_dte_xml(xml_utils.parse_untrusted_xml(content))
        assert data.monto_total == fitted.MntTotal
    # The rehearsal says the same of it, without a CAF and a certificate.
    rehearsed = rehearsal.rehearse(as_xml(given_document), cover(), NOW)
    judge(rehearsed.envelope, official)
    assert list(signature.verify(rehearsed.envelope))[1] == "SetDoc"


def test_the_rehearsal_finds_what_the_schema_refuses(official):
    """A RUT without its digit passes no schema, signed or not."""
    content = as_xml(document()).replace(b"76202020-3", b"76202020")
    rehearsed = rehearsal.rehearse(content, cover(), NOW)
    assert not official.validate(etree.fromstring(rehearsed.envelope))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_bit_changed_afterwards_is_noticed(sign, place, bit):
    content, _ted = sign(document(lines=[line(NmbItem="Ñandú \"&' <x>")]))
    # What is signed, and the signature. The rest of a file is held by its sha256.
    start = content.index(b"<Documento")
    end = content.index(b"</SignatureValue>")
    position = start + int(place * (end - start))
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    with pytest.raises((errors.SignatureBroken, errors.DocumentUnreadable)):
        signature.verify(bytes(changed))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_bit_of_a_stamp_that_is_changed_is_noticed(sign, place, bit):
    _content, ted = sign(document(lines=[line(NmbItem="Ñandú \"&' <x>")]))
    start, end = ted.index(b"<DD>"), ted.index(b"</DD>")
    position = start + int(place * (end - start))
    changed = bytearray(ted)
    changed[position] ^= 1 << bit
    with pytest.raises((errors.SignatureBroken, errors.DocumentUnreadable)):
        stamp.read(bytes(changed))


# === The certificate === #


MOMENT = datetime.datetime(2026, 3, 2, 15, 0, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("place", "rut"), [("san", "11111111-1"), ("subject", "11111111-1"), ("none", None)]
)
def test_the_holders_rut_is_found_where_it_stands(place, rut, signer):
    _key, signed = stand_in.certificate(key=signer.key, place=place, now=MOMENT)
    assert certificate.holder_rut(signed) == rut


def test_a_number_that_is_no_rut_is_not_taken_for_one(signer):
    for holder in ("11111111-2", "hello", "ABC123456789"):
        for place in ("san", "subject"):
            _key, signed = stand_in.certificate(holder, signer.key, place, now=MOMENT)
            assert certificate.holder_rut(signed) is None


def test_a_pfx_is_opened_by_its_password(signer):
    content = stand_in.pfx(signer.key, signer.certificate, "señal")
    found = certificate.load(content, "señal", NOW.astimezone())
    assert found.certificate == signer.certificate
    for password in ("senal", "", None):
        with pytest.raises(errors.CertificatePasswordWrong):
            certificate.load(content, password, NOW.astimezone())
    free = stand_in.pfx(signer.key, signer.certificate, "")
    assert certificate.load(free, "", NOW.astimezone()).key


def test_what_is_no_pfx_says_what_it_is(signer):
    pem = signer.certificate.public_bytes(stand_in.serialization.Encoding.PEM)
    der = signer.certificate.public_bytes(stand_in.serialization.Encoding.DER)
    for content, error in (
        (b"", errors.CertificateUnreadable),
        (b"\x89PNG", errors.CertificateUnreadable),
        (b"0" * 2**17, errors.CertificateUnreadable),
        (pem, errors.CertificateWithoutKey),
        (der, errors.CertificateWithoutKey),
        (
            stand_in.pfx(signer.key, signer.certificate)[:-300],
            errors.CertificatePasswordWrong,
        ),
    ):
        with pytest.raises(error):
            certificate.load(content, "clave", NOW.astimezone())


def test_a_certificate_that_ended_or_is_to_come_is_refused(signer):
    for days, now in ((-1, MOMENT), (365, MOMENT - datetime.timedelta(days=1000))):
        key, signed = stand_in.certificate(key=signer.key, days=days, now=MOMENT)
        with pytest.raises(errors.CertificateNotValidNow):
            certificate.load(stand_in.pfx(key, signed), "clave", now)


def test_a_key_that_is_no_rsa_is_refused():
    key = stand_in.ec_key()
    key, signed = stand_in.certificate(key=key, now=MOMENT)
    with pytest.raises(errors.CertificateNotRsa):
        certificate.load(stand_in.pfx(key, signed), "clave", MOMENT)


def test_a_small_old_certificate_signs_too(caf_of):
    key, signed = stand_in.certificate(
        key=stand_in.rsa.generate_private_key(65537, 1024), now=MOMENT
    )
    signer = certificate.load(stand_in.pfx(key, signed), "clave", MOMENT)
    caf = caf_of("33")
    content, _ted = stamp.stamp(as_xml(document()), caf, caf.load_key(), NOW)
    found = signature.verify(signature.sign_dte(content, signer))
    assert isinstance(found["F4187T33"], x509.Certificate)
    assert "key" not in repr(signer)
