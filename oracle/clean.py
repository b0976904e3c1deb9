# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Documents in which no rule finds anything, of each kind that Odoo's invoices give."""

import datetime
from dataclasses import replace

from documents import RECEPTOR, REFERENCE, TODAY, document, line
from tools.dte.document import (
    EXEMPT,
    NOT_INVOICED,
    CdgItem,
    Circumstances,
    DscRcgGlobal,
    ImptoReten,
    Known,
    MntPagos,
    OtraMoneda,
)

DAY = datetime.timedelta(days=1)
ORDER = replace(REFERENCE, TpoDocRef="801", FolioRef="OC-7", CodRef=None, RazonRef="")
CHILEAN = replace(RECEPTOR, country="CL", taxpayer="1", has_rut=True)
ABROAD = replace(RECEPTOR, RUTRecep="55555555-5", RznSocRecep="Cloud Inc.")


def tax(code, rate, amount):
    return ImptoReten(TipoImp=code, TasaImp=rate, MontoImp=amount)


def off(value, number=1, **values):
    return DscRcgGlobal(NroLinDR=number, GlosaDR="Descuento", ValorDR=value, **values)


def taxed(*taxes, code="33", **values):
    codes = tuple(each.TipoImp for each in taxes)
    return document(code, lines=[line(CodImpAdic=codes)], ImptoReten=taxes, **values)


def note(code, coded, corrected="33", **values):
    """A note on a document of ours that is in our books."""
    known = Known(corrected, 41, TODAY, RECEPTOR.RUTRecep, 119_000)
    if code == "61" and coded == 2:
        values["lines"] = [line(amount=0)]
    if corrected == "46":
        values.setdefault("IVANoRet", 15_000)
        values["lines"] = [line(CodImpAdic=(34,))]
        values["ImptoReten"] = (tax(34, 4.0, -4_000),)
        known = replace(known, MntTotal=115_000)
    reference = replace(
        REFERENCE, CodRef=coded, TpoDocRef=corrected, known=known, FchRef=TODAY
    )
    return document(
        code,
        Referencia=(*values.pop("also", ()), reference),
        circumstances=Circumstances(origin=known),
        **values,
    )


ILA = [line(CodImpAdic=(27,)), line(2, 50_000, CodImpAdic=(24,)), line(3, 9_999)]
CLEAN = {
    "invoice": document(Receptor=CHILEAN),
    "invoice with exempt lines": document(lines=[line(), line(2, 333, IndExe=EXEMPT)]),
    "invoice without folio and date": document(Folio=None, FchEmis=None),
    "many lines": document(
        lines=[
            line(n, 1_000 * n, QtyItem=float(n), PrcItem=1_000.0) for n in range(1, 61)
        ]
    ),
    "discounts on lines": document(
        lines=[
            line(
                amount=90_000,
                PrcItem=100_000.0,
                DescuentoPct=10.0,
                DescuentoMonto=10_000,
            ),
            line(2, 105, PrcItem=100.0, RecargoPct=5.0, RecargoMonto=5),
        ]
    ),
    "discounts on the whole": document(
        lines=[line(), line(2, 5_000, IndExe=EXEMPT)],
        DscRcgGlobal=(off(1_000), off(500, 2, IndExeDR=EXEMPT)),
    ),
    "other taxes": document(
        lines=ILA, ImptoReten=(tax(27, 10.0, 10_000), tax(24, 31.5, 15_750))
    ),
    "tax by quantity": taxed(tax(28, 0.0, 1_035)),
    "product codes and notes": document(
        lines=[
            line(amount=0, NmbItem="Según OC", QtyItem=0.0, IndExe=NOT_INVOICED),
            line(
                2, CdgItem=(CdgItem("INT1", "A-1"), CdgItem("EAN13", "7801234567895"))
            ),
        ]
    ),
    "payment in parts": document(
        FmaPago=2,
        FchVenc=TODAY + 30 * DAY,
        MntPagos=(MntPagos(TODAY, 59_500), MntPagos(TODAY + 30 * DAY, 59_500)),
    ),
    "in dollars": document(
        OtraMoneda=OtraMoneda("DOLAR USA", 950.0, 105.26, 0.0, 20.0, 125.26)
    ),
    "with order": document(Referencia=(ORDER,)),
    "for many guides": document(
        Referencia=(
            replace(
                REFERENCE, TpoDocRef="52", FolioRef="0", CodRef=None, IndGlobal=True
            ),
        )
    ),
    "exempt invoice": document("34", Receptor=CHILEAN),
    "purchase, all withheld": document("46"),
    "purchase, part withheld": taxed(tax(34, 4.0, -4_000), code="46"),
    "purchase, nothing withheld": document(
        "46", lines=[line(CodImpAdic=(49,))], ImptoReten=()
    ),
    "purchase from abroad": document("46", Receptor=ABROAD),
    "guide": document("52"),
    "debit note": note("56", 3),
    "debit note that cancels": note("56", 1, corrected="61"),
    "credit note that cancels": note("61", 1),
    "credit note for part": note("61", 3, lines=[line(amount=1_000)]),
    "credit note for a text": note("61", 2),
    "credit note with order": note("61", 1, also=(ORDER,)),
    "credit note on a purchase": note("61", 1, corrected="46"),
}
