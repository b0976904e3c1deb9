# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.tools import float_round

from ..tools.dte import rules, xml
from ..tools.dte.document import (
    NOTES,
    Detalle,
    Documento,
    DscRcgGlobal,
    ImptoReten,
    Referencia,
    half_up,
)
from .fetch_tree import fetch_tree
from .res_partner import READINESS_FIELDS

IVA_CODE = 14  # of `account.tax.l10n_cl_sii_code`
CASH, CREDIT = 1, 2  # of FmaPago

# What the document is built of, read in one statement.
PARTNER_FIELDS = {
    name: {} for name in (*READINESS_FIELDS, "commercial_partner_id", "tz")
}
COMPANY_FIELDS = {
    "parent_path": {},
    "currency_id": {},
    "account_fiscal_country_id": {},
    "account_price_include": {},
    "l10n_cl_company_activity_ids": {"code": {}},
    "l10n_cl_dte_ai_ciudad": {},
    "l10n_cl_dte_ai_service_id": {},
    "l10n_cl_dte_ai_leave_out_names": {},
    "partner_id": PARTNER_FIELDS,
}
TAX_FIELDS = {
    "l10n_cl_sii_code": {},
    "amount": {},
    "price_include_override": {},
    "company_id": {},
}
LINE_FIELDS = {
    "display_type": {},
    "sequence": {},
    "name": {},
    "balance": {},
    "quantity": {},
    "price_unit": {},
    "price_subtotal": {},
    "discount": {},
    "currency_id": {},
    "product_id": {},
    "product_uom_id": {"name": {}},
    "tax_ids": TAX_FIELDS,
    "tax_line_id": TAX_FIELDS,
}
REFERENCE_FIELDS = {
    "l10n_cl_reference_doc_type_id": {"code": {}},
    "origin_doc_number": {},
    "date": {},
    "reference_doc_code": {},
    "reason": {},
}
# Also of the document that a note corrects.
ORIGIN_FIELDS = {
    "name": {},
    "move_type": {},
    "state": {},
    "posted_before": {},
    "invoice_date": {},
    "amount_total_signed": {},
    "company_id": {},
    "journal_id": {"l10n_latam_use_documents": {}},
    "l10n_latam_document_type_id": {"code": {}, "doc_code_prefix": {}},
}
MOVE_FIELDS = {
    **ORIGIN_FIELDS,
    "company_id": COMPANY_FIELDS,
    "line_ids": LINE_FIELDS,
    "l10n_cl_reference_ids": REFERENCE_FIELDS,
    "partner_id": PARTNER_FIELDS,
    "commercial_partner_id": PARTNER_FIELDS,
    "reversed_entry_id": ORIGIN_FIELDS,
    "debit_origin_id": ORIGIN_FIELDS,
    "invoice_date_due": {},
    "l10n_cl_dte_ai_payment_form": {},
    "l10n_cl_dte_ai_posting_date": {},
}


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """An invoice as a DTE: the bridge from Odoo's fields to the SII's elements."""

    _inherit = "account.move"

    def _l10n_cl_dte_ai_dependencies(self):
        """Return every field that the document is built from.

        A change of any of them outdates a verdict. What a reference says of the
        document it points to is left out: that one is posted, and does not change.
        """
        partner = ("name", "vat", "l10n_cl_activity_description")
        address = ("street", "street2", "city")
        return [
            "l10n_latam_document_type_id",
            "invoice_date",
            "l10n_cl_dte_ai_posting_date",
            "amount_total_signed",
            "reversed_entry_id",
            "debit_origin_id",
            "line_ids.balance",
            *(f"l10n_cl_reference_ids.{name}" for name in REFERENCE_FIELDS),
            *(
                f"invoice_line_ids.{name}"
                for name in (
                    "display_type",
                    "sequence",
                    "name",
                    "quantity",
                    "price_unit",
                    "price_subtotal",
                    "discount",
                    "tax_ids",
                    "product_uom_id",
                )
            ),
            *(f"commercial_partner_id.{name}" for name in partner),
            *(f"partner_id.{name}" for name in address),
            *(f"company_id.partner_id.{name}" for name in partner + address),
        ]

    # === The document === #

    def _l10n_cl_dte_document(self):
        """Build the DTE of an invoice.

        :rtype: Documento
        """
        self.ensure_one()
        return self._l10n_cl_dte_documents()[self]

    def _l10n_cl_dte_documents(self):
        """Build the DTE of each invoice, in a fixed number of queries.

        :rtype: dict[AccountMove, Documento]
        """
        return {
            move: in_spanish._l10n_cl_dte_build()
            for move, in_spanish in zip(self, self._l10n_cl_dte_fetch(), strict=True)
        }

    def _l10n_cl_dte_fetch(self):
        """Read what the documents are built of.

        :return: `self` as the documents are built: by the superuser, in their language.
            A document is the same for whoever looks at it, though units of measure are
            translated, and rules may hide a tax or a branch from some
        :raise AccessError: where the user may not read these invoices
        """
        moves = self.sudo().with_context(lang=self._l10n_cl_dte_lang())
        fetch_tree(moves, MOVE_FIELDS)
        self._origin.check_access("read")  # after it: the rules read fields as well
        return moves

    def _l10n_cl_dte_build(self):
        lines = self.line_ids.filtered(
            lambda line: line.display_type == "product"
        ).sorted(lambda line: (line.sequence, line.id))
        discounts = lines.filtered(lambda line: line.price_subtotal < 0)
        amounts = {
            is_exempt: sum(
                self._l10n_cl_dte_amount(line)
                for line in lines
                if _is_exempt(line) == is_exempt
            )
            for is_exempt in (False, True)
        }
        taxes = self.line_ids.filtered("tax_line_id")
        iva = taxes.filtered(lambda line: line.tax_line_id.l10n_cl_sii_code == IVA_CODE)
        return Documento(
            TipoDTE=self.l10n_latam_document_type_id.code or "",
            Folio=self._l10n_cl_dte_folio(),
            FchEmis=self.invoice_date or None,
            **self._l10n_cl_dte_payment(),
            Emisor=self.company_id._l10n_cl_dte_emisor(),
            Receptor=self._l10n_cl_dte_receiver(),
            Detalle=tuple(
                self._l10n_cl_dte_detail(number, line)
                for number, line in enumerate(lines - discounts, start=1)
            ),
            DscRcgGlobal=tuple(
                DscRcgGlobal(
                    NroLinDR=number,
                    GlosaDR=_text(line.name),
                    ValorDR=-self._l10n_cl_dte_amount(line),
                    IndExeDR=_is_exempt(line),
                )
                for number, line in enumerate(discounts, start=1)
            ),
            ImptoReten=self._l10n_cl_dte_other_taxes(taxes - iva),
            Referencia=self._l10n_cl_dte_references(),
            MntNeto=amounts[False],
            MntExe=amounts[True],
            TasaIVA=max(iva.tax_line_id.mapped("amount"), default=0.0),
            IVA=sum(self._l10n_cl_dte_amount(line) for line in iva),
            MntTotal=_pesos(abs(self.amount_total_signed)),
        )

    def _l10n_cl_dte_amount(self, line):
        """Return an entry's amount in pesos: of a sale positive, also on a refund."""
        return _pesos(line.balance * self.direction_sign)

    def _l10n_cl_dte_lang(self):
        installed = [code for code, _name in self.env["res.lang"].get_installed()]
        spanish = sorted(code for code in installed if code.startswith("es"))
        return next(
            (code for code in ("es_CL", "es_419", *spanish) if code in installed),
            "en_US",
        )

    def _l10n_cl_dte_folio(self):
        number = self.l10n_latam_document_number or ""
        # A draft's number is a guess that posting may change.
        return int(number) if self.posted_before and number.isdigit() else None

    def _l10n_cl_dte_payment(self):
        """Return form of payment and due date, which a credit note has none of."""
        if self.l10n_latam_document_type_id.code in NOTES:
            return {}
        due, date = self.invoice_date_due, self.invoice_date
        chosen = self.l10n_cl_dte_ai_payment_form
        form = int(chosen or (CREDIT if due and date and due > date else CASH))
        return {"FmaPago": form, "FchVenc": due if form == CREDIT and due else None}

    def _l10n_cl_dte_receiver(self):
        return self.partner_id._l10n_cl_dte_receptor()

    def _l10n_cl_dte_detail(self, number, line):
        # The document is in pesos, whatever currency the invoice is in.
        amount = self._l10n_cl_dte_amount(line)
        quantity, price, discount = line.quantity, line.price_unit, line.discount
        if quantity < 0 and price < 0:  # as much as both positive
            quantity, price = -quantity, -price
        in_pesos = line.currency_id == self.company_id.currency_id
        has_net_price = not any(line.tax_ids.mapped("price_include"))
        if not (in_pesos and has_net_price) and quantity and discount < 100:
            price = amount / quantity / (1 - discount / 100)
        off = half_up(quantity, price) - amount if discount else 0
        name, _separator, description = (line.name or "").strip().partition("\n")
        return Detalle(
            NroLinDet=number,
            NmbItem=_text(name or line.product_id.name),
            DscItem=_text(description),
            QtyItem=quantity,
            UnmdItem=_text(line.product_uom_id.name),
            PrcItem=price,
            DescuentoPct=max(discount, 0.0),
            DescuentoMonto=max(off, 0) if discount > 0 else 0,
            RecargoPct=max(-discount, 0.0),
            RecargoMonto=max(-off, 0) if discount < 0 else 0,
            CodImpAdic=tuple(
                tax.l10n_cl_sii_code
                for tax in line.tax_ids
                if tax.l10n_cl_sii_code != IVA_CODE
            ),
            MontoItem=amount,
            IndExe=_is_exempt(line),
        )

    def _l10n_cl_dte_other_taxes(self, entries):
        """Return each tax once: Odoo keeps an entry for each of its distributions."""
        amounts = {}
        for entry in entries:
            tax = entry.tax_line_id
            key = (tax.l10n_cl_sii_code, abs(tax.amount))
            amounts[key] = amounts.get(key, 0) + self._l10n_cl_dte_amount(entry)
        return tuple(
            ImptoReten(TipoImp=code, TasaImp=rate, MontoImp=amount)
            for (code, rate), amount in amounts.items()
        )

    def _l10n_cl_dte_references(self):
        origin = self.reversed_entry_id or self.debit_origin_id
        references = self.l10n_cl_reference_ids.sorted("id")
        if not references and origin:
            return (
                Referencia(
                    TpoDocRef=origin.l10n_latam_document_type_id.code or "",
                    FolioRef=_folio(origin.l10n_latam_document_number),
                    FchRef=origin.invoice_date or None,
                    CodRef=int(self._l10n_cl_dte_ai_reference_code()),
                    total=_pesos(abs(origin.amount_total_signed)),
                ),
            )
        return tuple(
            Referencia(
                TpoDocRef=each.l10n_cl_reference_doc_type_id.code or "",
                FolioRef=_folio(each.origin_doc_number),
                FchRef=each.date or None,
                CodRef=int(each.reference_doc_code or 0) or None,
                RazonRef=_text(each.reason),
                total=(
                    _pesos(abs(origin.amount_total_signed))
                    if origin
                    and _folio(each.origin_doc_number)
                    == _folio(origin.l10n_latam_document_number)
                    else None
                ),
            )
            for each in references
        )

    # === Its file === #

    def _l10n_cl_dte_xml(self, document):
        """Return a document of this invoice as the bytes of its file."""
        return xml.as_bytes(self._l10n_cl_dte_tree(document))

    def _l10n_cl_dte_tree(self, document):
        """Return a document of this invoice as the tree of its file.

        Another addon adds what it has to say with `xml.add`. Whatever it depends on
        outdates the file, if `_l10n_cl_dte_ai_dependencies` names it.

        :rtype: etree._Element
        """
        self.ensure_one()
        return xml.as_tree(document)

    # === What the rules say of it === #

    def _l10n_cl_dte_ai_findings(self):
        """Return what the rules find in Odoo's data.

        :rtype: list[rules.Finding]
        """
        return self._l10n_cl_dte_ai_check(self._l10n_cl_dte_document())

    def _l10n_cl_dte_ai_check(self, document):
        """Return what the rules find in a document that was built of this invoice."""
        self.ensure_one()
        company_tz = self.company_id.partner_id.tz or "America/Santiago"
        today = fields.Date.context_today(self.with_context(tz=company_tz))
        return rules.check(document, today, self.env._, self._l10n_cl_dte_rules())

    @api.model
    def _l10n_cl_dte_rules(self):
        """Return the rules that documents are checked against.

        Another addon adds a :class:`rules.Rule` of its own to them, with a function
        that takes document, today and translate, and yields a `Finding` for each thing
        that is wrong.

        :rtype: list[rules.Rule]
        """
        return rules.RULES

    def _l10n_cl_dte_ai_has_errors(self, document):
        return any(
            finding.severity == rules.ERROR
            for finding in self._l10n_cl_dte_ai_check(document)
        )

    def _l10n_cl_dte_ai_record_to_mend(self, finding):
        """Return the record in which a rule's finding is mended."""
        self.ensure_one()
        match finding.target:
            case rules.COMPANY:
                return self.company_id
            case rules.EMISOR:
                return self.company_id.partner_id
            case rules.RECEPTOR if finding.field in ("DirRecep", "CmnaRecep"):
                return self.partner_id
            case rules.RECEPTOR:
                return self.commercial_partner_id
        return self


def _pesos(amount):
    return int(float_round(amount, precision_digits=0, rounding_method="HALF-UP"))


def _is_exempt(line):
    return not any(tax.l10n_cl_sii_code == IVA_CODE for tax in line.tax_ids)


def _text(value):
    return " ".join((value or "").split())


def _folio(number):
    """Return a folio as the SII writes it: without the zeros that Odoo puts before."""
    number = _text(number)
    return str(int(number)) if number.isdecimal() else number
