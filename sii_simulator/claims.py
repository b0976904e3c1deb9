# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The register of acceptance and claims (law 19.983), a SOAP service of its own."""

import datetime
from dataclasses import dataclass
from xml.sax.saxutils import escape

from . import rut, soap
from .findings import REJECTED
from .wire import Answer

NAMESPACE = "http://ws.registroreclamodte.diii.sdi.sii.cl"
PATHS = (
    "/WSREGISTRORECLAMODTE/registroreclamodteservice",
    "/WSREGISTRORECLAMODTECERT/registroreclamodteservice",
)
TYPES = ("33", "34", "43")
ACCEPTANCES = {
    "ACD": "Acepta Contenido del Documento",
    "ERM": "Otorga Recibo de Mercaderias o Servicios",
}
CLAIMS = {
    "RCD": "Reclamo al Contenido del Documento",
    "RFP": "Reclamo por Falta Parcial de Mercaderias",
    "RFT": "Reclamo por Falta Total de Mercaderias",
}
# A credit note that annuls, and another one.
NOTES = {
    True: ("NCA", "Recepcion de NC de anulacion que referencia al documento"),
    False: ("ENC", "Recepcion de NC, distinta de anulacion, que referencia"),
}
TIME = datetime.timedelta(days=8)  # running days, to the second
_TEXTS = {
    0: "Accion Completada OK",
    2: "Tipo de documento no corresponde",
    3: "Folio no valido",
    4: "Accion no valida",
    5: "Documento ya fue reclamado",
    6: "Documento ya fue aceptado",
    7: "Evento registrado previamente",
    8: "Pasados 8 dias despues de la recepcion no es posible registrar eventos",
    10: "Documento no existe en el SII",
    14: "El usuario no representa al receptor del documento",
    15: "Listado de eventos del documento",
    16: "El documento no tiene eventos registrados",
    20: "Documento no existe, no cedible",
    21: "Documento no cedible: sin acuse y dentro de 8 dias",
    22: "Documento no cedible: anulado por nota de credito",
    23: "Documento cedible",
    24: "Documento no cedible: reclamado",
    25: "Documento cedible: pasados 8 dias sin reclamo",
}
_DOCUMENT = ["rutEmisor", "dvEmisor", "tipoDoc", "folio"]
CALLS = {
    "ingresarAceptacionReclamoDoc": [*_DOCUMENT, "accionDoc"],
    "listarEventosHistDoc": _DOCUMENT,
    "consultarDocDteCedible": _DOCUMENT,
    "consultarFechaRecepcionSii": _DOCUMENT,
}


@dataclass(frozen=True)
class Event:
    code: str
    by: str  # RUT
    at: datetime.datetime


class Claims:
    def __init__(self, store):
        self.store = store

    def answer(self, request, holder):
        """The `Answer` to a call by a user whose certificate has the RUT `holder`."""
        try:
            method, values = self._read(request.body)
        except soap.Fault as error:
            return Answer(500, soap.fault(str(error)))
        with self.store.lock:
            inner = getattr(self, f"_{method}")(values, holder)
        return Answer(200, _envelope(method, inner))

    @staticmethod
    def _read(body):
        for method, names in CALLS.items():
            try:
                return method, soap.read_call(body, method, names)
            except soap.WrongMethod:
                continue
        raise soap.Fault("No such operation")

    # === The calls ===

    def _ingresarAceptacionReclamoDoc(self, values, holder):
        code = self._problem(values, holder)
        if code:
            return _result(code)
        document = self._document(values)
        return _result(self.register(document, values["accionDoc"], holder or ""))

    def _listarEventosHistDoc(self, values, _holder):
        document = self._document(values)
        events = self.events(document) if document else []
        return _result(
            15 if events else 16,
            "".join(
                "<listaEventosDoc>"
                f"<codEvento>{event.code}</codEvento>"
                f"<descEvento>{_description(event.code)}</descEvento>"
                f"<rutResponsable>{event.by.partition('-')[0]}</rutResponsable>"
                f"<dvResponsable>{event.by.partition('-')[2]}</dvResponsable>"
                f"<fechaEvento>{self._local(event.at)}</fechaEvento>"
                "</listaEventosDoc>"
                for event in events
            ),
        )

    def _consultarDocDteCedible(self, values, _holder):
        document = self._document(values)
        if not document:
            return _result(20)
        codes = {event.code for event in self.events(document)}
        is_late = self.store.clock.now() > document.received + TIME
        if codes & set(CLAIMS):
            return _result(24)
        if "NCA" in codes:
            return _result(22)
        if codes & set(ACCEPTANCES):
            return _result(23)
        return _result(25 if is_late else 21)

    def _consultarFechaRecepcionSii(self, values, _holder):
        document = self._document(values)
        return self._local(document.received) if document else ""

    # === The rules ===

    def register(self, document, code, by):
        """Note an event, and return its codResp."""
        events = self.store.claims.setdefault(document.key, [])
        before = {event.code for event in events}
        if code in before:
            return 7
        if self.store.clock.now() > document.received + TIME:
            return 8
        if code in CLAIMS and before & set(ACCEPTANCES):
            return 6
        if code in ACCEPTANCES and before & set(CLAIMS):
            return 5
        events.append(Event(code, by, self.store.clock.now()))
        return 0

    def events(self, document):
        """All events of a document, also the credit notes on it, by time."""
        notes = [
            Event(NOTES[reason == "1"][0], document.issuer, note.received)
            for note, reason in self.store.notes(document)
            if note.code == "61"
        ]
        registered = self.store.claims.get(document.key, [])
        return sorted([*registered, *notes], key=lambda event: event.at)

    def _problem(self, values, holder):
        """The codResp of a call that cannot be, or 0."""
        if values["tipoDoc"] not in TYPES:
            return 2
        if not values["folio"].isdigit():
            return 3
        if values["accionDoc"] not in {**ACCEPTANCES, **CLAIMS}:
            return 4
        document = self._document(values)
        if not document:
            return 10
        receiver = self.store.companies.get(document.receiver)
        if receiver and receiver.senders is not None and holder not in receiver.senders:
            return 14
        return 0

    def _document(self, values):
        issuer = rut.join(values["rutEmisor"], values["dvEmisor"])
        folio = int(values["folio"]) if values["folio"].isdigit() else 0
        found = self.store.current((issuer, values["tipoDoc"], folio))
        return found if found and found.state != REJECTED else None

    def _local(self, moment):
        return f"{self.store.clock.local_of(moment):%d-%m-%Y %H:%M:%S}"


def _description(code):
    return {**ACCEPTANCES, **CLAIMS, **dict(NOTES.values())}[code]


def _result(code, more=""):
    text = escape(_TEXTS[code])
    return f"<codResp>{code}</codResp><descResp>{text}</descResp>{more}"


def _envelope(method, inner):
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f'<S:Envelope xmlns:S="{soap.ENVELOPE}"><S:Body>'
        f'<ns2:{method}Response xmlns:ns2="{NAMESPACE}"><return>{inner}</return>'
        f"</ns2:{method}Response></S:Body></S:Envelope>"
    ).encode()
