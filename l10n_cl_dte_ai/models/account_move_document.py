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
from .payload_fields import PAYLOAD_FIELDS, READ_AHEAD, read_ahead

IVA_CODE = 14  # of `account.tax.l10n_cl_sii_code`
CASH, CREDIT = 1, 2  # of FmaPago


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """An invoice as a DTE: the bridge from Odoo's fields to the SII's elements."""

    _inherit = "account.move"

    @api.model
    def _l10n_cl_dte_payload_fields(self):
        """Return the fields that the document is built of, dotted as in `@api.depends`.

        Another addon that puts a field into the document extends this: the field is
        read ahead then, and its change outdates verdict and file.

        :rtype: list[str]
        """
        return list(PAYLOAD_FIELDS)

    # === The document === #

    def _l10n_cl_dte_as_document(self):
        """Build the DTE of an invoice.

        :rtype: Documento
        """
        self.ensure_one()
        return self._l10n_cl_dte_as_documents()[self]

    def _l10n_cl_dte_as_documents(self):
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
        read_ahead(moves, [*self._l10n_cl_dte_payload_fields(), *READ_AHEAD])
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
        chosen = self.l10n_cl_dte_payment_form
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
                    CodRef=int(self._l10n_cl_dte_reference_code()),
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
        outdates the file, if `_l10n_cl_dte_payload_fields` names it.

        :rtype: etree._Element
        """
        self.ensure_one()
        return xml.as_tree(document)

    # === What the rules say of it === #

    def _l10n_cl_dte_findings(self):
        """Return what the rules find in Odoo's data.

        :rtype: list[rules.Finding]
        """
        return self._l10n_cl_dte_apply_rules(self._l10n_cl_dte_as_document())

    def _l10n_cl_dte_apply_rules(self, document):
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

    def _l10n_cl_dte_has_errors(self, document):
        return any(
            finding.severity == rules.ERROR
            for finding in self._l10n_cl_dte_apply_rules(document)
        )

    def _l10n_cl_dte_record_to_mend(self, finding):
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
