# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whatever stands in an envelope is answered: no text breaks the simulator."""

import random
import re

import pytest
from lxml import etree

from .documents import document, envelope

VALUES = ["", "0", "007", "-1", "+5", "1.5", "abc", "ñ", "²", "1-9", " 5 ", "33", "61"]
VALUES += [
    "110",
    "2026-02-30",
    "2026-11-25Z",
    "2050-12-31",
    "9" * 18,
    "A" * 40,
    "&amp;",
]
VALUES += ["2026-11-25T10:00:00", "2026-11-25T24:00:00", "AQAB", "////", "76101010-7"]
FINAL = {"EPR", "RSC", "RFR", "RCT", "RPT"}


def changed(chance):
    """A function that changes one element of a text: its text, or that it is there."""

    def change(text):
        tag = chance.choice(re.findall(r"<(\w+)>[^<]*</\1>", text))
        value = chance.choice([*VALUES, None])
        new = "" if value is None else f"<{tag}>{value}</{tag}>"
        return re.sub(rf"<{tag}>[^<]*</{tag}>", lambda _m: new, text, count=1)

    return change


@pytest.mark.parametrize("seed", range(8))
def test_any_text(client, simulator, caf, signer, seed):
    chance = random.Random(seed)
    client.admin("POST", "settings", schema_later=bool(seed % 2))
    for folio in range(1, 16):
        inner = {chance.choice(["data", "stamped", "unsigned"]): changed(chance)}
        outer = {"unsigned": changed(chance)} if chance.random() < 0.3 else {}
        try:
            made = document(caf, signer, folio, **({} if outer else inner))
            content = envelope([made], signer, **outer)
        except (etree.XMLSyntaxError, UnicodeEncodeError):
            continue
        reply = client.upload(content)
        assert reply.tag("STATUS") in ("0", "7"), (reply.text, inner, outer)
        track = reply.tag("TRACKID")
        if track:
            simulator.clock.advance(60)
            assert client.sending(track).tag("ESTADO") in FINAL
            simulator.clock.reset()
