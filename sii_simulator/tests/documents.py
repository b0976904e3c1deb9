# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Documents and envelopes to send, stamped and signed with means of these tests only:
lxml's canonical form and cryptography's RSA."""

import base64
import hashlib
import re
from datetime import datetime, timedelta, timezone

import pytz
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

ISSUER, RECEIVER, SENDER = "76101010-7", "76202020-3", "12345678-5"
SII = "http://www.sii.cl/SiiDte"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = f"{DSIG}enveloped-signature"
CHILE = pytz.timezone("America/Santiago")


def now(days=0):
    """The moment in Chile, `days` from now, as documents write it."""
    moment = datetime.now(timezone.utc) + timedelta(days=days)
    return moment.astimezone(CHILE).strftime("%Y-%m-%dT%H:%M:%S")


def canonical(xml):
    """The canonical form of a document of its own (text or bytes)."""
    if isinstance(xml, str):
        xml = xml.encode("utf-8")
    return etree.tostring(etree.fromstring(xml), method="c14n", with_comments=False)


class Signer:
    """Signs with a certificate's key, as `certificates.person()` makes them."""

    def __init__(self, made):
        self.made = made
        self.numbers = made.key.public_key().public_numbers()

    def sign(self, content):
        value = self.made.key.sign(content, padding.PKCS1v15(), hashes.SHA1())
        return _lines(value)

    def signature(self, digested, uri, transform=C14N, scope=""):
        """The Signature (text) for `digested`, the canonical bytes of what is signed.

        `scope` are namespaces in force where it will stand.
        """
        digest = base64.b64encode(hashlib.sha1(digested).digest()).decode()
        info = (
            f'<SignedInfo><CanonicalizationMethod Algorithm="{C14N}"/>'
            f'<SignatureMethod Algorithm="{DSIG}rsa-sha1"/>'
            f'<Reference URI="{uri}"><Transforms><Transform Algorithm="{transform}"/>'
            f'</Transforms><DigestMethod Algorithm="{DSIG}sha1"/>'
            f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
        )
        scoped = info.replace("<SignedInfo", f'<SignedInfo xmlns="{DSIG}"{scope}', 1)
        certificate = self.made.certificate.public_bytes(serialization.Encoding.DER)
        n, e = (
            value.to_bytes((value.bit_length() + 7) // 8, "big")
            for value in (self.numbers.n, self.numbers.e)
        )
        return (
            f'<Signature xmlns="{DSIG}">{info}<SignatureValue>'
            f"{self.sign(canonical(scoped))}</SignatureValue><KeyInfo><KeyValue>"
            f"<RSAKeyValue><Modulus>{_lines(n)}</Modulus><Exponent>{_lines(e)}"
            "</Exponent></RSAKeyValue></KeyValue><X509Data><X509Certificate>"
            f"{_lines(certificate)}</X509Certificate></X509Data></KeyInfo></Signature>"
        )

    def seed(self, seed):
        """The signed getToken for a seed (text)."""
        inner = f"<item><Semilla>{seed}</Semilla></item>"
        digested = canonical(f"<getToken>{inner}</getToken>")
        signature = self.signature(digested, "", ENVELOPED)
        return f'<?xml version="1.0"?><getToken>{inner}{signature}</getToken>'


class Caf:
    """A file of folios, as the counter issues it."""

    def __init__(self, content):
        self.text = content.decode("latin-1")
        self.node = re.sub(r">\s+<", "><", self._between("CAF", '<CAF version="1.0">'))
        pem = self._between("RSASK", "<RSASK>")[len("<RSASK>") : -len("</RSASK>")]
        self.key = serialization.load_pem_private_key(pem.strip().encode(), None)

    def _between(self, tag, start):
        end = f"</{tag}>"
        return self.text[self.text.index(start) : self.text.index(end) + len(end)]


def stamp(caf, data):
    """The TED over the DD whose inner text is `data`."""
    dd = f"<DD>{data}</DD>"
    value = caf.key.sign(dd.encode("latin-1"), padding.PKCS1v15(), hashes.SHA1())
    return (
        f'<TED version="1.0">{dd}<FRMT algoritmo="SHA1withRSA">'
        f"{base64.b64encode(value).decode()}</FRMT></TED>"
    )


def document(caf, signer, folio, **given):
    """A signed invoice (text): what is `given` replaces what is right.

    `code`, `issuer`, `receiver`, `name`, `date`, `signed_at`, `amount`, `item`,
    `reference`; `data` changes the text of DD before it is stamped, `stamped` the TED
    after it, `unsigned` the Documento before it is signed, `attributes` the DTE's own.
    """
    values = {
        "code": "33",
        "issuer": ISSUER,
        "receiver": RECEIVER,
        "name": "Viña Piedra Torcaza &amp; Cía",
        "date": now()[:10],
        "signed_at": now(),
        "item": "Flete a Ñuñoa",
        "reference": "",
        "amount": 119000,
        **given,
    }
    same = given.get("data", str)
    data = same(
        "<RE>{issuer}</RE><TD>{code}</TD><F>{folio}</F><FE>{date}</FE>"
        "<RR>{receiver}</RR><RSR>{name}</RSR><MNT>{amount}</MNT><IT1>{item}</IT1>"
        "{caf}<TSTED>{signed_at}</TSTED>".format(folio=folio, caf=caf.node, **values)
    )
    ted = given.get("stamped", str)(stamp(caf, data))
    identity = f"F{folio}T{values['code']}"
    inner = _documento(identity, folio, ted, values)
    inner = given.get("unsigned", str)(inner)
    scope = given.get("attributes", "")
    alone = re.sub(r"^<\w+", rf'\g<0> xmlns="{SII}"{scope}', inner)
    signature = signer.signature(canonical(alone), f"#{identity}", scope=scope)
    return f'<DTE xmlns="{SII}"{scope} version="1.0">{inner}{signature}</DTE>'


def _documento(identity, folio, ted, values):
    net = round(values["amount"] / 1.19)
    return (
        '<Documento ID="{identity}"><Encabezado><IdDoc><TipoDTE>{code}</TipoDTE>'
        "<Folio>{folio}</Folio><FchEmis>{date}</FchEmis></IdDoc><Emisor>"
        "<RUTEmisor>{issuer}</RUTEmisor><RznSoc>Logística Peñalmira SpA</RznSoc>"
        "<GiroEmis>Transporte</GiroEmis><Acteco>492300</Acteco><DirOrigen>Aromos 4210"
        "</DirOrigen><CmnaOrigen>Quilicura</CmnaOrigen></Emisor><Receptor>"
        "<RUTRecep>{receiver}</RUTRecep><RznSocRecep>{name}</RznSocRecep>"
        "<GiroRecep>Vinos</GiroRecep><DirRecep>Fundo La Torcaza</DirRecep>"
        "<CmnaRecep>Santa Cruz</CmnaRecep></Receptor><Totales><MntNeto>{net}</MntNeto>"
        "<TasaIVA>19</TasaIVA><IVA>{iva}</IVA><MntTotal>{amount}</MntTotal></Totales>"
        "</Encabezado><Detalle><NroLinDet>1</NroLinDet><NmbItem>{item}</NmbItem>"
        "<QtyItem>1</QtyItem><PrcItem>{net}</PrcItem><MontoItem>{net}</MontoItem>"
        "</Detalle>{reference}{ted}<TmstFirma>{signed_at}</TmstFirma></Documento>"
    ).format(
        identity=identity,
        folio=folio,
        ted=ted,
        net=net,
        iva=values["amount"] - net,
        **values,
    )


def note(caf, signer, folio, target, reason, code="61", **given):
    """A note that refers to the invoice number `target` with that CodRef."""
    reference = (
        "<Referencia><NroLinRef>1</NroLinRef><TpoDocRef>33</TpoDocRef>"
        f"<FolioRef>{target}</FolioRef><FchRef>{now()[:10]}</FchRef>"
        f"<CodRef>{reason}</CodRef></Referencia>"
    )
    return document(caf, signer, folio, code=code, reference=reference, **given)


def envelope(documents, signer, **given):
    """An EnvioDTE (bytes, Latin-1): what is `given` replaces what is right.

    `issuer`, `sender`, `receiver`, `resolution` (date, number), `subtotals`,
    `unsigned` changes the SetDTE before it is signed, `root` the attributes, `name`
    and `schema` the root and what it names.
    """
    name = given.get("name", "EnvioDTE")
    codes = re.findall(r"<TipoDTE>(\d+)</TipoDTE>", "".join(documents))
    counted = [(code, codes.count(code)) for code in dict.fromkeys(codes)]
    subtotals = given.get("subtotals", counted)
    day, number = given.get("resolution", ("2026-01-15", 0))
    cover = (
        f'<Caratula version="1.0"><RutEmisor>{given.get("issuer", ISSUER)}</RutEmisor>'
        f"<RutEnvia>{given.get('sender', SENDER)}</RutEnvia>"
        f"<RutReceptor>{given.get('receiver', '60803000-K')}</RutReceptor>"
        f"<FchResol>{day}</FchResol><NroResol>{number}</NroResol>"
        f"<TmstFirmaEnv>{given.get('signed_at', now())}</TmstFirmaEnv>"
        + "".join(
            f"<SubTotDTE><TpoDTE>{code}</TpoDTE><NroDTE>{count}</NroDTE></SubTotDTE>"
            for code, count in subtotals
        )
        + "</Caratula>"
    )
    inner = f'<SetDTE ID="SetDoc">{cover}{"".join(documents)}</SetDTE>'
    inner = given.get("unsigned", str)(inner)
    xsi = f' xmlns:xsi="{XSI}"'
    schema = given.get("schema", "EnvioDTE_v10.xsd")
    located = f' xsi:schemaLocation="{SII} {schema}"'
    root = given.get("root", xsi + located)
    scope = xsi if xsi in root else ""
    alone = inner.replace("<SetDTE", f'<SetDTE xmlns="{SII}"{scope}', 1)
    signature = signer.signature(canonical(alone), "#SetDoc", scope=scope)
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        f'<{name} xmlns="{SII}"{root} version="1.0">{inner}{signature}</{name}>'
    ).encode("latin-1")


def _lines(value):
    text = base64.b64encode(value).decode()
    return "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
