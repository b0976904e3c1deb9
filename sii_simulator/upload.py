# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""DTEUpload: an envelope comes in as a form, RECEPCIONDTE goes out."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from . import multipart, review, rut
from .checks import schema
from .store import Sending

_logger = logging.getLogger(__name__)
FIELDS = ("rutSender", "dvSender", "rutCompany", "dvCompany")
# What a client has to call itself; others get a page for browsers.
USER_AGENT = re.compile(r"Mozilla/\d")
PAGE = (
    "<html><head><title>Servicio de Impuestos Internos</title></head>"
    "<body>Su navegador no es compatible.</body></html>"
)
RECEIVED, NOT_PERMITTED, SIZE, CUT, NO_TOKEN = 0, 1, 2, 3, 5
NOT_AUTHORISED, SCHEMA, SIGNATURE, BLOCKED, REPEATED = 6, 7, 8, 9, 99


@dataclass
class Reception:
    """What an upload is answered with."""

    status: int | str | None
    track: int | None = None
    sender: str = ""
    company: str = ""
    file: str = ""
    errors: list = field(default_factory=list)

    def as_xml(self, clock):
        lines = [
            '<?xml version="1.0"?>',
            "<RECEPCIONDTE>",
            f"<RUTSENDER>{escape(self.sender)}</RUTSENDER>",
            f"<RUTCOMPANY>{escape(self.company)}</RUTCOMPANY>",
            f"<FILE>{escape(self.file)}</FILE>",
            f"<TIMESTAMP>{clock.local():%Y-%m-%d %H:%M:%S}</TIMESTAMP>",
        ]
        if self.status is not None:
            lines.append(f"<STATUS>{self.status}</STATUS>")
        if self.track is not None:
            lines.append(f"<TRACKID>{self.track:010}</TRACKID>")
        if self.errors:
            lines.append("<DETAIL>")
            lines += [f"<ERROR>{escape(each)}</ERROR>" for each in self.errors]
            lines.append("</DETAIL>")
        return "\n".join([*lines, "</RECEPCIONDTE>", ""]).encode(
            "ascii", "xmlcharrefreplace"
        )


class Uploads:
    def __init__(self, store, authority, services):
        self.store = store
        self.authority = authority
        self.services = services
        # As at the SII, an envelope is looked at after its sender has been answered.
        self._reviewer = ThreadPoolExecutor(1, "review")
        self._last, self._failed = None, []

    def receive(self, request, mode, kind="dte"):
        """The `Reception` of a request with an envelope; None: a page for browsers.

        `kind` says which hosts it came to: `dte`, or `boleta`.
        """
        agent = request.headers.get("User-Agent", "")
        if self.store.settings.strict_user_agent and not USER_AGENT.match(agent):
            return None
        forced = mode.get("status")
        if forced:
            return Reception(forced.option("value", BLOCKED), errors=["SIMULADO"])
        try:
            form = _form(request)
        except multipart.BadFrame as error:
            return Reception(CUT, errors=[str(error)])
        reception = self._receive(request, form, mode, kind)
        reception.sender, reception.company = form["sender"], form["company"]
        reception.file = form["file"].filename or ""
        if reception.status == RECEIVED:
            self._distort(reception, mode)
        return reception

    def _receive(self, request, form, mode, kind):
        cookie = request.cookie("TOKEN")
        token, state = self.services.token_of(cookie, mode, kind)
        if state:
            return Reception(NO_TOKEN)
        if token.holder and token.holder != form["sender"]:
            return Reception(NOT_PERMITTED, errors=["token de otro RUT"])
        with self.store.lock:
            status = self.store.may_send(form["sender"], form["company"])
        if status:
            return Reception(status)
        content = form["file"].content
        if len(content) > self.store.settings.size_limit:
            return Reception(SIZE)
        if mode.get("repeat_99") and self._has(content):
            self.store.counters["repeated envelopes"] += 1
            return Reception(REPEATED)
        root, errors = schema.errors_of(content, kind)
        refused = self._at_once(root, errors, content)
        return refused or self._take(form, root, errors, mode, kind)

    def _at_once(self, root, errors, content):
        """The refusal of what the SII refuses before it gives a track id, or None."""
        settings = self.store.settings
        if errors and not settings.schema_later:
            return Reception(SCHEMA, errors=errors)
        if settings.signature_at_once and not errors:
            problem = review.envelope_signature(self.store, root, content)
            if problem:
                return Reception(SIGNATURE, errors=[problem])
        return None

    def _take(self, form, root, errors, mode, kind):
        store = self.store
        with store.lock:
            sending = Sending(
                store.new_track(kind),
                form["sender"],
                form["company"],
                form["file"].content,
                store.clock.now(),
            )
            store.sendings[sending.track] = sending
            store.counters["uploads taken"] += 1
            if not form["file"].filename.lower().endswith(".xml"):
                sending.refused, sending.errors = "VOF", ["archivo sin extension .xml"]
            else:  # in the order in which they came
                arguments = sending, root, errors, mode
                self._last = self._reviewer.submit(self._review, *arguments)
        return Reception(RECEIVED, sending.track)

    def settle(self):
        """Wait until all that came is reviewed; raises, once, what went wrong there."""
        if self._last:
            self._last.result()
        if self._failed:
            raise self._failed.pop()

    def _review(self, sending, *arguments):
        try:
            review.examine(self.store, self.authority, sending, *arguments)
        except Exception as error:
            _logger.exception("While reviewing %s", sending.track)
            sending.refused, sending.errors = "RCH", [f"SIMULATOR FAULT {error!r}"]
            self._failed.append(error)

    def _has(self, content):
        with self.store.lock:
            return any(
                each.content == content and not each.refused
                for each in self.store.sendings.values()
            )

    @staticmethod
    def _distort(reception, mode):
        if mode.get("status_missing"):
            reception.status = None
        if mode.get("status_text"):
            reception.status = "OK"
        if mode.get("no_trackid"):
            reception.track = None


def _form(request):
    parts = multipart.read(request.headers.get("Content-Type"), request.body)
    missing = [name for name in (*FIELDS, "archivo") if name not in parts]
    if missing:
        raise multipart.BadFrame(f"faltan campos: {', '.join(missing)}")
    values = {name: parts[name].content.decode("latin-1").strip() for name in FIELDS}
    for name in ("dvSender", "dvCompany"):
        if values[name] != values[name].upper():
            raise multipart.BadFrame(f"{name} en minuscula")
    if parts["archivo"].filename is None:
        raise multipart.BadFrame("archivo sin filename")
    return {
        "sender": rut.join(values["rutSender"], values["dvSender"]),
        "company": rut.join(values["rutCompany"], values["dvCompany"]),
        "file": parts["archivo"],
    }
