# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The journal of one evening: what people saw while the service had a bad day.

It is frozen, killed, limited, redirected and restarted in turn, in real processes: an
Odoo with workers and crons, and a service that listens on a port or does not. Nobody
touches the database, and nobody tells Odoo what happens: it finds out, and how long
that takes is what the journal is about.

    python3 -m dev test system -- -k evening
"""

import time

from test_processes import (
    Service,
    moved,
    opinion,
    processes,
    reply,
    silence,
    wait_until,
)

from dev.console import say

__all__ = ["processes"]  # the fixture

PROMISED = 3  # seconds for a click, so that the evening is a short one
# Seconds until everything that waits is answered: 15 are promised, and the machine of a
# whole `make test` is slow. It took four minutes before.
RECOVERED = 60
WINDOW = "l10n_cl_dte_ai.generate"


class Evening:
    """The accountant, what she does, and what she writes down of it."""

    def __init__(self, processes, tell):
        self.processes = processes
        self.client = processes.accountant()
        self.begun = time.monotonic()
        self.tell = tell
        self.waiting = []

    def note(self, text):
        seconds = time.monotonic() - self.begun
        self.tell(f"  {int(seconds) // 60:02d}:{seconds % 60:04.1f}  {text}")

    def click(self):
        """Press the button on a new document; note what the window says."""
        [document] = self.processes.take(1)
        seconds = self.processes.click(document, self.client)
        wizard = self.client.call(WINDOW, "create", [{"move_id": document}])
        [seen] = self.client.call(WINDOW, "read", wizard, ["outcome", "message"])
        said = seen["message"] or "—"
        self.note(f"click, {seconds:.1f} s: {seen['outcome']} · {said}")
        # A moment for what is not the service: the machine is busy with more than this.
        assert seconds < PROMISED + 4, "she was promised that it takes no longer"
        if seen["outcome"] == "waiting":
            self.waiting.append(document)
        return seen

    def indicator(self):
        statuses = self.client.call("l10n_cl_dte_ai.service", "get_status")
        [status] = [each for each in statuses.values() if each["id"]]
        return status["state"]

    def is_back(self, what):
        """Wait until all that waits is answered; note how long that took."""
        start = time.monotonic()
        waiting, self.waiting = self.waiting, []
        wait_until(
            lambda: (
                {state for (state,) in self.processes.rows(*waiting, columns="state")}
                <= {"done"}
            ),
            f"everything is answered after it was {what}",
            patience=RECOVERED,
        )
        seconds = time.monotonic() - start
        self.note(f"all {len(waiting)} that waited are answered, {seconds:.1f} s later")
        wait_until(lambda: self.indicator() == "healthy", "the indicator is green")
        self.note("the indicator is green")


def freeze(processes):
    processes.service.answer = silence


def kill(processes):
    processes.service.close()


def limit(processes):
    processes.service.answer = reply(429, headers={"Retry-After": "4"})


def redirect(processes):
    processes.service.answer = moved


def mend(processes):
    if processes.service._server.socket.fileno() < 0:  # it was killed
        processes.service = Service(processes.service.port)
    else:
        processes.service._over.set()  # what hangs is given up, as by a restart
        processes.service.begin(opinion("review"))


def test_one_evening(processes, capsys):
    """Whatever happens to the service, clicks end in time, every document is answered,
    none is approved by mistake, and nobody has to do anything.
    """

    def tell(line):
        with capsys.disabled():
            say(line)

    tell("\n\nOne evening")
    processes.begin(opinion("review"), seconds=PROMISED)
    evening = Evening(processes, tell)
    assert evening.click()["outcome"] == "review"
    for name, break_it in (
        ("frozen", freeze),
        ("killed", kill),
        ("limited", limit),
        ("redirected", redirect),
        ("restarted", kill),
    ):
        evening.note(f"*** the service is {name}")
        break_it(processes)
        for _number in range(2):
            seen = evening.click()
            assert seen["outcome"] == "waiting", "no opinion is no approval"
            assert seen["message"], "she is told why"
        state = evening.indicator()
        evening.note(f"the indicator says: {state}")
        assert state == ("limited" if name == "limited" else "down")
        mend(processes)
        evening.note("*** and it is back")
        evening.is_back(name)
        assert evening.click()["outcome"] == "review"
    states = processes.sql(
        "SELECT state, outcome, count(*) FROM l10n_cl_dte_ai_validation"
        " WHERE state != 'cancelled' GROUP BY state, outcome"
    )
    assert {(state, outcome) for state, outcome, _n in states} == {("done", "review")}
