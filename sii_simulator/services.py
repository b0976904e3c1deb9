# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's SOAP services: login, and what became of envelopes and documents."""

import datetime

from . import certificates, mails, progress, rut, soap
from .checks import reading, signatures
from .findings import REJECTED

TOKEN_GLOSSES = {
    "001": "TOKEN NO EXISTE",
    "002": "TOKEN NO ESTA ACTIVO",
    "003": "TOKEN NO CORRESPONDE",
}
# (ESTADO, ERR_CODE, GLOSA_ESTADO, GLOSA_ERR)
_DOCUMENT_ANSWERS = {
    "DOK": (0, "DTE Recibido", "Documento Recibido. Datos Coinciden"),
    "DNK": (1, "DTE Recibido", "Documento Recibido pero Datos NO Coinciden"),
    "FAU": (3, "DTE No Recibido", "Documento No Recibido por el SII"),
    "FNA": (4, "DTE No Autorizado", "Folio No Autorizado"),
    "FAN": (5, "DTE Anulado", "Folio Anulado"),
    "EMP": (6, "Empresa No Autorizada", "Empresa No Autorizada"),
    "TMD": (10, "DTE Recibido", "Texto Modificado por Nota de Debito"),
    "TMC": (11, "DTE Recibido", "Texto Modificado por Nota de Credito"),
    "MMD": (12, "DTE Recibido", "Monto Modificado por Nota de Debito"),
    "MMC": (13, "DTE Recibido", "Monto Modificado por Nota de Credito"),
    "AND": (14, "DTE Recibido", "Anulado por Nota de Debito"),
    "ANC": (15, "DTE Recibido", "Anulado por Nota de Credito"),
}
_BY_NOTE = {"1": "AN", "2": "TM", "3": "MM"}


class Services:
    def __init__(self, store):
        self.store = store

    # === Login ===

    def seed(self, _values, mode):
        refused = mode.get("login")
        if refused:
            return _login(refused.option("value", "-3"), "Error interno")
        seed = self.store.new_seed()
        return soap.respuesta([("ESTADO", "00")], [("SEMILLA", seed)])

    def token(self, values, mode):
        refused = mode.get("login")
        if refused:
            return _login(refused.option("value", "-3"), "Error de autenticacion")
        state, gloss, holder = self.sign_in(values["pszXml"].encode())
        if state != "00":
            return _login(state, gloss)
        token = self.store.new_token(holder)
        return soap.respuesta(
            [("ESTADO", "00"), ("GLOSA", "Token Creado")], [("TOKEN", token)]
        )

    def sign_in(self, content):
        """(ESTADO, GLOSA, RUT of the certificate) for a signed seed (bytes)."""
        try:
            root = reading.parse(content)
        except reading.Unreadable as error:
            return "01", f"XML con error : {error}", None
        seed = root.findtext("item/Semilla")
        if root.tag != "getToken" or not seed:
            return "02", "XML no corresponde a getToken", None
        if root.find(".//d:X509Certificate", reading.NAMES) is None:
            return "06", "Falta certificado", None
        reference = root.find(".//d:Reference", reading.NAMES)
        item = root.find("item").get("ID", "")
        by_item = item and reference is not None and reference.get("URI") == f"#{item}"
        try:
            certificate = signatures.verify(content, item if by_item else "")
        except signatures.BadSignature as error:
            return "05", f"Firma invalida : {error}", None
        if not signatures.holds_at(certificate, self.store.clock.now()):
            return "11", "Certificado no vigente", None
        if not self.store.use_seed(seed.strip()):
            return "08", "Semilla no existe o expirada", None
        return "00", "Token Creado", certificates.holder(certificate)

    # === Envelopes ===

    def sending(self, values, mode):
        store = self.store
        refused = self._refused(values["Token"], mode)
        if refused:
            return refused
        forced = mode.get("estado")
        company = rut.join(values["RutCompania"], values["DvCompania"])
        track = values["TrackId"].strip()
        with store.lock:
            found = store.sendings.get(int(track)) if track.isdigit() else None
            if not found or found.company != company or mode.get("not_there"):
                return self._not_there(track)
            if forced or not self._permitted(values["Token"], company):
                state = forced.option("value", "106") if forced else "106"
                gloss = TOKEN_GLOSSES.get(state, "Usuario sin permiso de envio")
                gloss = progress.GLOSSES.get(state, gloss)
                return soap.respuesta([("ESTADO", state), ("GLOSA", gloss)])
            stuck = mode.get("stuck")
            furthest = stuck.option("value", "PDR") if stuck else "EPR"
            state = progress.state(store, found, furthest)
            header = [
                ("TRACKID", f"{found.track:010}"),
                ("ESTADO", state),
                ("GLOSA", progress.GLOSSES[state]),
                ("NUM_ATENCION", store.attention()),
            ]
            return soap.respuesta(header, _counts(found) if state == "EPR" else ())

    def mail(self, values, mode):
        """wsDTECorreo: the mail with the result of an envelope, once more."""
        refused = self._refused(values["Token"], mode)
        if refused:
            return refused
        company = rut.join(values["RutEmpresa"], values["DvEmpresa"])
        track = values["TrackId"].strip()
        with self.store.lock:
            found = self.store.sendings.get(int(track)) if track.isdigit() else None
        if not found or found.company != company:
            return soap.respuesta([("ESTADO", "2"), ("GLOSA", "Envio no existe")])
        if not mails.send_again(self.store, found):
            return soap.respuesta([("ESTADO", "3"), ("GLOSA", "Envio en proceso")])
        return soap.respuesta([("ESTADO", "0"), ("GLOSA", "Correo reenviado")])

    # === Documents ===

    def document(self, values, mode):
        refused = self._refused(values["Token"], mode)
        if refused:
            return refused
        company = rut.join(values["RutCompania"], values["DvCompania"])
        with self.store.lock:
            state, found = self._document_state(values, company)
            if self._is_hidden(found, mode.get("document_no")):
                state = "FAU"
            forced = mode.get("estado")
            if forced:
                state = forced.option("value", "106")
            number, gloss, error = _DOCUMENT_ANSWERS.get(state, ("", "", ""))
            return soap.respuesta(
                [
                    ("ESTADO", state),
                    ("GLOSA_ESTADO", gloss),
                    ("ERR_CODE", number),
                    ("GLOSA_ERR", error),
                    ("NUM_ATENCION", self.store.attention()),
                ]
            )

    def advanced(self, values, mode):
        refused = self._refused(values["Token"], mode)
        if refused:
            return refused
        company = rut.join(values["RutEmpresa"], values["DvEmpresa"])
        with self.store.lock:
            signature = "".join(values["FirmaDte"].split())
            state, found = self._document_state(values, company, signature)
            if self._is_hidden(found, mode.get("advanced_no")):
                state, found = "FAU", None
            forced = mode.get("estado")
            if forced:
                return _login(forced.option("value", "106"), "Simulado")
            body = [
                ("RECIBIDO", "SI" if found else "NO"),
                ("ESTADO", state),
                ("GLOSA", _DOCUMENT_ANSWERS[state][2]),
            ]
            if found:
                body.append(("TRACKID", f"{found.track:010}"))
            body.append(("NUMATENCION", self.store.attention()))
            return soap.respuesta([("ESTADO", "0"), ("GLOSA", "OK")], body)

    def state_of(self, values, company):
        """(ESTADO, its text) of a document, for the boletas' hosts."""
        with self.store.lock:
            state, _document = self._document_state(values, company)
        return state, _DOCUMENT_ANSWERS[state][2]

    def _document_state(self, values, company, signature=None):
        """(ESTADO, the document or None); with `signature` it has to be that one's."""
        store = self.store
        known = store.companies.get(company)
        if known and not known.authorised:
            return "EMP", None
        code, folio = values["TipoDte"].strip(), values["FolioDte"].strip()
        key = (company, code, int(folio) if folio.isdigit() else 0)
        if key in store.annulled:
            return "FAN", None
        found = self._version(key, signature)
        if not found:
            ranges = [r for r in store.ranges if r[:2] == (company, code)]
            if ranges and not any(
                first <= key[2] <= last for *_, first, last in ranges
            ):
                return "FNA", None
            return "FAU", None
        receiver = rut.join(values["RutReceptor"], values["DvReceptor"])
        given = (receiver, _date(values["FechaEmisionDte"]), values["MontoDte"].strip())
        if given != (found.receiver, found.date, str(found.amount)) or (
            signature is not None and signature != found.signature
        ):
            return "DNK", found
        notes = store.notes(found)
        for reason in "123":  # what annuls counts more than what changes
            codes = [note.code for note, its in notes if its == reason]
            if codes:
                return _BY_NOTE[reason] + ("C" if codes[-1] == "61" else "D"), found
        return "DOK", found

    def _version(self, key, signature):
        """The document that was asked for: with this signature, or the current one."""
        versions = self.store.documents.get(key, [])
        if not self.store.settings.rejected_is_received:
            versions = [each for each in versions if each.state != REJECTED]
        same = [each for each in versions if each.signature == signature]
        if same:
            return same[0]  # the first time it came, with that track id
        current = self.store.current(key)
        return current if current in versions else None

    def _is_hidden(self, document, mode):
        if not (mode and document):
            return False
        age = self.store.clock.now() - document.received
        return age < datetime.timedelta(minutes=mode.option("minutes", 60.0))

    # === Tokens ===

    def _refused(self, token, mode):
        """The answer to a call without a good token, or None."""
        _token, state = self.token_of(token, mode)
        if not state:
            return None
        return soap.respuesta([("ESTADO", state), ("GLOSA", TOKEN_GLOSSES[state])])

    def token_of(self, value, mode, kind="dte"):
        """(Token, state) as `Store.token`, unless the mode `token_dies` ends it."""
        found, state = self.store.token(value, kind)
        dies = mode.get("token_dies")
        if found and dies and found.calls > dies.option("calls", 1):
            return None, "002"
        return found, state

    def _permitted(self, token, company):
        found = self.store.tokens.get(token.strip())
        known = self.store.companies.get(company)
        if not known or known.senders is None or not found or not found.holder:
            return True
        return found.holder in known.senders

    def _not_there(self, track):
        return soap.respuesta(
            [
                ("TRACKID", track),
                ("ESTADO", "-11"),
                ("GLOSA", ""),
                ("NUM_ATENCION", self.store.attention()),
                ("SRV_CODE", "2"),
                ("SQL_CODE", "0"),
                ("ERR_CODE", "2"),
            ]
        )


def _login(state, gloss):
    return soap.respuesta([("ESTADO", state), ("GLOSA", gloss)])


def _counts(sending):
    names = ("INFORMADOS", "ACEPTADOS", "RECHAZADOS", "REPAROS")
    return [
        pair
        for code, numbers in progress.counts(sending).items()
        for pair in [("TIPO_DOCTO", code), *zip(names, numbers, strict=True)]
    ]


def _date(text):
    """YYYY-MM-DD of ddmmyyyy or dd-mm-yyyy; "" if it is neither."""
    for form in ("%d%m%Y", "%d-%m-%Y"):
        try:
            return datetime.datetime.strptime(text.strip(), form).date().isoformat()
        except ValueError:
            continue
    return ""


_DOCUMENT = ["RutReceptor", "DvReceptor", "TipoDte", "FolioDte", "FechaEmisionDte"]
# path: (endpoint, method, parameters in their order)
CALLS = {
    "/DTEWS/CrSeed.jws": ("seed", "getSeed", []),
    "/DTEWS/GetTokenFromSeed.jws": ("token", "getToken", ["pszXml"]),
    "/DTEWS/QueryEstUp.jws": (
        "sending",
        "getEstUp",
        ["RutCompania", "DvCompania", "TrackId", "Token"],
    ),
    "/DTEWS/QueryEstDte.jws": (
        "document",
        "getEstDte",
        ["RutConsultante", "DvConsultante", "RutCompania", "DvCompania"]
        + [*_DOCUMENT, "MontoDte", "Token"],
    ),
    "/DTEWS/services/QueryEstDteAv": (
        "advanced",
        "getEstDteAv",
        ["RutEmpresa", "DvEmpresa", *_DOCUMENT, "MontoDte", "FirmaDte", "Token"],
    ),
    "/DTEWS/services/wsDTECorreo": (
        "mail",
        "reenvioCorreo",
        ["Token", "RutEmpresa", "DvEmpresa", "TrackId"],
    ),
}
