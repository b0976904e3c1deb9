# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The hosts for boletas (39, 41): REST, with a login of their own, and JSON."""

import re

from . import progress, rut, soap
from .findings import STATES
from .wire import Answer, as_json

ROOT = "/recursos/v1/boleta.electronica"
SEED, TOKEN, SENDING = f"{ROOT}.semilla", f"{ROOT}.token", f"{ROOT}.envio"
_SENDING = re.compile(rf"{re.escape(SENDING)}/(\d+)-([\dKk])-(\d+)")
_DOCUMENT = re.compile(rf"{re.escape(ROOT)}/(\d+)-([\dKk])-(\d+)-(\d+)/estado")
_QUERY = ("rut_receptor", "dv_receptor", "monto", "fechaEmision")
NOT_SIGNED_IN = Answer(401, b"NO ESTA AUTENTICADO", "text/plain")


def endpoint(request):
    """The target's name of a request to these hosts; "" for others."""
    method, path = request.method, request.path
    if (method, path) in (("GET", SEED), ("POST", TOKEN)):
        return "boleta_login"
    if (method, path) == ("POST", SENDING):
        return "boleta_upload"
    if method == "GET" and (_SENDING.fullmatch(path) or _DOCUMENT.fullmatch(path)):
        return "boleta_status"
    return ""


class Boletas:
    def __init__(self, store, services, uploads):
        self.store = store
        self.services = services
        self.uploads = uploads

    def answer(self, request, mode):
        if request.path == SEED:
            return Answer(200, self.services.seed({}, mode).encode())
        if request.path == TOKEN:
            return self._token(request)
        if request.path == SENDING:
            return self._receive(request, mode)
        _token, state = self.services.token_of(
            request.cookie("TOKEN"), mode, kind="boleta"
        )
        if state:
            return NOT_SIGNED_IN
        found = _SENDING.fullmatch(request.path)
        if found:
            return self._sending(*found.groups())
        return self._document(
            *_DOCUMENT.fullmatch(request.path).groups(), request.parameters()
        )

    def _token(self, request):
        state, gloss, holder = self.services.sign_in(request.body)
        body = ()
        if state == "00":
            body = [("TOKEN", self.store.new_token(holder, "boleta"))]
        header = [("ESTADO", state), ("GLOSA", gloss)]
        return Answer(200, soap.respuesta(header, body).encode())

    def _receive(self, request, mode):
        reception = self.uploads.receive(request, mode, "boleta")
        if reception is None:
            return Answer(403, b"Forbidden", "text/html")
        if reception.status == 5:
            return NOT_SIGNED_IN
        answer = {
            "rut_emisor": reception.company,
            "rut_envia": reception.sender,
            "fecha_recepcion": f"{self.store.clock.local():%d/%m/%Y %H:%M:%S}",
            "file": reception.file,
        }
        if reception.status:
            text = "; ".join(reception.errors) or "Envio no recibido"
            problem = {"codigo": reception.status, "descripcion": text}
            return as_json(answer | problem, 400)
        if reception.track is not None:
            answer["trackid"] = reception.track
        if reception.status is not None:
            answer["estado"] = "REC"
        return as_json(answer)

    def _sending(self, number, digit, track):
        company = rut.join(number, digit)
        with self.store.lock:
            found = self.store.sendings.get(int(track))
            if not found or found.company != company:
                return as_json({"codigo": 404, "descripcion": "No encontrado"}, 404)
            state = progress.state(self.store, found)
            local = self.store.clock.local_of(found.received)
            answer = {
                "rut_emisor": company,
                "rut_envia": found.sender,
                "trackid": found.track,
                "fecha_recepcion": f"{local:%d/%m/%Y %H:%M:%S}",
                "estado": state,
                "estadistica": [],
                "detalle_rep_rech": [],
            }
            if state == "EPR":
                answer["estadistica"] = _statistics(found)
                answer["detalle_rep_rech"] = [
                    _review(each) for each in found.documents if each.findings
                ]
            return as_json(answer)

    def _document(self, number, digit, code, folio, query):
        missing = [name for name in _QUERY if name not in query]
        if missing:
            return as_json({"codigo": 400, "descripcion": f"falta {missing[0]}"}, 400)
        values = {
            "RutReceptor": query["rut_receptor"],
            "DvReceptor": query["dv_receptor"],
            "TipoDte": code,
            "FolioDte": folio,
            "FechaEmisionDte": query["fechaEmision"],
            "MontoDte": query["monto"],
        }
        state, text = self.services.state_of(values, rut.join(number, digit))
        return as_json({"codigo": state, "descripcion": text})


def _statistics(sending):
    names = ("informados", "aceptados", "rechazados", "reparos")
    return [
        {"tipo": int(code), **dict(zip(names, numbers, strict=True))}
        for code, numbers in progress.counts(sending).items()
    ]


def _review(document):
    state, _hyphen, text = STATES[document.state].partition(" - ")
    return {
        "tipo": int(document.code),
        "folio": document.folio,
        "estado": state,
        "descripcion": text,
        "error": [_error(finding) for finding in document.findings],
    }


def _error(finding):
    section, level, number = finding.code.split("-")[:3]
    return {
        "seccion": section,
        "linea": 0,
        "nivel": int(level),
        "codigo": int(number),
        "descripcion": finding.text,
        "detalle": finding.detail,
    }
