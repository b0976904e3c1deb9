# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo data as tables. Every firm, person and RUT in here is invented."""

import csv
from dataclasses import dataclass
from typing import NamedTuple

from odoo.tools import file_open

# --- The company -------------------------------------------------------------

COMPANY = {
    "name": "Logística Peñalmira SpA",
    "vat": "76101010-7",
    "l10n_cl_activity_description": (
        "Transporte de carga y pasajeros, bodegaje y venta de embalajes"
    ),
    "street": "Av. Los Aromos 4210, Bodega 7",
    "city": "Quilicura",
    "region": "13",
    "zip": "8700000",
    "phone": "+56 2 2555 0170",
}
# Given once the company exists: a new company that has an address on the internet is
# looked up by partner_autocomplete, over the network, at Odoo's own service.
COMPANY_ONLINE = {
    "email": "contacto@penalmira.example",
    "website": "https://www.penalmira.example",
}

COMPANY_DTE = {
    "l10n_cl_dte_resolution_number": "80",
    "l10n_cl_dte_resolution_date": "2014-08-22",
    "l10n_cl_dte_ciudad": "Santiago",
}
ACTIVITIES = {
    "492300": "Transporte de carga por carretera",
    "521009": "Otros servicios de almacenamiento y depósito",
}

ACCOUNTANT = {
    "name": "Rosario Peñailillo Vera",
    "login": "contadora",
    "password": "contadora",
    "email": "rosario.penailillo@penalmira.example",
    "lang": "es_419",
    "tz": "America/Santiago",
}

# A firm that has invoiced for years does not start at folio 1.
FIRST_FOLIO = {"33": "004187", "34": "000312", "56": "000026", "61": "000158"}

# --- Customers and products ---------------------------------------------------


def rows(table):
    """The rows of one of the CSV files beside this one."""
    with file_open(f"l10n_cl_dte_ai/demo/{table}.csv") as source:
        yield from csv.DictReader(source)


# --- Documents ---------------------------------------------------------------


class Line(NamedTuple):
    product: str
    quantity: float
    discount: float = 0
    name: str = ""  # instead of the product's


@dataclass(frozen=True)
class Document:
    key: str
    code: str  # of the document type
    customer: str
    days: int | None  # from today; None: no date
    lines: tuple[Line, ...]
    shows: str = ""  # empty: only there for the customer's history
    clean: bool = True  # nothing in it for the rules or the AI to object to
    draft: bool = False
    origin: str = ""  # of a note: the document that it corrects
    reason: str = ""  # of a note

    @property
    def is_note(self):
        return self.code in ("56", "61")

    @property
    def xmlid(self):
        return f"demo_{'document' if self.shows else 'history'}_{self.key}"


# What makes "ten times the usual" mean something: a year of monthly invoices to some
# customers. Per customer: the lines, and per invoice the days back and the quantities.
HISTORY = {
    "torcaza": (
        ("storage", "forklift"),
        [
            (335, (118, 14)),
            (274, (120, 16)),
            (213, (120, 13)),
            (152, (125, 15)),
            (91, (122, 14)),
            (34, (120, 15)),
        ],
    ),
    "brisanorte": (
        ("truck", "pallet"),
        [
            (310, (3, 60)),
            (249, (3, 72)),
            (188, (4, 60)),
            (127, (3, 66)),
            (66, (3, 60)),
        ],
    ),
    "efrain": (
        ("box", "film"),
        [
            (286, (30, 24)),
            (225, (28, 24)),
            (164, (32, 20)),
            (103, (30, 22)),
            (45, (30, 24)),
        ],
    ),
    "halcon": (
        ("freight", "staff_bus"),
        [
            (298, (24.5, 10)),
            (237, (26, 10)),
            (176, (25.5, 11)),
            (115, (24, 10)),
            (54, (25, 10)),
        ],
    ),
    "quillay": (
        ("minibus", "staff_bus"),
        [
            (261, (8, 2)),
            (200, (7, 2)),
            (139, (8, 2)),
            (78, (8, 3)),
        ],
    ),
}
EXEMPT_HISTORY = ("quillay",)

LAST_WEEK = (
    Line("truck", 2),
    Line("forklift", 6.5),
    Line("pallet", 40, discount=5),
)

SHOWCASE = [
    Document(
        "mixed",
        "33",
        "halcon",
        -26,
        (Line("freight", 25.5), Line("staff_bus", 10), Line("pallet", 24, discount=10)),
        "Affected and exempt items in one invoice, with a discount",
    ),
    Document(
        "storage",
        "33",
        "sanador",
        -23,
        (Line("storage", 184.5), Line("picking", 12.25), Line("film", 18)),
        "Quantities with decimals",
    ),
    Document(
        "packaging",
        "33",
        "remache",
        -21,
        (
            Line("box", 12, discount=15),
            Line("strap", 7.4),
            Line("cardboard", 150, discount=10),
            Line("film", 30, discount=5),
        ),
        "Goods in several units, each line with its own discount",
    ),
    Document(
        "exempt",
        "34",
        "quillay",
        -19,
        (Line("minibus", 8), Line("staff_bus", 2)),
        "Exempt invoice: the carriage of passengers",
    ),
    Document(
        "freight",
        "33",
        "coigues",
        -16,
        (Line("freight", 9.6), Line("pallet", 30)),
        "Freight that a debit note corrects later",
    ),
    Document(
        "returned",
        "33",
        "hebrasur",
        -14,
        (Line("box", 25), Line("pallet", 36), Line("truck", 1)),
        "Goods of which some come back",
    ),
    Document(
        "cancelled",
        "33",
        "muroclaro",
        -12,
        (Line("forklift", 18), Line("truck", 1)),
        "Invoice that a credit note cancels",
    ),
    Document(
        "no_giro",
        "33",
        "kanwari",
        -9,
        (Line("truck", 1), Line("film", 12)),
        "Customer without giro",
        clean=False,
    ),
    Document(
        "last_week",
        "33",
        "lenga",
        -7,
        LAST_WEEK,
        "Last week's invoice, which somebody enters again today",
    ),
    Document(
        "no_comuna",
        "33",
        "raulintal",
        -3,
        (Line("freight", 14), Line("strap", 10)),
        "Customer without comuna",
        clean=False,
    ),
    Document(
        "minibus",
        "34",
        "cormoran",
        -2,
        (
            Line("minibus", 6),
            Line("minibus", 2, discount=10, name="Excursión a Vicuña"),
        ),
        "Exempt invoice, one line with a discount",
    ),
    Document(
        "draft",
        "33",
        "brisanorte",
        0,
        (Line("truck", 3), Line("pallet", 64, discount=5)),
        "Draft of an ordinary invoice",
        draft=True,
    ),
    Document(
        "undated",
        "33",
        "cormoran",
        None,
        (Line("storage", 60), Line("minibus", 2)),
        "Draft without a date: Odoo fills it in on posting",
        draft=True,
    ),
    Document(
        "ten_times",
        "33",
        "torcaza",
        0,
        (Line("storage", 1200), Line("forklift", 150)),
        "Ten times what this customer usually buys: a zero too many",
        clean=False,
        draft=True,
    ),
    Document(
        "duplicate",
        "33",
        "lenga",
        0,
        LAST_WEEK,
        "Last week's invoice, entered a second time",
        clean=False,
        draft=True,
    ),
    Document(
        "all_exempt",
        "33",
        "muroclaro",
        0,
        (Line("staff_bus", 4), Line("minibus", 3)),
        "Exempt items only in a 33, which should be a 34",
        clean=False,
        draft=True,
    ),
    Document(
        "emoji",
        "33",
        "efrain",
        0,
        (Line("emoji", 40), Line("film", 12)),
        "Emoji in the name of a product",
        clean=False,
        draft=True,
    ),
    Document(
        "wrong_rut",
        "33",
        "almendral",
        0,
        (Line("cardboard", 220), Line("box", 10)),
        "Customer whose RUT has a wrong check digit",
        clean=False,
        draft=True,
    ),
    Document(
        "tomorrow",
        "33",
        "sanador",
        1,
        (Line("picking", 8), Line("film", 10)),
        "Dated tomorrow",
        clean=False,
        draft=True,
    ),
    Document(
        "next_month",
        "33",
        "remache",
        30,
        (Line("box", 20), Line("strap", 5)),
        "Dated 30 days from now",
        clean=False,
        draft=True,
    ),
    Document(
        "final_consumer",
        "33",
        "mostrador",
        0,
        (Line("box", 2), Line("strap", 1)),
        "Invoice to 66666666-6, which is for receipts only",
        clean=False,
        draft=True,
    ),
    # Notes. Odoo keeps the link to the original in reversed_entry_id (61) or
    # debit_origin_id (56).
    Document(
        "credit_note_cancels",
        "61",
        "muroclaro",
        -11,
        (Line("forklift", 18), Line("truck", 1)),
        "Credit note that cancels its invoice",
        origin="cancelled",
        reason="anula factura por error en la faena",
    ),
    Document(
        "credit_note_partial",
        "61",
        "hebrasur",
        -10,
        (Line("pallet", 6), Line("box", 2)),
        "Credit note for a part: goods returned",
        origin="returned",
        reason="devolución de pallets y cajas dañadas",
    ),
    Document(
        "debit_note",
        "56",
        "coigues",
        -8,
        (Line("freight", 1.4, name="Diferencia de peso en romana"),),
        "Debit note for freight that weighed more",
        origin="freight",
        reason="diferencia de peso en romana",
    ),
    Document(
        "debit_note_draft",
        "56",
        "remache",
        0,
        (Line("truck", 1, discount=50, name="Despacho a domicilio no facturado"),),
        "Draft of a debit note",
        draft=True,
        origin="packaging",
        reason="despacho no facturado",
    ),
    Document(
        "credit_note_exempt",
        "61",
        "quillay",
        0,
        (Line("minibus", 1),),
        "Draft of a credit note on an exempt invoice",
        draft=True,
        origin="exempt",
        reason="viaje suspendido",
    ),
    Document(
        "credit_note_backdated",
        "61",
        "lenga",
        -9,
        (Line("pallet", 4, discount=5),),
        "Credit note dated before the invoice that it corrects",
        clean=False,
        draft=True,
        origin="last_week",
        reason="pallets devueltos",
    ),
    Document(
        "credit_note_no_reference",
        "61",
        "efrain",
        0,
        (Line("box", 3), Line("film", 2)),
        "Credit note that does not say which invoice it corrects",
        clean=False,
        draft=True,
    ),
]


def documents():
    """All documents: those of the past year, then the showcase."""
    for customer, (products, invoices) in HISTORY.items():
        code = "34" if customer in EXEMPT_HISTORY else "33"
        for number, (days, quantities) in enumerate(invoices, start=1):
            lines = tuple(map(Line, products, quantities))
            yield Document(f"{customer}_{number}", code, customer, -days, lines)
    yield from SHOWCASE
