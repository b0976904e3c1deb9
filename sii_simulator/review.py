# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From the bytes of an envelope to what becomes of it and of each document in it.

All of it is worked out at once; `progress` shows it step by step.
"""

import datetime

from . import rut
from .certificates import holder
from .checks import cover, reading, schema, signatures, stamp
from .findings import ACCEPTED, OBJECTED, REJECTED, Finding, state_of
from .store import Document

_DAY = datetime.timedelta(days=1)


def examine(store, authority, sending, root, errors, mode):
    """Fill in `sending.refused`, its errors, and its documents.

    `root` and `errors` are what `schema.errors_of` says of it, `mode` is the modes that
    the upload met.
    """
    try:
        _examine(store, authority, sending, root, errors, mode)
    except reading.Unreadable as error:  # what the schema lets pass
        _refuse(sending, "RSC", [str(error)])


def _examine(store, authority, sending, root, errors, mode):
    if errors:
        return _refuse(sending, "RSC", errors)
    if schema.is_mislabelled(sending.content):
        return _refuse(sending, "RFR", ["bytes UTF-8 bajo encoding ISO-8859-1"])
    problem = envelope_signature(store, root, sending.content)
    if problem:
        return _refuse(sending, "RFR", [problem])
    envelope_set = root.find("s:SetDTE", reading.NAMES)
    company = store.companies.get(sending.company)
    found = list(
        cover.findings(
            envelope_set,
            sending,
            company,
            store.settings.environment,
            store.clock.local_of(sending.received).date(),
        )
    )
    if found:
        return _refuse(sending, "RCT", [str(each) for each in found])
    documents = _documents(store, authority, sending, envelope_set)
    with store.lock:
        return _take(store, sending, documents, mode)


def envelope_signature(store, root, content):
    """What is wrong with the signature of an envelope; None if nothing."""
    envelope_set = root.find("s:SetDTE", reading.NAMES)
    try:
        certificate = signatures.verify(content, envelope_set.get("ID"))
    except signatures.BadSignature as error:
        return f"Firma del envio : {error}"
    return _signer_problem(
        store,
        certificate,
        reading.text(envelope_set, "s:Caratula/s:TmstFirmaEnv"),
        reading.text(envelope_set, "s:Caratula/s:RutEnvia"),
    )


def _signer_problem(store, certificate, signed_at, sender):
    moment = _chilean(store.clock, signed_at)
    if not signatures.holds_at(certificate, moment):
        return f"Certificado no vigente al firmar [{signed_at}]"
    if moment > store.clock.now() + _DAY:
        return str(Finding("SIM-3-8", signed_at))
    named = holder(certificate)
    if named and named != sender:
        return str(Finding("ENV-3-6", f"[{named}] <> [{sender}]"))
    return None


def _chilean(clock, text):
    return clock.aware(reading.moment(text))


def _refuse(sending, state, errors):
    sending.refused, sending.errors = state, errors


def _documents(store, authority, sending, envelope_set):
    encoding = schema.ENCODING
    cuts = reading.cut(sending.content)
    nodes = envelope_set.findall("s:DTE", reading.NAMES)
    documents = []
    for position, (node, cut) in enumerate(zip(nodes, cuts, strict=True)):
        signed = reading.signed_of(node)
        found = _of_signature(store, sending.content, position, cut, signed)
        found += stamp.findings(signed, cut.stamp, encoding, authority)
        found += _of_parties(signed, envelope_set)
        documents.append(_document(store, sending, signed, cut, found))
    return documents


def _of_signature(store, content, position, cut, signed):
    envelope = (content, position) if store.settings.any_shape else None
    try:
        certificate = signatures.verify_document(cut, schema.ENCODING, envelope)
    except signatures.BadSignature as error:
        return [Finding("DTE-3-505", str(error))]
    signed_at = reading.text(signed, "s:TmstFirma")
    moment = _chilean(store.clock, signed_at)
    if not signatures.holds_at(certificate, moment):
        return [Finding("DTE-3-505", f"certificado no vigente al {signed_at}")]
    if moment > store.clock.now() + _DAY:
        return [Finding("SIM-3-8", signed_at)]
    return []


def _of_parties(signed, envelope_set):
    issuer = reading.text(signed, "s:Encabezado/s:Emisor/s:RUTEmisor")
    receiver = reading.text(signed, "s:Encabezado/s:Receptor/s:RUTRecep")
    found = [
        Finding("SIM-3-6", f"[{each}]")
        for each in (issuer, receiver)
        if not rut.is_valid(each)
    ]
    cover_issuer = reading.text(envelope_set, "s:Caratula/s:RutEmisor")
    if issuer != cover_issuer:
        found.append(Finding("SIM-3-7", f"[{issuer}] <> [{cover_issuer}]"))
    return found


def _document(store, sending, signed, cut, found):
    def text(path):
        return reading.text(signed, path)

    path = "d:Signature/d:SignatureValue"
    signature = signed.getparent().findtext(path, "", reading.NAMES)
    return Document(
        issuer=text("s:Encabezado/s:Emisor/s:RUTEmisor"),
        code=reading.number(text("s:Encabezado/s:IdDoc/s:TipoDTE")),
        folio=int(text("s:Encabezado/s:IdDoc/s:Folio")),
        receiver=text("s:Encabezado/s:Receptor/s:RUTRecep"),
        date=text("s:Encabezado/s:IdDoc/s:FchEmis")[:10],
        amount=int(float(text("s:Encabezado/s:Totales/s:MntTotal") or 0)),
        signature="".join(signature.split()),
        content=cut.document,
        received=sending.received,
        track=sending.track,
        findings=found,
        references=[
            (
                reading.text(node, "s:TpoDocRef"),
                reading.number(reading.text(node, "s:FolioRef")),
                reading.text(node, "s:CodRef"),
            )
            for node in signed.iterfind("s:Referencia", reading.NAMES)
        ],
    )


def _take(store, sending, documents, mode):
    """Give each document its state, and its folio to what is accepted; lock held."""
    if any(
        other.content == sending.content and not other.refused
        for other in store.sendings.values()
        if other.track < sending.track
    ):
        store.counters["repeated envelopes"] += 1
        store.counters["repeated documents"] += len(documents)
        store.arrivals.update(document.signature for document in documents)
        return _refuse(sending, "RPT", ["Envio repetido"])
    for position, document in enumerate(documents):
        store.arrivals[document.signature] += 1
        document.findings += _of_folio(store, document)
        document.state = state_of(document.findings)
        if document.state == ACCEPTED:
            _decide(store, document, mode if position == 0 else None)
        store.add(document)
        sending.documents.append(document)
        store.counters[f"documents {document.state}"] += 1
    return None


def _of_folio(store, document):
    if document.key in store.annulled:
        return [Finding("DTE-3-601")]
    before = store.current(document.key)
    if before is None:
        return []
    if before.signature == document.signature:
        if before.state != REJECTED:
            store.counters["repeated documents"] += 1
        return [Finding("DTE-3-100")]
    if before.state == REJECTED and store.settings.reuse_rejected:
        return []
    store.counters["repeated folios"] += 1
    return [Finding("DTE-3-101")]


def _decide(store, document, mode):
    """What an admin call or a mode decided about this document, or the next one."""
    decision = store.fixed.pop(document.key, None)
    if decision is None and store.decisions:
        decision = store.decisions.pop(0)
    if decision is None and mode and mode.get("reject_first"):
        decision = {"state": REJECTED}
    if decision is None and mode and mode.get("object_first"):
        decision = {"state": OBJECTED}
    if not decision or decision.get("state") == ACCEPTED:
        return
    document.state = decision.get("state", REJECTED)
    default = ["DET-2-200"] if document.state == OBJECTED else ["HED-3-861"]
    document.findings += [Finding(code) for code in decision.get("codes") or default]
