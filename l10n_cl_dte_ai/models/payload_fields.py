# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a document is built of: the one list, and what follows from it.

From `account.move._l10n_cl_dte_payload_fields` come the fields that are read ahead,
those whose change outdates a verdict or a file, and those of contacts, companies and
taxes whose change is looked for in the open documents. Another addon that puts a field
into the document adds its path there, and to nothing else.
"""

import functools

from .res_partner import READINESS_FIELDS

_TAX = (
    "l10n_cl_sii_code",
    "name",
    "amount",
    "amount_type",
    "price_include_override",
)
# Also of the document that a note corrects.
READ_OF_MOVE = (
    "name",
    "move_type",
    "state",
    "posted_before",
    "invoice_date",
    "amount_total_signed",
    "journal_id.l10n_latam_use_documents",
    "l10n_latam_document_type_id.code",
    "l10n_latam_document_type_id.doc_code_prefix",
)

PAYLOAD_FIELDS = (
    *READ_OF_MOVE,
    "invoice_date_due",
    "l10n_cl_dte_payment_form",
    "l10n_cl_dte_posting_date",
    "currency_id.l10n_cl_short_name",
    "invoice_currency_rate",
    "amount_total",
    "invoice_cash_rounding_id",
    *(f"reversed_entry_id.{name}" for name in READ_OF_MOVE),
    *(f"debit_origin_id.{name}" for name in READ_OF_MOVE),
    *(
        f"line_ids.{name}"
        for name in (
            "display_type",
            "sequence",
            "name",
            "balance",
            "quantity",
            "price_unit",
            "price_subtotal",
            "discount",
            "currency_id",
            "amount_currency",
            "date_maturity",
            "product_id.default_code",
            "product_id.barcode",
            "product_uom_id.name",
            *(f"tax_ids.{each}" for each in _TAX),
            *(f"tax_ids.children_tax_ids.{each}" for each in _TAX),
            *(f"tax_line_id.{each}" for each in _TAX),
        )
    ),
    "l10n_cl_reference_ids.l10n_cl_reference_doc_type_id.code",
    "l10n_cl_reference_ids.origin_doc_number",
    "l10n_cl_reference_ids.date",
    "l10n_cl_reference_ids.reference_doc_code",
    "l10n_cl_reference_ids.reason",
    *(f"partner_id.{name}" for name in READINESS_FIELDS),
    *(f"commercial_partner_id.{name}" for name in READINESS_FIELDS),
    *(f"company_id.partner_id.{name}" for name in READINESS_FIELDS),
    "company_id.l10n_cl_company_activity_ids.code",
    "company_id.l10n_cl_dte_ciudad",
    "company_id.l10n_cl_dte_branch_code",
)
# No part of the document, but needed wherever one is built.
READ_AHEAD = (
    "l10n_cl_dte_ai_digest",
    "l10n_cl_dte_ai_state",
    "l10n_cl_dte_findings",
    "l10n_cl_dte_fingerprint",
    "l10n_cl_dte_state",
    "company_id.parent_path",
    "company_id.currency_id",
    "company_id.account_fiscal_country_id",
    "company_id.account_price_include",
    "company_id.l10n_cl_dte_ai_service_id",
    "company_id.l10n_cl_dte_ai_leave_out_names",
    "company_id.l10n_cl_dte_ai_policy",
    "company_id.partner_id.tz",
    "line_ids.move_id",
    "line_ids.tax_ids.company_id",
    "line_ids.tax_line_id.company_id",
    "partner_id.commercial_partner_id",
    "commercial_partner_id.country_id.code",
    "commercial_partner_id.l10n_latam_identification_type_id.is_vat",
)
# What belongs to one invoice alone; all else is shared with others.
_OWN = ("line_ids", "l10n_cl_reference_ids")


def read_ahead(records, paths):
    """Put fields of records, and of those that they point to, into the ORM's cache.

    One statement or two for each relation, however many records there are.

    :param records: of any model; new ones are left out
    :param paths: names of fields, dotted as in `@api.depends`
    """
    _read(records._origin, _as_tree(tuple(paths)))


def _read(records, tree):
    if not records:
        return
    records.fetch(list(tree))
    for name, rest in tree.items():
        if rest:
            _read(records[name], rest)


@functools.lru_cache
def _as_tree(paths):
    """Return dotted names as dictionaries in one another: the same ones each time."""
    tree = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


def own_paths(paths):
    """Return of these paths what belongs to the invoice itself: for `@api.depends`.

    A contact or a tax counts as which one it is, not as what it says: through these the
    ORM would find every invoice that there has ever been.

    :rtype: list[str]
    """
    found = {}
    for path in paths:
        first, _dot, rest = path.partition(".")
        second = rest.partition(".")[0]
        found[f"{first}.{second}" if first in _OWN else first] = None
    return list(found)


def shared_fields(model, paths):
    """Return what documents take from records that they share with others.

    :param model: of which the paths are, without records
    :return: the names of the fields by model
    :rtype: dict[str, set[str]]
    """
    found = {}
    for path in paths:
        owner, names = model, path.split(".")
        for depth, name in enumerate(names):
            if (depth and names[0] not in _OWN) or depth > 1:
                found.setdefault(owner._name, set()).add(name)
            if owner._fields[name].relational:
                owner = owner.env[owner._fields[name].comodel_name]
    return found
