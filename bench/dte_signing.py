# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Stamp and signature of a batch, and the rehearsal of a draft, without Odoo.

Run by `python3 -m dev bench`, in the environment of the oracles. Prints JSON: seconds
of the processor a document, the best of some rounds.
"""

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / "oracle" / "sii"),
    str(ROOT / "oracle"),
    str(ROOT / "l10n_cl_dte_ai"),
]

from conftest import NOW, _official, cafs, stand_in  # noqa: E402
from documents import document, line  # noqa: E402
from lxml import etree  # noqa: E402
from sii_tools import envelope, rehearsal, rsa_sha1, signature, stamp  # noqa: E402
from tools.dte.xml import as_xml  # noqa: E402

DOCUMENTS, ROUNDS, LINES = 1000, 3, 6
REHEARSALS = 100


def each(function, count):
    best = float("inf")
    for _round in range(ROUNDS):
        start = time.process_time()
        for _number in range(count):
            function()
        best = min(best, (time.process_time() - start) / count)
    return best


def main():
    content = as_xml(
        document(
            lines=[line(number, 10_000 * number) for number in range(1, LINES + 1)]
        )
    )
    authority = stand_in.TestAuthority()
    caf = cafs.parse(authority.caf("76101010-7", "33", 1, 9999, NOW.date()))
    key = caf.load_key()
    signer = signature.Signer(*stand_in.certificate(now=NOW.astimezone()))
    schema = _official("EnvioDTE_v10.xsd")
    cover = envelope.Cover("76101010-7", stand_in.HOLDER, NOW.date(), 0)

    def sign():
        stamped, _ted = stamp.stamp(content, caf, key, NOW)
        return signature.sign_dte(stamped, signer)

    def rehearse():
        rehearsed = rehearsal.rehearse(content, cover, NOW)
        assert schema.validate(etree.fromstring(rehearsed.envelope))

    rehearse()  # makes its keys
    signature.verify(sign())
    figures = {
        "documents": DOCUMENTS,
        "sign": each(sign, DOCUMENTS),
        "rsa": each(lambda: rsa_sha1.sign(signer.key, content), DOCUMENTS),
        "rehearse": each(rehearse, REHEARSALS),
    }
    json.dump(figures, sys.stdout)


main()
