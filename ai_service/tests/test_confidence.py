# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the confidence means: how sure the recommendation is."""

from . import documents as docs
from .test_rules import _today, judge  # noqa: F401 (the fixture pins the date)

HISTORY = [docs.previous(285000 + n, 30 * n) for n in range(1, 4)]


def test_a_clean_document_with_all_its_data_reaches_the_ceiling():
    assert judge(docs.invoice(), HISTORY).confidence == 95.0


def test_less_data_means_less_confidence_to_send():
    full = judge(docs.invoice(), HISTORY)
    undated = judge(docs.invoice(fecha_emision=None), HISTORY)
    alone = judge(docs.invoice(fecha_emision=None))
    assert full.confidence > undated.confidence > alone.confidence > 47.5


def test_a_remark_lowers_the_confidence_to_send():
    rounded = judge(docs.invoice(monto_iva=40861, monto_total=285916))
    assert rounded.recommendation == "send"
    assert rounded.confidence < judge(docs.invoice()).confidence


def test_more_defects_make_the_rejection_surer_and_never_certain():
    one = judge(docs.invoice(giro_receptor=None))
    two = judge(docs.invoice(giro_receptor=None, comuna_receptor=None))
    assert one.recommendation == two.recommendation == "reject"
    assert one.confidence < two.confidence <= 99.0


def test_a_doubt_is_less_sure_than_a_defect():
    doubt = judge(docs.invoice(), [docs.previous(285915, 1)])
    defect = judge(docs.invoice(monto_iva=18000))
    assert (doubt.recommendation, defect.recommendation) == ("review", "reject")
    assert doubt.confidence < defect.confidence


def test_warnings_stand_beside_the_errors_that_decide():
    opinion = judge(docs.invoice(giro_receptor=None), [docs.previous(285915, 1)])
    assert opinion.recommendation == "reject"
    assert len(opinion.errors) == len(opinion.warnings) == 1
