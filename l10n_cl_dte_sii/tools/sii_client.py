# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The client of the SII's hosts: typed answers, typed errors, one hard deadline.

    with SiiClient(HOSTS[CERTIFICATION], signer, "12345678-5", Exchange) as client:
        track_id = client.upload("76101010-7", "EnvioDTE_F1T33.xml", content).track_id

Queries and logins are repeated within the deadline where that may help.  An envelope is
posted **once**: what comes after its first byte has left, and is no STATUS, leaves it
:class:`~.sii_outcomes.Unknown`.
"""

import hashlib
import threading
import time
from typing import NamedTuple

import tenacity
from cryptography.hazmat.primitives.serialization import Encoding

from . import signature
from . import sii_answers as answers
from .errors import CERTIFICATION, PRODUCTION, DocumentUnreadable
from .sii_outcomes import NotSent, SiiFault, Unknown
from .sii_wire import Wire

# Of the SII's manuals.  The simulator has no host of its own: it says where it is.
HOSTS = {
    CERTIFICATION: "https://maullin.sii.cl",
    PRODUCTION: "https://palena.sii.cl",
}


class Limits(NamedTuple):
    """How long a call may take, in seconds; `attempts` are those of a query or a login,
    never of an upload.
    """

    connect: float
    read: float
    total: float
    attempts: int


LIMITS = Limits(connect=10, read=30, total=60, attempts=2)

SEED, TOKEN = "/DTEWS/CrSeed.jws", "/DTEWS/GetTokenFromSeed.jws"
UPLOAD = "/cgi_dte/UPL/DTEUpload"
UPLOAD_STATUS = "/DTEWS/QueryEstUp.jws"
DOCUMENT_STATUS = "/DTEWS/QueryEstDte.jws"
DOCUMENT_KNOWN = "/DTEWS/services/QueryEstDteAv"
MAIL = "/DTEWS/services/wsDTECorreo"

# The SII does not say how long a token lives; half an hour is what others rely on.
TOKEN_LIFE = 30 * 60


class Tokens:
    """Tokens of this process, by host, holder and certificate; never stored."""

    def __init__(self, clock=time.monotonic):
        self._clock, self._lock, self._tokens = clock, threading.Lock(), {}

    def get(self, key):
        with self._lock:
            token, end = self._tokens.get(key, (None, 0))
            return token if self._clock() < end else None

    def put(self, key, token):
        with self._lock:
            self._tokens[key] = token, self._clock() + TOKEN_LIFE

    def drop(self, key, token):
        """Forget a token, unless somebody has got a new one meanwhile."""
        with self._lock:
            if self._tokens.get(key, (None, 0))[0] == token:
                del self._tokens[key]

    def clear(self):
        with self._lock:
            self._tokens.clear()


TOKENS = Tokens()


class SiiClient:
    """One host of the SII, one certificate, one thread, for a few calls in a row.

    :param str url: of the host, e.g. `HOSTS[PRODUCTION]`; https, or on this machine
    :param Signer signer: who logs in
    :param str holder: RUT of the certificate's holder, as `12345678-5`
    :param connect: what opens connections, `connect(url, limits)`: the class `Exchange`
        of the first addon's `tools.ai`
    :param Limits limits:
    :param Tokens tokens: where tokens are kept between clients
    :param sleep: what waits between two attempts, in seconds (for tests)

    Every method raises :class:`SiiFault`: :class:`NotSent`, :class:`Refused` or
    :class:`Unknown`, and ends within ``limits.total``.
    """

    def __init__(
        self,
        url,
        signer,
        holder,
        connect,
        limits=LIMITS,
        *,
        tokens=TOKENS,
        sleep=time.sleep,
    ):
        self._url, self._signer, self.holder = url.rstrip("/"), signer, holder
        self._limits, self._tokens, self._sleep = limits, tokens, sleep
        der = signer.certificate.public_bytes(Encoding.DER)
        self._key = (self._url, holder, hashlib.sha256(der).digest())
        self._wire = Wire(connect(self._url, limits))
        self._deadline = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Close the connections, also one that is still under way."""
        self._wire.close()

    # === The services === #

    def token(self):
        """Return a token: the one of before while it may be good, or a new login's.

        :rtype: str
        """
        self._start()
        return self._repeated(self._token)

    def upload(self, issuer, name, content):
        """Post an envelope, once.

        Where the SII says that the token is over (STATUS 5: nothing was stored), once
        more with a new one.

        :param str issuer: RUT of the company, as `76101010-7`
        :param str name: of the file, ending in .xml
        :param bytes content: the signed envelope, in Latin-1
        :rtype: Received
        """
        self._start()
        for is_last in (False, True):
            try:
                token = self._repeated(self._token)
            except Unknown as fault:  # of the login: nothing of the envelope has left
                raise _as(NotSent, fault) from None
            try:
                return answers.upload_outcome(self._post(issuer, name, content, token))
            except answers.TokenOver:
                self._tokens.drop(self._key, token)
                if is_last:
                    raise
        return None

    def upload_status(self, issuer, track_id):
        """Ask what became of an envelope (QueryEstUp).

        :rtype: UploadStatus
        """
        values = {**_rut("Compania", issuer), "TrackId": track_id}
        return self._ask(UPLOAD_STATUS, "getEstUp", values, answers.upload_status)

    def document_status(self, document):
        """Ask whether the SII has a document of a folio, with its data (QueryEstDte).

        :param DocumentKey document:
        :rtype: DocumentStatus
        """
        values = {
            **_rut("Consultante", self.holder),
            **_rut("Compania", document.issuer),
            **_named(document, "%d%m%Y"),
        }
        return self._ask(DOCUMENT_STATUS, "getEstDte", values, answers.document_status)

    def document_known(self, document):
        """Ask whether the SII has this very document, by its signature (QueryEstDteAv).

        :param DocumentKey document: with its signature
        :rtype: DocumentKnown
        """
        values = {
            **_rut("Empresa", document.issuer),
            **_named(document, "%d-%m-%Y"),
            "FirmaDte": "".join(document.signature.split()),
        }
        return self._ask(DOCUMENT_KNOWN, "getEstDteAv", values, answers.document_known)

    def ask_for_mail_again(self, issuer, track_id):
        """Have the SII send the mail with an envelope's result again (reenvioCorreo).

        :return: what the SII says to that
        :rtype: str
        :raise Refused: `no_mail`
        """
        # In this service the token comes first: the parameters have an order.
        values = {"Token": "", **_rut("Empresa", issuer), "TrackId": track_id}
        return self._ask(MAIL, "reenvioCorreo", values, answers.mail_outcome)

    # === Login and queries: what may be repeated === #

    def _token(self):
        token = self._tokens.get(self._key)
        if token:
            return token
        seed = self._login(SEED, "getSeed", {}, "SEMILLA")
        try:
            signed = signature.sign_seed(seed, self._signer)
        except DocumentUnreadable:
            raise Unknown("no_answer") from None
        text = f'<?xml version="1.0"?>{signed.decode("ascii")}'
        token = self._login(TOKEN, "getToken", {"pszXml": text}, "TOKEN")
        if not (token.isascii() and token.isalnum()):  # it goes into a header
            raise Unknown("no_answer")
        self._tokens.put(self._key, token)
        return token

    def _login(self, path, method, values, part):
        return answers.login_part(self._call(path, method, values), part)

    def _ask(self, path, method, values, read):
        """Ask with a token, and with a new one where the SII wants that."""
        self._start()
        for is_last in (False, True):
            token = self._repeated(self._token)
            asked = {**values, "Token": token}
            try:
                return self._repeated(
                    lambda asked=asked: read(self._call(path, method, asked))
                )
            except answers.TokenOver:
                self._tokens.drop(self._key, token)
                if is_last:
                    raise
        return None

    def _repeated(self, call):
        """Return what `call()` does, and call it again where that may help."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_passes_soon),
            stop=tenacity.stop_after_attempt(self._limits.attempts)
            | tenacity.stop_before_delay(self._left()),
            wait=tenacity.wait_random(0.3, 1.0),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(call)

    def _call(self, path, method, values):
        """Call a SOAP service once.

        :rtype: Answer
        """
        text = self._wire.call(path, method, values, self._left())
        return answers.read_soap(text, method)

    def _start(self):
        self._deadline = time.monotonic() + self._limits.total

    def _left(self):
        return max(self._deadline - time.monotonic(), 0)

    # === Upload: what is never repeated === #

    def _post(self, issuer, name, content, token):
        """Post the form with an envelope, once.

        :rtype: Answer
        """
        fields = zip(
            ("rutSender", "dvSender", "rutCompany", "dvCompany"),
            (*_split(self.holder), *_split(issuer)),
            strict=True,
        )
        text = self._wire.post_form(
            UPLOAD, dict(fields), name, content, token, self._left()
        )
        return answers.read(text)


def _passes_soon(error):
    """Tell whether the next attempt may be better: not after a time-out."""
    return (
        isinstance(error, SiiFault)
        and error.code in ("unreachable", "no_answer")
        and error.detail != "timeout"
    )


def _as(kind, fault):
    return kind(fault.code, state=fault.state, detail=fault.detail, answer=fault.answer)


def _split(rut):
    number, _dash, digit = rut.partition("-")
    return number, digit.upper()


def _rut(whose, rut):
    """Return the two parameters in which a RUT is handed over."""
    number, digit = _split(rut)
    return {f"Rut{whose}": number, f"Dv{whose}": digit}


def _named(document, form):
    """Return what both queries about documents have in common, in its order."""
    return {
        **_rut("Receptor", document.receiver),
        "TipoDte": document.code,
        "FolioDte": document.folio,
        "FechaEmisionDte": document.date.strftime(form),
        "MontoDte": document.amount,
    }
