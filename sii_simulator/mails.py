# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The mail with the result of an envelope: an XML file (RESULTADO_ENVIO)."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from . import progress
from .findings import STATES


@dataclass(frozen=True)
class Mail:
    track: int
    to: str  # the company's RUT
    subject: str
    content: bytes  # the attached XML, Latin-1


def deliver(store):
    """Write the mails of the envelopes that are done and have none yet."""
    with store.lock:
        for sending in store.sendings.values():
            state = progress.state(store, sending)
            if not sending.finished and progress.is_final(state):
                sending.finished = True
                store.mails.append(_mail(store, sending, state))


def send_again(store, sending):
    """Write the mail of an envelope once more; False if there is none yet."""
    deliver(store)
    with store.lock:
        if sending.finished:
            state = progress.state(store, sending)
            store.mails.append(_mail(store, sending, state))
        return sending.finished


def _mail(store, sending, state):
    local = store.clock.local_of(sending.received)
    parts = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        "<RESULTADO_ENVIO>",
        "<IDENTIFICACION>",
        f"<RUTEMISOR>{sending.company}</RUTEMISOR>",
        f"<RUTENVIA>{sending.sender}</RUTENVIA>",
        f"<TRACKID>{sending.track}</TRACKID>",
        f"<TMSTRECEPCION>{local:%d/%m/%Y %H:%M:%S}</TMSTRECEPCION>",
        f"<ESTADO>{state} - {progress.GLOSSES[state]}</ESTADO>",
        "</IDENTIFICACION>",
        *_statistics(sending),
        *_errors(sending),
        *_reviews(sending),
        "</RESULTADO_ENVIO>",
        "",
    ]
    return Mail(
        sending.track,
        sending.company,
        f"Resultado de Revision Envio {sending.track} - {sending.company}",
        "\n".join(parts).encode("latin-1", "xmlcharrefreplace"),
    )


def _statistics(sending):
    if not sending.documents:
        return
    yield "<ESTADISTICA>"
    for code, numbers in progress.counts(sending).items():
        yield f"<SUBTOTAL><TIPODOC>{code}</TIPODOC>"
        names = ("INFORMADO", "ACEPTA", "RECHAZO", "REPARO")
        for name, number in zip(names, numbers, strict=True):
            if number:
                yield f"<{name}>{number}</{name}>"
        yield "</SUBTOTAL>"
    yield "</ESTADISTICA>"


def _errors(sending):
    if sending.errors:
        yield "<ERRORENVIO>"
        for error in sending.errors:
            yield f"<DETERRENVIO>{escape(error)}</DETERRENVIO>"
        yield "</ERRORENVIO>"


def _reviews(sending):
    reviewed = [each for each in sending.documents if each.findings]
    if reviewed:
        yield "<REVISIONENVIO>"
        for document in reviewed:
            yield "<REVISIONDTE>"
            yield f"<FOLIO>{document.folio}</FOLIO>"
            yield f"<TIPODTE>{document.code}</TIPODTE>"
            yield f"<ESTADO>{STATES[document.state]}</ESTADO>"
            for finding in document.findings:
                yield f"<DETALLE>{escape(str(finding))}</DETALLE>"
            yield "</REVISIONDTE>"
        yield "</REVISIONENVIO>"
