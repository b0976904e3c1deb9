# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many processes, committed data, and what is killed in the middle.

An Odoo with two workers and its crons asks a service of this file's own, which counts;
on its journey the service itself, whose model is one that counts.
"""

import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from ai_service.tests import redis_server
from ai_service.tests.fake_vendor import FakeVendor
from dev.process import ROOT, free_port
from dev.rpc import Client
from dev.stack import Stack

sys.path.insert(0, str(ROOT / "l10n_cl_dte_ai" / "tests"))

from loopback import VALIDATE, Loopback, healthy, opinion, reply, silence

COMPANY = """
from odoo import fields
from odoo.addons.l10n_cl_dte_ai.demo import builder
builder.load(env)
company = env.ref("l10n_cl_dte_ai.demo_company")
company.l10n_cl_dte_ai_service_id = env["l10n_cl_dte_ai.service"].create(
    {{"url": {url!r}, "new_key": "sk-test-of-the-processes", "rate_per_minute": 0}}
)
draft = env.ref("l10n_cl_dte_ai.demo_document_draft").with_company(company)
documents = draft.browse().union(
    *(draft.copy({{"invoice_date": fields.Date.today()}}) for number in range(65))
)
print(*documents.ids)
"""
KEY = "Idempotency-Key"


def moved(handler):
    """A proxy that was set up badly sends everybody elsewhere."""
    reply(307, headers={"Location": "http://127.0.0.1:9/"})(handler)


# What is between us and the service answers /health like that, too.
CONCERNS_ALL = (silence, moved)


class Service(Loopback):
    """`answer` to everybody who asks about a document, and count them."""

    def __init__(self, port=0):
        super().__init__(port=port, always=self._respond)
        self.port = int(self.url.rpartition(":")[2])
        self.begin()

    def begin(self, answer=None):
        self.answer = answer or opinion("review")
        self.arrivals = []
        self.reset()

    def _respond(self, handler):
        if handler.command == VALIDATE[0]:
            self.arrivals.append((time.monotonic(), handler.client_address[1]))
            self.answer(handler)
        elif self.answer in CONCERNS_ALL:
            self.answer(handler)
        else:
            healthy()(handler)

    def keys(self):
        return [request.headers[KEY] for request in self.asked()]


class Processes:
    """The Odoo, its database, and what the tests do with them."""

    def __init__(self, odoo, service):
        self.service = service
        self.odoo = odoo
        self.name = odoo.name
        environment = odoo.server.environment
        self.address = {
            "host": environment["PGHOST"],
            "port": environment.get("PGPORT"),
            "user": environment.get("PGUSER"),
            "password": environment.get("PGPASSWORD"),
        }
        self.documents = odoo.shell(COMPANY.format(url=service.url), log="processes")
        self.documents = [int(number) for number in self.documents.split()[-65:]]
        self.port = free_port()
        self.server = odoo.serve(self.port, workers=2)
        self.url = f"http://127.0.0.1:{self.port}"

    def connect(self, database=None):
        return psycopg2.connect(dbname=database or self.name, **self.address)

    def sql(self, query, *values, database=None):
        with contextlib.closing(self.connect(database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cr:
                cr.execute(query, values)
                return cr.fetchall() if cr.description else None

    def take(self, number):
        taken, self.documents = self.documents[:number], self.documents[number:]
        return taken

    def begin(self, answer=None, rate=0, seconds=12):
        """Begin a test: nothing waits, and the service is as if never asked."""
        self.sql(
            "UPDATE l10n_cl_dte_ai_validation SET state = 'cancelled'"
            " WHERE state IN ('pending', 'sending')"
        )
        self.sql(
            """
            UPDATE l10n_cl_dte_ai_service
               SET breaker_failures = 0, breaker_opens = 0, breaker_until = NULL,
                   probe_until = NULL, blocked_until = NULL, next_slot_at = NULL,
                   health = 'unknown', rate_per_minute = %s, interactive_seconds = %s
            """,
            rate,
            seconds,
        )
        self.service.begin(answer)

    def accountant(self):
        return Client(self.url, self.name, "contadora", "contadora")

    def click(self, document, client=None):
        """Press *Generate DTE*; return the seconds that it takes."""
        client = client or self.accountant()
        start = time.monotonic()
        client.call("account.move", "action_l10n_cl_dte_generate", [document])
        return time.monotonic() - start

    def poll(self):
        """What happens each minute: the cron workers look what is due."""
        self.sql(
            "INSERT INTO ir_cron_trigger (cron_id, call_at)"
            " SELECT res_id, now() AT TIME ZONE 'UTC' FROM ir_model_data"
            " WHERE module = 'l10n_cl_dte_ai' AND name = 'ir_cron_ask'"
        )
        self.sql(f"NOTIFY cron_trigger, '{self.name}'", database="postgres")

    def rows(self, *documents, columns="state, outcome"):
        return self.sql(
            f"SELECT {columns} FROM l10n_cl_dte_ai_validation"
            " WHERE move_id = ANY(%s) ORDER BY id",
            list(documents),
        )

    def queue(self, documents):
        """Let the background ask about documents, none of which it was."""
        self.sql(
            "UPDATE l10n_cl_dte_ai_validation SET state = 'pending',"
            " next_attempt_at = now() AT TIME ZONE 'UTC', attempts = 0,"
            " verdict = NULL, outcome = 'waiting' WHERE move_id = ANY(%s)",
            list(documents),
        )

    def pid_of(self, port):
        """The process whose TCP connection to the service has that port."""
        # A connection to the database may have the same port at this end.
        ends = [f"0100007F:{port:04X}", f"0100007F:{self.service.port:04X}"]
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        [inode] = [fields[9] for fields in map(str.split, lines) if fields[1:3] == ends]
        for pid in self.children():
            with contextlib.suppress(OSError):
                for entry in Path(f"/proc/{pid}/fd").iterdir():
                    if os.readlink(entry) == f"socket:[{inode}]":
                        return pid
        raise AssertionError(f"no worker has the port {port}")

    def children(self):
        master = self.server.process.pid
        return Path(f"/proc/{master}/task/{master}/children").read_text().split()

    def expire_leases(self):
        self.sql(
            "UPDATE l10n_cl_dte_ai_validation SET lease_until ="
            " now() AT TIME ZONE 'UTC' - INTERVAL '1 second' WHERE state = 'sending'"
        )

    def log(self):
        return self.server.log.read_text(errors="replace")


def wait_until(condition, what, patience=30):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not in {patience} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def processes(workspace, request):
    # Another file that uses it gets one of its own.
    odoo = workspace.with_addon(request.module.__name__.rpartition(".")[2])
    with Service() as service:
        running = Processes(odoo, service)
        running.server.start()
        try:
            running.server.wait_for_http(f"{running.url}/web/health", "Odoo")
            # Both workers have loaded their registry: what follows is measured.
            with ThreadPoolExecutor(4) as pool:
                for client in pool.map(lambda _n: running.accountant(), range(4)):
                    client.call("res.users", "read", [client.uid], ["login"])
            yield running
        finally:
            running.server.stop()
            if running.service is not service:  # it was killed, and another came
                running.service.close()


def test_62_two_workers_one_invoice(processes):
    processes.begin(lambda handler: handler.pause(1) or opinion()(handler))
    [document] = processes.take(1)
    clients = [processes.accountant() for _number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda client: processes.click(document, client), clients))
    assert processes.rows(document) == [("done", "approved")]
    assert len(processes.service.asked()) == 1


def test_two_workers_and_the_cron_share_one_limit(processes):
    """120 a minute: never faster, whoever asks."""
    processes.begin(opinion("reject"))
    queued, clicked = processes.take(6), processes.take(6)
    client = processes.accountant()
    for document in queued:
        processes.click(document, client)
    processes.begin(rate=120)
    processes.queue(queued)
    processes.poll()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(processes.click, clicked))
    everything = [*queued, *clicked]
    wait_until(
        lambda: (
            {state for (state,) in processes.rows(*everything, columns="state")}
            == {"done"}
        ),
        "everything is answered",
    )
    arrivals = sorted(at for at, _port in processes.service.arrivals)
    assert len(arrivals) == 12
    interval = 60 / 120
    for first, sixth in zip(arrivals, arrivals[5:], strict=False):
        assert sixth - first >= 5 * interval - 0.3
    whole = arrivals[-1] - arrivals[0]
    assert whole >= 11 * interval - 0.3


def kill_who_asks(processes):
    """Kill −9 whoever has the request under way, a worker or a cron."""
    wait_until(lambda: processes.service.arrivals, "the service is asked")
    _at, port = processes.service.arrivals[-1]
    os.kill(int(processes.pid_of(port)), signal.SIGKILL)


@pytest.mark.parametrize("killed", ["worker", "cron"])
def test_58_59_60_a_worker_is_killed(processes, killed):
    """By hand, for `limit_time_real`, or with the machine: it is asked again."""
    [document] = processes.take(1)
    if killed == "cron":
        processes.begin(opinion("reject"))
        processes.click(document)
    processes.begin(silence)
    if killed == "worker":
        client = processes.accountant()
        click = threading.Thread(
            target=_click_in_vain, args=(processes, document, client)
        )
        click.start()
        kill_who_asks(processes)
        click.join()
    else:
        processes.queue([document])
        processes.poll()
        kill_who_asks(processes)
    assert processes.rows(document, columns="state") == [("sending",)]
    [key] = processes.service.keys()
    # Nobody else takes it while the lease lasts.
    processes.service.begin(opinion("review"))
    processes.poll()
    time.sleep(0.5)
    assert not processes.service.asked()
    processes.expire_leases()

    def answered():
        processes.poll()
        time.sleep(0.3)
        return processes.rows(document) == [("done", "review")]

    wait_until(answered, "the verdict arrives")
    assert processes.service.keys() == [key]


def _click_in_vain(processes, document, client):
    with contextlib.suppress(OSError):
        processes.click(document, client)


def test_61_a_conflict_after_the_answer(processes):
    """Only the writing is repeated."""
    [document] = processes.take(1)
    other = processes.connect()

    def answer(handler):
        with other.cursor() as cr:  # another transaction has the row, uncommitted
            cr.execute(
                "UPDATE l10n_cl_dte_ai_validation SET duration_ms = 1"
                " WHERE move_id = %s",
                [document],
            )
        opinion()(handler)
        threading.Timer(0.7, other.commit).start()

    processes.begin(answer)
    before = len(re.findall("(?i)serializ", processes.log()))
    processes.click(document)
    other.close()
    assert processes.rows(document) == [("done", "approved")]
    assert len(processes.service.asked()) == 1
    assert len(re.findall("(?i)serializ", processes.log())) > before


def test_a_conflict_over_what_was_not_sent(processes):
    """The cron ended for it, and forgot what it had been answered."""
    documents = processes.take(10)
    processes.begin(opinion("reject"))
    client = processes.accountant()
    for document in documents:
        processes.click(document, client)
    other = processes.connect()
    asked = threading.Barrier(8)  # of the ten: the last two wait for a thread

    def answer(handler):
        if asked.wait(5):
            handler.pause(1)
            opinion("review")(handler)
            return
        with other.cursor() as cr:
            cr.execute(
                "UPDATE l10n_cl_dte_ai_validation SET duration_ms = 1"
                " WHERE move_id = %s",
                [documents[-1]],
            )
        threading.Timer(2, other.commit).start()
        reply(429)(handler)  # it concerns those that were not sent, too

    processes.begin(answer)
    before = len(re.findall("(?i)serializ", processes.log()))
    processes.queue(documents)
    processes.poll()
    wait_until(
        lambda: (
            Counter(processes.rows(*documents, columns="state"))
            == {("done",): 7, ("pending",): 3}
        ),
        "all is written down",
    )
    other.close()
    assert len(re.findall("(?i)serializ", processes.log())) > before


def test_two_failures_at_once_open_the_breaker(processes):
    """Each counted four, none opened it, and nobody was asked again."""
    [document] = processes.take(1)
    processes.begin()
    other = processes.connect()

    def answer(handler):
        with other.cursor() as cr:
            cr.execute("UPDATE l10n_cl_dte_ai_service SET breaker_failures = 4")
        threading.Timer(0.5, other.commit).start()
        reply(500)(handler)

    processes.service.begin(answer)
    processes.click(document)
    other.close()
    [(failures, opens, is_closed)] = processes.sql(
        "SELECT breaker_failures, breaker_opens, breaker_until IS NOT NULL"
        " FROM l10n_cl_dte_ai_service"
    )
    # What a test before had under way may end here and fail, too.
    assert failures >= 5
    assert (opens, is_closed) == (1, True)


@pytest.mark.parametrize("who", ["click", "cron"])
def test_no_transaction_is_open_while_the_service_thinks(processes, who):
    """But for the one in which Odoo keeps the lock of the cron."""
    [document] = processes.take(1)
    processes.begin()
    if who == "cron":
        processes.click(document)
    processes.begin(lambda handler: handler.pause(2) or opinion()(handler))
    with ThreadPoolExecutor(1) as pool:
        if who == "click":
            click = pool.submit(processes.click, document)
        else:
            processes.queue([document])
            processes.poll()
        wait_until(lambda: processes.service.arrivals, "the service is asked")
        longest = (0, "")
        end = time.monotonic() + 1.5
        with contextlib.closing(processes.connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cr:
                while time.monotonic() < end:
                    cr.execute(IDLE_IN_TRANSACTION)
                    longest = max(longest, *cr.fetchall())
                    time.sleep(0.02)
        if who == "click":
            click.result()
    wait_until(
        lambda: processes.rows(document) == [("done", "approved")], "it is answered"
    )
    # Other crons of Odoo have short ones meanwhile.
    assert longest[0] <= 1, longest


# Of any process: a worker's connections bear the name of its parent.
IDLE_IN_TRANSACTION = """
    SELECT extract(epoch FROM clock_timestamp() - state_change)::float, query
      FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'idle in transaction'
       AND query !~ 'FROM ir_cron[^_].* FOR NO KEY UPDATE|DELETE FROM ir_cron_trigger'
     UNION SELECT 0, ''
"""


def test_a_service_that_freezes(processes):
    """Clicks end, the next one at once; when it is back, all is answered by itself."""
    documents = processes.take(6)
    processes.begin(silence, seconds=3)
    clients = [processes.accountant() for _number in range(2)]
    processes.click(processes.take(1)[0], clients[0])
    with ThreadPoolExecutor(2) as pool:
        seconds = [
            *pool.map(processes.click, documents[:2], clients),
            *pool.map(processes.click, documents[2:4], clients),
        ]
    assert max(seconds) < 5
    assert len(processes.service.asked()) == 5
    assert processes.click(documents[4], clients[0]) < 1
    assert processes.click(documents[5], clients[1]) < 1
    assert len(processes.service.asked()) == 5
    assert processes.sql(
        "SELECT health, health_reason FROM l10n_cl_dte_ai_service"
    ) == [("down", "timeout")]
    states = processes.rows(*documents, columns="state, reason")
    assert states == [("pending", "timeout")] * 6

    processes.service.begin(opinion())
    # The time passes, and nobody does anything.
    processes.sql(
        "UPDATE l10n_cl_dte_ai_service SET breaker_until = now() AT TIME ZONE 'UTC'"
    )
    processes.sql(
        "UPDATE l10n_cl_dte_ai_validation SET next_attempt_at ="
        " now() AT TIME ZONE 'UTC' WHERE state = 'pending'"
    )
    processes.poll()
    wait_until(
        lambda: processes.rows(*documents) == [("done", "approved")] * 6,
        "everything is answered",
    )
    wait_until(
        lambda: (
            processes.sql("SELECT health, breaker_failures FROM l10n_cl_dte_ai_service")
            == [("healthy", 0)]
        ),
        "the indicator is green",
    )
    assert len(processes.service.asked()) == 7


class PaidService:
    """The AI service on a Redis; `vendor` is its model, and each call of it costs."""

    MESSAGE = "Visto por el modelo"

    def __init__(self, odoo):
        self.redis = redis_server.RedisServer()
        self.vendor = FakeVendor()
        self.vendor.answer = {
            "recommendation": "review",
            "confidence": 80,
            "errors": [],
            "warnings": [self.MESSAGE],
        }
        self.stack = Stack(odoo)
        self.stack.service_environment = {
            "REDIS_URL": self.redis.url,
            # It is about what is kept there, not about how fast a busy machine is.
            "AI_SERVICE_REDIS_TIMEOUT": "5",
            "AI_SERVICE_RATE_LIMIT": "100000",
            **self.vendor.environment("anthropic"),
        }

    def __enter__(self):
        self.stack.start_service()
        return self

    def __exit__(self, *exc_info):
        self.stack.stop_service()
        self.vendor.stop()
        self.redis.stop()

    def asked(self):
        """How often the model was asked each question."""
        return Counter(
            call["messages"][-1]["content"] for call in list(self.vendor.calls)
        )

    def answered(self):
        """How many answers Redis holds."""
        with socket.create_connection(("127.0.0.1", self.redis.port), 5) as connection:
            connection.sendall(b"KEYS llm_cache:*\r\n")
            return int(connection.makefile("rb").readline()[1:])


@pytest.fixture
def paid_service(processes):
    if not redis_server.PROGRAM:
        missing = pytest.fail if redis_server.required() else pytest.skip
        missing(redis_server.MISSING)
    processes.begin()
    point = "UPDATE l10n_cl_dte_ai_service SET url = %s, key = %s RETURNING url"
    [before] = processes.sql("SELECT url, key FROM l10n_cl_dte_ai_service")
    with PaidService(processes.odoo) as paid:
        stack = paid.stack
        processes.sql(point, stack.service_url, stack.service_key)
        yield paid
        processes.sql(point, *before)


def test_the_service_is_killed_and_nothing_is_lost_or_paid_twice(
    processes, paid_service
):
    """Each question is paid once; what was in flight at the kill, once more."""
    distinct, answered = 12, 5
    documents = processes.take(2 * distinct)
    client = processes.accountant()
    for number, document in enumerate(documents):
        [line, *_more] = client.call(
            "account.move", "read", [document], ["invoice_line_ids"]
        )[0]["invoice_line_ids"]
        # The second half repeats what the first half says.
        values = {"price_unit": 10_000 + 1_000 * (number % distinct)}
        client.call(
            "account.move", "write", document, {"invoice_line_ids": [[1, line, values]]}
        )
    paid_service.vendor.script = ["ok"] * answered
    paid_service.vendor.always = "hang"
    batch = "l10n_cl_dte_ai.generate.batch"
    [wizard] = client.call(batch, "create", [{"move_ids": [[6, 0, documents]]}])
    client.call(batch, "action_start", [wizard])

    wait_until(
        lambda: len(paid_service.asked()) == distinct,
        "some are answered, and the others asked about",
    )
    wait_until(lambda: paid_service.answered() == answered, "they are kept")
    paid_service.stack.kill_service()
    in_flight = distinct - answered
    assert paid_service.asked().total() == distinct
    paid_service.vendor.always = "ok"

    # People go on meanwhile.
    [clicked] = processes.take(1)
    assert processes.click(clicked, client) < 5
    documents.append(clicked)
    wait_until(
        lambda: ("sending",) not in processes.rows(*documents, columns="state"),
        "Odoo has heard that it is gone",
    )
    assert processes.rows(clicked, columns="state") == [("pending",)]

    paid_service.stack.start_service()

    def everything_is_answered():
        # The time passes, and nobody does anything.
        processes.sql(
            "UPDATE l10n_cl_dte_ai_service SET breaker_until = now() AT TIME ZONE 'UTC'"
            " WHERE breaker_until IS NOT NULL"
        )
        processes.sql(
            "UPDATE l10n_cl_dte_ai_validation SET next_attempt_at ="
            " now() AT TIME ZONE 'UTC' WHERE state = 'pending'"
        )
        processes.poll()
        time.sleep(0.5)
        states = processes.rows(*documents, columns="state")
        return states == [("done",)] * len(documents)

    wait_until(everything_is_answered, "everything is answered")
    for verdict, findings in processes.rows(*documents, columns="verdict, findings"):
        assert verdict == "review"
        assert paid_service.MESSAGE in [each["message"] for each in findings]
    asked = paid_service.asked()
    assert len(asked) == distinct + 1
    assert asked.total() == distinct + 1 + in_flight
    assert max(asked.values()) == 2
    assert processes.sql(
        "SELECT state FROM l10n_cl_dte_ai_batch ORDER BY id DESC LIMIT 1"
    ) == [("done",)]
