# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The program: its files, its options, HTTPS, and many clients at a time."""

import datetime
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from sii_simulator import certificates, keys, rut
from sii_simulator.cli import main

from .client import Client
from .documents import CHILE, Caf, document, envelope


@contextmanager
def program(*options):
    """(its URL) of the program, started with these options."""
    command = [sys.executable, "-m", "sii_simulator", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[3]
    finally:
        process.kill()
        process.communicate()


def get(url, authority=None):
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(f"{url}/admin/state", context=context) as answer:
        return json.load(answer)


def test_a_key_is_kept_between_two_runs(tmp_path, signer):
    keys, out = str(tmp_path / "keys"), tmp_path / "caf.xml"
    command = ["caf", "--keys", keys, "--rut", "76101010-7", "--type", "33"]
    assert main([*command, "--to", "9", "--out", str(out)]) == 0
    caf = Caf(out.read_bytes())
    with program("--keys", keys, "--delay", "0") as url:
        client = Client(url)
        client.login(signer)
        reply = client.upload(envelope([document(caf, signer, 9)], signer))
        track = reply.tag("TRACKID")
        assert client.sending(track).tags("ACEPTADOS") == ["1"]


def test_options(tmp_path):
    options = ["--environment", "produccion", "--latency", "0.3", "--clock-skew"]
    options += ["3600", "--mode", "status:times=2:value=7", "--mode", "hang:mail"]
    with program(*options, "--rates", "reset_before=5%,close_after=0.1") as url:
        state = get(url)
        now = datetime.datetime.fromisoformat(state["now"])
    assert state["settings"]["environment"] == "produccion"
    assert state["settings"]["latency"] == 0.3
    assert [mode["mode"] for mode in state["modes"]] == [
        "status",
        "hang_before",
        "reset_before",
        "close_after",
    ]
    assert state["modes"][2]["rate"] == 0.05
    here = datetime.datetime.now(CHILE).replace(tzinfo=None)
    assert 3500 < (now - here).total_seconds() < 3700


def test_https_that_can_be_verified(tmp_path):
    authority = str(tmp_path / "ca.pem")
    with program("--tls", "trusted", "--tls-ca", authority) as url:
        assert url.startswith("https://")
        assert get(url, authority)["sendings"] == 0


@pytest.mark.parametrize("kind", ["self-signed", "expired", "wrong-host"])
def test_https_that_must_be_refused(tmp_path, kind):
    authority = str(tmp_path / "ca.pem")
    with (
        program("--tls", kind, "--tls-ca", authority) as url,
        pytest.raises(urllib.error.URLError) as caught,
    ):
        get(url, None if kind == "self-signed" else authority)
    assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mode", "nada"],
        ["--mode", "hang:nada"],
        ["--rates", "reset_before=80%,reset_after=80%"],
        ["caf", "--keys", "x", "--rut", "1-9", "--type", "33", "--from", "5", "--to"]
        + ["1", "--out", "x"],
    ],
)
def test_what_makes_no_sense(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("sii_simulator: ")


@pytest.mark.parametrize("encryption", certificates.ENCRYPTIONS)
def test_a_certificate_as_a_file(tmp_path, encryption):
    out = str(tmp_path / "p.pfx")
    command = ["certificate", "--rut", "12345678-5", "--password", "secreto"]
    assert main([*command, "--encryption", encryption, "--out", out]) == 0
    content = (tmp_path / "p.pfx").read_bytes()
    key, certificate, _more = pkcs12.load_key_and_certificates(content, b"secreto")
    assert key.key_size == 2048
    assert certificates.holder(certificate) == "12345678-5"
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(content, b"otra")


def test_where_the_rut_stands():
    def names(place):
        made = certificates.person("12345678-5", place=place).certificate
        found = made.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
        return certificates.holder(made), bool(found)

    assert names("san") == ("12345678-5", False)
    assert names("serial") == ("12345678-5", True)
    assert names("none") == (None, False)


def test_check_digits():
    for good in ("60803000-K", "76192083-9", "1-9", "55555555-5", "10000013-K"):
        assert rut.is_valid(good)
    for bad in ("60803000-k", "76.192.083-9", "76192083-8", "01-9", "", None, "1"):
        assert not rut.is_valid(bad)


def test_many_clients_at_a_time(server, simulator, client, caf, signer):
    """No document is lost, and none is taken twice."""
    contents = [
        envelope([document(caf, signer, folio)], signer) for folio in range(1, 41)
    ]
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(client.upload, contents * 2))
    assert {reply.tag("STATUS") for reply in replies} == {"0"}
    tracks = {reply.tag("TRACKID") for reply in replies}
    assert len(tracks) == 80
    simulator.clock.advance(60)
    states = [client.sending(track).tag("ESTADO") for track in tracks]
    assert sorted(states) == ["EPR"] * 40 + ["RPT"] * 40
    state = client.admin("GET", "state").json()
    assert state["counters"]["documents accepted"] == state["folios"] == 40


@pytest.mark.parametrize("small", [True, False])
def test_keys_for_folios(small):
    key = keys.load_private(keys.generate(small_exponent=small))
    assert key.key_size == 512
    assert key.public_key().public_numbers().e == (3 if small else 65537)


@pytest.mark.parametrize(
    ("script", "text"),
    [(None, "not on PATH"), ("#!/bin/sh\necho 512 is too small >&2; exit 1", "small")],
)
def test_no_openssl_that_makes_them(tmp_path, monkeypatch, script, text):
    if script:
        (tmp_path / "openssl").write_text(script)
        (tmp_path / "openssl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(keys.OpensslMissing, match=text):
        keys.generate(small_exponent=True)
