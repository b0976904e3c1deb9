# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Stamp and CAF, each with what passes and what does not."""

import datetime
import re

import pytest

from sii_simulator.caf import Authority

from .conftest import issued
from .documents import Caf, document

# === Stamp and CAF ===


def test_a_stamp_over_other_data(result):
    def change(ted):
        return ted.replace("<IT1>Flete a", "<IT1>Flete  a")

    (kept,) = result(1, inner={"stamped": change})[1]
    assert any("TED-2-510" in each for each in kept["findings"])
    assert kept["state"] == "rejected"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("RR", "11111111-1"),
        ("MNT", "119001"),
        ("IT1", "Otra cosa"),
        ("RSR", "Otro nombre"),
        ("FE", "2026-01-01"),
    ],
)
def test_the_stamp_repeats_the_document(result, tag, value):
    def change(data):
        return re.sub(f"<{tag}>[^<]*</{tag}>", f"<{tag}>{value}</{tag}>", data, count=1)

    (kept,) = result(1, inner={"data": change})[1]
    assert any(
        f"SIM-3-1) Timbre no corresponde al documento : {tag}" in each
        for each in kept["findings"]
    )


def test_long_names_are_cut_in_the_stamp(result):
    long = "Comercializadora e Importadora de la Patagonia Ltda"
    (kept,) = result(
        1,
        inner={
            "name": long,
            "data": lambda data: data.replace(long, long[:40].strip()),
        },
    )[1]
    assert kept["state"] == "accepted", kept["findings"]


def test_a_caf_of_another_sii(result, signer):
    foreign = Caf(Authority().issue("76101010-7", "33", 1, 9, datetime.date.today()))
    (kept,) = result([document(foreign, signer, 1)])[1]
    assert "(SIM-3-2) CAF no firmado por este SII : IDK 999" in kept["findings"]


def test_a_caf_under_the_number_of_another_key(result, signer, server):
    authority = server.simulator.authority
    foreign = Caf(
        authority.issue("76101010-7", "33", 1, 9, datetime.date.today(), idk=300)
    )
    (kept,) = result([document(foreign, signer, 1)])[1]
    assert kept["findings"] == ["(SIM-3-2) CAF no firmado por este SII : IDK 300"]


def test_a_changed_caf(result, signer, server):
    changed = issued(server, first=1, last=9)
    changed.node = changed.node.replace("<H>9</H>", "<H>99</H>")
    (kept,) = result([document(changed, signer, 50)])[1]
    assert [each[:9] for each in kept["findings"]] == ["(SIM-3-2)"]


@pytest.mark.parametrize(("folio", "state"), [(5, "accepted"), (6, "rejected")])
def test_the_range(result, signer, server, folio, state):
    few = issued(server, first=2, last=5)
    (kept,) = result([document(few, signer, folio)])[1]
    assert kept["state"] == state
    assert ("SIM-3-3" in "".join(kept["findings"])) is (state == "rejected")


def test_the_caf_of_another_type_or_issuer(result, signer, server, credit_caf):
    (kept,) = result([document(credit_caf, signer, 1)])[1]
    assert "SIM-3-4" in "".join(kept["findings"])
    (kept,) = result([document(issued(server, rut="11111111-1"), signer, 2)])[1]
    assert "SIM-3-4" in "".join(kept["findings"])


@pytest.mark.parametrize(
    ("code", "days", "state"),
    [
        ("33", 180, "accepted"),
        ("33", 181, "rejected"),
        ("61", 181, "rejected"),
        ("34", 400, "accepted"),
        ("33", -2, "rejected"),
    ],
)
def test_the_age(result, signer, server, code, days, state):
    caf = issued(server, code=code, days=days)
    made = document(caf, signer, 1, code=code)
    (kept,) = result([made])[1]
    assert kept["state"] == state, kept["findings"]
    if days > 180 and state == "rejected":
        assert "CAF-3-517) CAF Vencido : Firma_DTE[" in kept["findings"][0]


@pytest.mark.parametrize(
    ("receiver", "state"), [("55555555-5", "accepted"), ("76202020-3", "rejected")]
)
def test_an_export_invoice(result, signer, server, receiver, state):
    """Another root, an amount with decimals, and always the same receiver's RUT."""

    def export(text):
        totals = (
            "<Totales><TpoMoneda>DOLAR USA</TpoMoneda><MntExe>119000.5</MntExe>"
            "<MntTotal>119000.5</MntTotal></Totales>"
        )
        text = re.sub("<Totales>.*</Totales>", totals, text)
        return text.replace("Documento", "Exportaciones")

    def data(text):
        return re.sub("<RR>[^<]*</RR>", f"<RR>{receiver}</RR>", text)

    caf = issued(server, code="110")
    made = document(caf, signer, 1, code="110", unsigned=export, data=data)
    _state, (kept,) = result([made])
    assert kept["state"] == state, kept["findings"]


@pytest.mark.parametrize("code", ["34", "46", "52", "56", "61"])
def test_each_type(result, signer, server, code):
    (kept,) = result([document(issued(server, code=code), signer, 1, code=code)])[1]
    assert (kept["state"], kept["type"]) == ("accepted", code)
