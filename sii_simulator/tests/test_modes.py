# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every mode, on the wire: what the client sees, and whether the SII has it."""

import http.client
import re
import time
from email.utils import parsedate_to_datetime

import pytest

from sii_simulator import modes

from .documents import document, envelope


@pytest.fixture
def one(caf, signer):
    return envelope([document(caf, signer, 1)], signer)


@pytest.fixture
def switch(client):
    def switch(name, **options):
        reply = client.admin("POST", "modes", mode=name, **options)
        assert reply.status == 200, reply.text

    return switch


def stored(client):
    return client.admin("GET", "state").json()["folios"]


# === The connection ===


@pytest.mark.parametrize(("stage", "kept"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hang", TimeoutError),
        ("reset", ConnectionResetError),
        ("close", http.client.RemoteDisconnected),
    ],
)
def test_no_answer(client, switch, one, name, error, stage, kept):
    switch(f"{name}_{stage}", times=1)
    client.timeout = 1
    with pytest.raises(error):
        client.upload(one)
    assert stored(client) == kept
    assert client.upload(one).tag("STATUS") == "0", "once only"


def test_what_hangs_is_let_go(client, switch, one):
    switch("hang_before", seconds=0.2)
    started = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        client.upload(one)
    assert 0.15 < time.monotonic() - started < 3


@pytest.mark.parametrize(("stage", "kept"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("error_500", 500, r"^Error 500$"),
        ("html", 200, r"<html>"),
        ("empty", 200, r"^$"),
        ("http", 503, r"Unavailable"),
        ("redirect", 302, r"^$"),
        ("bad_xml", 200, r"<STATUS>0</STAT$"),
        ("huge", 200, r"^.{2000000}"),
        ("bomb", 200, r"<!ENTITY i"),
        ("soap_fault", 500, r"faultstring"),
    ],
)
def test_a_strange_answer(client, switch, one, name, status, text, stage, kept):
    switch(f"{name}_{stage}", target="upload", times=1)
    reply = client.upload(one)
    assert reply.status == status
    assert re.search(text, reply.text)
    assert stored(client) == kept


def test_error_500_may_come_with_http_200(client, switch, one):
    switch("error_500", http=200)
    reply = client.upload(one)
    assert (reply.status, reply.text) == (200, "Error 500")


def test_limited(client, switch, one):
    switch("http", http=429, retry_after=7, times=1)
    reply = client.upload(one)
    assert (reply.status, reply.headers["X-Retry-After"]) == (429, "7")
    switch("http", http=503, retry_after=7, header="Retry-After")
    assert client.upload(one).headers["Retry-After"] == "7"


def test_a_truncated_answer(client, switch, one):
    switch("truncated")
    with pytest.raises(http.client.IncompleteRead):
        client.upload(one)
    assert stored(client) == 1


def test_a_dripping_answer(client, switch, one):
    switch("drip", bytes=100, seconds=0.1)
    started = time.monotonic()
    assert client.upload(one).tag("STATUS") == "0"
    assert time.monotonic() - started > 0.2


def test_a_late_answer(client, switch, one):
    switch("late", seconds=0.5)
    started = time.monotonic()
    assert client.upload(one).tag("STATUS") == "0"
    assert time.monotonic() - started > 0.5


def test_a_target(client, switch, one):
    switch("error_500", target="sending")
    track = client.upload(one).tag("TRACKID")
    assert client.sending(track).text == "Error 500"
    assert client.document(1).tag("ESTADO") == "DOK"


def test_how_often(client, switch, one):
    switch("error_500", target="upload", times=2)
    texts = [client.upload(one).text == "Error 500" for _ in range(3)]
    assert texts == [True, True, False]


def test_modes_end(client, switch, one):
    switch("error_500")
    client.admin("DELETE", "modes")
    assert client.upload(one).tag("STATUS") == "0"


def test_a_part_of_the_uploads(client, one):
    """Which ones depends on the seed alone."""

    def outcomes(seed):
        rates = {"error_500_before": 0.3, "error_500_after": 0.2}
        client.admin("POST", "rates", rates=rates, seed=seed)
        return [client.upload(one).status == 500 for _ in range(40)]

    first, again, other = outcomes(1), outcomes(1), outcomes(2)
    assert first == again
    assert first != other
    assert 10 <= sum(first) <= 30


def test_rates_hit_about_as_often_as_they_say():
    taken = modes.Modes()
    taken.set_rates([("reset_before", 0.05), ("reset_after", 0.05)], seed=3)
    hits = [taken.take("upload") for _ in range(2000)]
    for stage in modes.STAGES:
        assert 70 <= sum(bool(each.connection(stage)) for each in hits) <= 130
    assert not taken.take("seed").modes


def test_what_there_is_not(client):
    for given in (
        {},
        {"mode": "nada"},
        {"mode": "hang", "target": "nada"},
        {"mode": "hang", "second": 5},
    ):
        reply = client.admin("POST", "modes", **given)
        assert reply.status == 400
        assert " no " in reply.json()["error"]


def test_all_modes_are_told(client):
    told = client.admin("GET", "modes").json()
    assert set(told["connection"]) == set(modes.CONNECTION)
    assert set(told["content"]) == set(modes.CONTENT)


# === The upload's answer ===


@pytest.mark.parametrize("value", [1, 2, 3, 5, 6, 7, 8, 9, 10])
def test_each_status(client, switch, one, value):
    switch("status", value=value)
    assert client.upload(one).tag("STATUS") == str(value)
    assert stored(client) == 0


@pytest.mark.parametrize(
    ("name", "status", "has_track"),
    [("status_missing", None, True), ("status_text", "OK", True)]
    + [("no_trackid", "0", False)],
)
def test_a_strange_reception(client, switch, one, name, status, has_track):
    switch(name)
    reply = client.upload(one)
    assert reply.tag("STATUS") == status
    assert bool(reply.tag("TRACKID")) is has_track
    assert stored(client) == 1


def test_99_on_repeat(client, switch, one, simulator):
    switch("repeat_99")
    assert client.upload(one).tag("STATUS") == "0"
    assert client.upload(one).tag("STATUS") == "99"
    assert client.admin("GET", "state").json()["sendings"] == 1


# === Login and status ===


def test_a_token_dies(client, switch, signer):
    switch("token_dies", calls=2)
    client.login(signer)
    states = [client.sending(1).tag("ESTADO") for _ in range(3)]
    assert states == ["-11", "-11", "002"]


def test_a_login_is_refused(client, switch, signer):
    switch("login", value="-3", times=1)
    assert client.login(signer).tag("ESTADO") == "-3"
    assert client.login(signer).tag("ESTADO") == "00"
    switch("login", target="seed", value="-1")
    assert client.seed().tag("ESTADO") == "-1"


def test_another_prefix_each_time(client, switch):
    assert "<ns1:getSeedResponse" in client.seed().text
    switch("prefix")
    prefixes = [
        re.search(r"<(\w+):getSeedReturn", client.seed().text)[1] for _ in range(3)
    ]
    assert len(set(prefixes)) == 3


def test_latin1_under_the_utf8_label(client, switch, one, simulator):
    track = client.upload(one).tag("TRACKID")
    switch("latin1", target="sending")
    body = client.sending(track).body
    assert b'encoding="UTF-8"' in body
    assert "Ñuñoa".encode("latin-1") in body
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")


def test_stuck(client, switch, one, simulator):
    track = client.upload(one).tag("TRACKID")
    switch("stuck")
    simulator.clock.advance(3000)
    assert client.sending(track).tag("ESTADO") == "PDR"
    client.admin("DELETE", "modes")
    assert client.sending(track).tag("ESTADO") == "EPR"


def test_not_there_yet(client, switch, one):
    track = client.upload(one).tag("TRACKID")
    switch("not_there", times=1)
    reply = client.sending(track)
    assert (reply.tag("ESTADO"), reply.tag("ERR_CODE")) == ("-11", "2")
    assert client.sending(track).tag("ESTADO") == "REC"


@pytest.mark.parametrize("value", ["106", "001", "002", "003", "PRD", "RCH"])
def test_a_state(client, switch, one, value):
    track = client.upload(one).tag("TRACKID")
    switch("estado", value=value)
    assert client.sending(track).tag("ESTADO") == value


@pytest.mark.parametrize("value", ["001", "003", "FAN", "XYZ"])
def test_a_state_of_a_document(client, switch, one, value):
    client.upload(one)
    for target in ("document", "advanced"):
        switch("estado", target=target, value=value)
    assert client.document(1).tag("ESTADO") == value
    reply = client.advanced(1, "x")
    assert (reply.tag("ESTADO"), reply.tag("RECIBIDO")) == (value, None)


def test_it_says_no_for_a_while(client, switch, one, simulator):
    signature = re.search(rb"<SignatureValue>([^<]*)", one)[1].decode()
    client.upload(one)
    switch("advanced_no", minutes=10)
    switch("document_no", minutes=10)
    assert client.advanced(1, signature).tag("RECIBIDO") == "NO"
    assert client.document(1).tag("ESTADO") == "FAU"
    simulator.clock.advance(601)
    assert client.advanced(1, signature).tag("RECIBIDO") == "SI"
    assert client.document(1).tag("ESTADO") == "DOK"


@pytest.mark.parametrize(
    ("name", "state"), [("reject_first", "rejected")] + [("object_first", "objected")]
)
def test_one_of_two(client, switch, result, caf, signer, name, state):
    switch(name)
    _state, documents = result([document(caf, signer, number) for number in (1, 2)])
    assert [each["state"] for each in documents] == [state, "accepted"]


def test_the_clock_is_off(client, simulator, one):
    client.admin("POST", "clock", advance=7200)
    reply = client.upload(one)
    assert reply.tag("TIMESTAMP")[11:13] == f"{simulator.clock.local():%H}"
    told = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert 7100 < told - time.time() < 7300
