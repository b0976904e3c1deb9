# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A thousand documents to a SII that cuts connections, and to one that does not."""

from dev.simulator import SiiSimulator

from .. import at_most, exactly, shown
from ..context import run_inside

TITLE = "1,000 documents to the SII's simulator"
DOCUMENTS = 1000
KILLS = (300, 600)
# Of the uploads: as many cut before they arrive as after they were stored.
RATES = {"reset_before": 0.05, "reset_after": 0.05}
LATENCY = 0.05


def measure(bench):
    with SiiSimulator("--delay", "0") as sii:
        origin = bench.sending_database(sii, DOCUMENTS)
        yield from _without_faults(bench, sii, origin)
        yield from _with_faults(bench, sii, origin)


def _without_faults(bench, sii, origin):
    odoo = bench.copy_of(origin)
    sii.admin("POST", "settings", latency=LATENCY)
    found = run_inside(odoo, "sending", "in_envelopes")
    bench.drop(odoo)
    title = "envelopes of 100: seconds to sign, send and know them"
    yield at_most(title, found["seconds"], 60, "{:.1f}")
    yield shown("the same: of these, to generate and sign", f"{found['sign']:.1f}")
    accepted = found["states"].get("accepted", 0)
    yield exactly("the same: documents accepted", accepted, DOCUMENTS)
    statements = found["statements_send"] / DOCUMENTS
    yield at_most("the same: SQL a document to send and know it", statements, 3)
    statements = found["statements_sign"] / DOCUMENTS
    yield shown("the same: SQL a document to generate and sign it", f"{statements:.1f}")


def _with_faults(bench, sii, origin):
    odoo = bench.copy_of(origin)
    run_inside(odoo, "sending", "sign")
    signed = bench.copy_of(bench.keep(odoo))
    _begin(sii)
    found = run_inside(odoo, "sending", "one_by_one", url=sii.url, kills=KILLS)
    bench.drop(odoo)
    times = sii.documents.values()
    cut = "5 % cut before, 5 % after storing, 2 kills"
    yield exactly(f"{cut}: documents at the SII", len(times), DOCUMENTS)
    twice = sum(each > 1 for each in times)
    yield exactly("the same: documents that came twice", twice, 0)
    accepted = found["states"].get("accepted", 0)
    yield exactly("the same: known here as accepted", accepted, DOCUMENTS)
    yield at_most("the same: uploads / document", sii.uploads / DOCUMENTS, 1.06)
    _begin(sii)
    run_inside(signed, "sending", "naive", url=sii.url)
    bench.drop(signed)
    twice = sum(each > 1 for each in sii.documents.values())
    yield shown("naive sender, the same faults: documents that came twice", twice)


def _begin(sii):
    sii.admin("DELETE", "state")
    sii.admin("POST", "settings", latency=0)
    sii.admin("POST", "rates", rates=RATES, seed=7)
