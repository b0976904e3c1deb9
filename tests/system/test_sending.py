# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Folios, and documents on their way to the SII, by real processes: they are killed,
wait for each other and collide.

Whatever happens: each folio is taken once, and at the end the simulator has it once.
"""

import contextlib
import http.client
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from dev.process import ROOT, free_port
from dev.rpc import Client, RpcError
from dev.simulator import SiiSimulator

DOCUMENTS, DRAFTS = 5, 24
COMPANY = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from dev import sii_company
sii_company.set_up(env, {{url!r}}, {{keys!r}})
moves = sii_company.sign(sii_company.post(env, {DOCUMENTS}))
drafts = sii_company.draft(env, {DRAFTS})
print(*moves.ids, *drafts.ids)
"""


class Sending:
    """An Odoo with two workers, its documents, and the simulator."""

    def __init__(self, odoo, sii):
        self.odoo, self.sii = odoo, sii
        printed = odoo.shell(COMPANY.format(url=sii.url, keys=sii.keys), log="sending")
        made = [int(number) for number in printed.split()[-DOCUMENTS - DRAFTS :]]
        self.documents, self.drafts = made[:DOCUMENTS], made[DOCUMENTS:]
        environment = odoo.server.environment
        self.address = {
            "host": environment["PGHOST"],
            "port": environment.get("PGPORT"),
            "user": environment.get("PGUSER"),
            "password": environment.get("PGPASSWORD"),
        }
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = odoo.serve(port, workers=2)

    def connect(self, database=None):
        return psycopg2.connect(dbname=database or self.odoo.name, **self.address)

    def sql(self, query, *values, database=None):
        with contextlib.closing(self.connect(database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cr:
                cr.execute(query, values)
                return cr.fetchall() if cr.description else None

    def accountant(self):
        return Client(self.url, self.odoo.name, "contadora", "contadora")

    @contextlib.contextmanager
    def pressed(self, document, people=1):
        """Somebody presses *Send to the SII*; leaving waits for the end of it."""
        clients = [self.accountant() for _each in range(people)]

        def press(client):
            # Who is killed does not answer, and who comes second is told so.
            with contextlib.suppress(OSError, http.client.HTTPException, RpcError):
                client.call("account.move", "action_l10n_cl_dte_sii_send", [document])

        with ThreadPoolExecutor(people) as pool:
            pressing = [pool.submit(press, client) for client in clients]
            yield
            for each in pressing:
                each.result()

    def state(self, document):
        """Id and state of its sending, None where it has none yet."""
        found = self.sql(
            "SELECT s.id, s.state FROM l10n_cl_dte_document d"
            " JOIN l10n_cl_dte_sii_sending s ON s.id = d.sending_id"
            " WHERE d.move_id = %s AND d.is_current",
            document,
        )
        return found[0] if found else (None, None)

    def folio(self, document):
        [[number]] = self.sql(
            "SELECT sequence_number FROM account_move WHERE id = %s", document
        )
        return number

    def let_time_pass(self, document):
        """Until the next step is due; the cron takes it."""
        sending, _state = self.state(document)
        self.sql(
            "UPDATE l10n_cl_dte_sii_sending SET"
            " lease_until = now() AT TIME ZONE 'UTC' - INTERVAL '1 second'"
            " WHERE id = %s AND lease_until IS NOT NULL",
            sending,
        )
        self.sql(
            "UPDATE l10n_cl_dte_sii_sending"
            " SET next_at = now() AT TIME ZONE 'UTC' - INTERVAL '1 second'"
            " WHERE id = %s AND next_at IS NOT NULL",
            sending,
        )
        self.sql("UPDATE l10n_cl_dte_sii_host SET breaker_until = NULL")
        self.poll()

    def poll(self):
        """What happens each minute: the cron workers look what is due."""
        self.sql(
            "INSERT INTO ir_cron_trigger (cron_id, call_at)"
            " SELECT res_id, now() AT TIME ZONE 'UTC' FROM ir_model_data"
            " WHERE module = 'l10n_cl_dte_sii' AND name = 'ir_cron_exchange'"
        )
        self.sql(f"NOTIFY cron_trigger, '{self.odoo.name}'", database="postgres")

    def settle(self, document, patience=40):
        deadline = time.monotonic() + patience
        while self.state(document)[1] != "done":
            assert time.monotonic() < deadline, self.state(document)
            self.let_time_pass(document)
            time.sleep(0.2)

    def is_waiting(self):
        """Whether a transaction of Odoo's waits for another one."""
        return bool(
            self.sql(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = %s AND wait_event_type = 'Lock'",
                self.odoo.name,
            )
        )

    def kill_workers(self):
        """Kill −9 all that serves requests and crons; the server makes new ones."""
        master = self.server.process.pid
        with open(f"/proc/{master}/task/{master}/children") as children:
            for pid in children.read().split():
                os.kill(int(pid), signal.SIGKILL)

    def requests(self, target):
        counters = self.sii.admin("GET", "state")["counters"]
        return counters.get(f"requests {target}", 0)

    def take(self):
        """Return a document that nobody has sent, and its folio."""
        self.sii.admin("DELETE", "modes")
        document = self.documents.pop()
        return document, self.folio(document)


def wait_until(condition, what, patience=30):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not in {patience} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def sending(workspace):
    odoo = workspace.with_addon("sending")
    with SiiSimulator("--delay", "0") as sii:
        running = Sending(odoo, sii)
        running.server.start()
        try:
            running.server.wait_for_http(f"{running.url}/web/health", "Odoo")
            yield running
        finally:
            running.server.stop()


def test_many_processes_take_each_folio_once_and_leave_none_out(sending):
    clients = [sending.accountant() for _number in range(6)]
    [[highest]] = sending.sql(
        "SELECT max(number) FROM l10n_cl_dte_sii_folio WHERE move_id = ANY(%s)",
        sending.documents,
    )

    def confirm(number):
        """As people do: the server repeats what collides; a person tries once more."""
        for _attempt in range(3):
            try:
                return clients[number % 6].call(
                    "account.move", "action_post", [sending.drafts[number]]
                )
            except RpcError as error:
                last = error
        raise last

    with ThreadPoolExecutor(6) as people:
        list(people.map(confirm, range(DRAFTS)))
    rows = sending.sql(
        "SELECT f.number, f.state, m.sequence_number, m.state"
        " FROM l10n_cl_dte_sii_folio f JOIN account_move m ON m.id = f.move_id"
        " WHERE m.id = ANY(%s) ORDER BY f.number",
        sending.drafts,
    )
    taken = list(range(highest + 1, highest + 1 + DRAFTS))
    assert rows == [(number, "used", number, "posted") for number in taken]


def test_who_is_killed_before_the_upload_leaves_it_to_be_sent_later(sending):
    document, folio = sending.take()
    sending.sii.admin("POST", "modes", mode="hang_before", target="seed")
    with sending.pressed(document):
        wait_until(lambda: sending.requests("seed"), "somebody logs in")
        sending.kill_workers()
    sending.sii.admin("DELETE", "modes")
    assert sending.state(document)[1] == "sending"
    assert folio not in sending.sii.documents
    sending.settle(document)
    assert sending.sii.documents[folio] == 1


def test_who_is_killed_after_storing_has_sent_it(sending):
    document, folio = sending.take()
    sending.sii.admin("POST", "modes", mode="hang_after", target="upload")
    before = sending.sii.uploads
    with sending.pressed(document):
        wait_until(lambda: folio in sending.sii.documents, "it is stored")
        sending.kill_workers()
    sending.sii.admin("DELETE", "modes")
    assert sending.state(document)[1] == "sending"
    sending.settle(document)
    assert sending.sii.documents[folio] == 1
    assert sending.sii.uploads == before + 1


def test_who_is_killed_before_the_commit_has_sent_it(sending):
    """The answer was there, and nobody has kept it."""
    document, folio = sending.take()
    before = sending.sii.uploads
    with contextlib.closing(sending.connect()) as other, sending.pressed(document):
        with other.cursor() as cr:  # what came of an upload cannot be noted
            cr.execute("LOCK TABLE l10n_cl_dte_sii_attempt IN SHARE MODE")
        wait_until(lambda: folio in sending.sii.documents, "it is stored")
        wait_until(sending.is_waiting, "the answer is to be kept")
        sending.kill_workers()
    assert sending.state(document)[1] == "sending"
    sending.settle(document)
    assert sending.sii.documents[folio] == 1
    assert sending.sii.uploads == before + 1


def test_a_user_who_saves_meanwhile_has_nothing_sent_twice(sending):
    document, folio = sending.take()
    before = sending.sii.uploads
    mode = {"mode": "late", "target": "upload", "seconds": 3}
    sending.sii.admin("POST", "modes", **mode)
    with contextlib.closing(sending.connect()) as other, sending.pressed(document):
        wait_until(lambda: sending.state(document)[1] == "sending", "it is claimed")
        with other.cursor() as cr:
            cr.execute(
                "UPDATE account_move SET write_date = now() WHERE id = %s", (document,)
            )
        wait_until(sending.is_waiting, "what came of it is to be kept")
        other.commit()
    sending.settle(document)
    assert sending.sii.documents[folio] == 1
    assert sending.sii.uploads == before + 1


def test_two_people_and_the_cron_send_it_once(sending):
    document, folio = sending.take()
    before = sending.sii.uploads
    sending.sii.admin("POST", "modes", mode="late", target="upload", seconds=1)
    with sending.pressed(document, people=2):
        wait_until(lambda: sending.sii.uploads > before, "it is sent")
        sending.poll()
    sending.settle(document)
    assert sending.sii.documents[folio] == 1
    assert sending.sii.uploads == before + 1
