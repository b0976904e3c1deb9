# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The parts put together, and which of them answers a request."""

from . import boletas, claims, soap
from .admin import Admin
from .caf import Authority
from .checks import schema
from .clock import Clock
from .modes import Modes
from .services import CALLS, Services
from .store import Store
from .upload import PAGE, Uploads
from .wire import Answer

UPLOAD = "/cgi_dte/UPL/DTEUpload"


class Simulator:
    """One SII, with nothing in it. `folder` keeps the key that CAFs are signed with."""

    def __init__(self, folder=None):
        schema.load()
        self.clock = Clock()
        self.store = Store(self.clock)
        self.modes = Modes()
        self.authority = Authority(folder)
        self.services = Services(self.store)
        self.uploads = Uploads(self.store, self.authority, self.services)
        self.boletas = boletas.Boletas(self.store, self.services, self.uploads)
        self.claims = claims.Claims(self.store)
        self.admin = Admin(self)

    def endpoint(self, request):
        """The target's name of a request; "" for what the SII has not."""
        if request.path == UPLOAD and request.method == "POST":
            return "upload"
        if request.path in CALLS and request.method == "POST":
            return CALLS[request.path][0]
        if request.path in claims.PATHS and request.method == "POST":
            return "claim"
        return boletas.endpoint(request)

    def count(self, endpoint):
        with self.store.lock:
            self.store.counters[f"requests {endpoint or 'unknown'}"] += 1

    def answer(self, request, endpoint, mode):
        if endpoint == "admin":
            return self.admin.answer(request)
        if endpoint == "upload":
            return self._upload(request, mode)
        if endpoint == "boleta_upload":
            return self.boletas.answer(request, mode)
        self.uploads.settle()
        if endpoint == "claim":
            return self._claim(request, mode)
        if endpoint.startswith("boleta"):
            return self.boletas.answer(request, mode)
        if endpoint:
            return self._call(request, endpoint, mode)
        return Answer(404, b"Not Found", "text/plain")

    def _upload(self, request, mode):
        reception = self.uploads.receive(request, mode)
        if reception is None:
            return Answer(200, PAGE.encode(), "text/html")
        with self.store.lock:
            self.store.counters[f"uploads status {reception.status}"] += 1
        return Answer(200, reception.as_xml(self.clock), "text/html")

    def _claim(self, request, mode):
        token, state = self.services.token_of(request.cookie("TOKEN"), mode)
        if state:  # with HTTP 200, as it is reported
            return Answer(200, soap.fault("Token invalido"))
        return self.claims.answer(request, token.holder)

    def _call(self, request, endpoint, mode):
        _endpoint, method, names = CALLS[request.path]
        if "SOAPAction" not in request.headers:
            return Answer(500, soap.fault("no SOAPAction header!"))
        try:
            values = soap.read_call(request.body, method, names)
        except soap.Fault as error:
            return Answer(500, soap.fault(str(error)))
        inner = getattr(self.services, endpoint)(values, mode)
        return Answer(200, soap.answer(method, inner, mode))
