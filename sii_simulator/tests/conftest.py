# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import datetime

import pytest

from sii_simulator import certificates
from sii_simulator.server import Server
from sii_simulator.simulator import Simulator

from .client import Client
from .documents import ISSUER, SENDER, Caf, Signer, document, envelope


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One simulator for all tests; what is in it is forgotten between them."""
    server = Server(Simulator(tmp_path_factory.mktemp("keys"))).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def signer():
    return Signer(certificates.person(SENDER, "María Ñancupil"))


@pytest.fixture(scope="session")
def other_signer():
    return Signer(certificates.person("11111111-1"))


@pytest.fixture(scope="session")
def caf(server):
    return issued(server)


@pytest.fixture(scope="session")
def credit_caf(server):
    return issued(server, code="61")


def issued(
    server, rut=ISSUER, code="33", first=1, last=1000, days=0, name="Ñandú & Co"
):
    day = datetime.date.today() - datetime.timedelta(days=days)
    authority = server.simulator.authority
    return Caf(authority.issue(rut, code, first, last, day, name))


@pytest.fixture
def simulator(server):
    """The simulator, empty, well-behaved, with real time and no delays."""
    simulator = server.simulator
    simulator.uploads.settle()
    simulator.store.clear()
    simulator.modes.clear()
    simulator.clock.reset()
    simulator.store.settings = type(simulator.store.settings)()
    return simulator


@pytest.fixture
def client(server, simulator, signer):
    """A client that is logged in."""
    client = Client(server.url)
    client.login(signer)
    return client


@pytest.fixture
def send(client, simulator, caf, signer):
    """Send an envelope with such documents (default: one invoice); the answer.

    `send(folio, …)` sends one, `send([text, …])` those; the rest goes to `envelope()`
    or, with the prefix `form_`, to the upload.
    """

    def send(documents=1, inner=None, **given):
        if isinstance(documents, int):
            documents = [document(caf, signer, documents, **(inner or {}))]
        upload = {
            name[len("form_") :]: given.pop(name)
            for name in list(given)
            if name.startswith("form_")
        }
        content = envelope(documents, given.pop("signer", signer), **given)
        change = given.get("changed", bytes)
        return client.upload(change(content), **upload)

    return send


@pytest.fixture
def result(simulator, client, send):
    """Send, let time pass, and return (state of the envelope, its documents)."""

    def result(*positional, **given):
        reply = send(*positional, **given)
        assert reply.tag("STATUS") == "0", reply.text
        simulator.clock.advance(60)
        track = reply.tag("TRACKID")
        state = client.sending(track).tag("ESTADO")
        documents = client.admin("GET", "documents").json()
        return state, [each for each in documents if each["track"] == int(track)]

    return result
