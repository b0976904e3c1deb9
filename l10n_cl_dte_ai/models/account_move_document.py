# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import dataclasses

from odoo import api, models

from ..tools.dte import rules, xml
from ..tools.dte.currencies import CURRENCIES, OTHER
from ..tools.dte.document import (
    EXEMPT,
    NOTES,
    Circumstances,
    Documento,
    DscRcgGlobal,
    ImptoReten,
    MntPagos,
    OtraMoneda,
)
from ..tools.dte.rules.taxes import MAX_RATE
from ..tools.dte.tax_codes import IVA_CODE, WITHHELD
from .payload_fields import PAYLOAD_FIELDS, READ_AHEAD, read_ahead
from .texts import one_line

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
        all_in_spanish = self._l10n_cl_dte_fetch()
        known = all_in_spanish._l10n_cl_dte_known()
        return {
            move: in_spanish._l10n_cl_dte_build(known.get(in_spanish, {}))
            for move, in_spanish in zip(self, all_in_spanish, strict=True)
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

    def _l10n_cl_dte_build(self, known):
        """Build the DTE of one invoice.

        :param known: what our books say of the documents that it refers to, by type
            and folio
        """
        lines = self.line_ids.filtered(
            lambda line: line.display_type in ("product", "line_note")
        ).sorted(lambda line: (line.sequence, line.id))
        discounts = lines.filtered(
            lambda line: line.display_type == "product" and line.price_subtotal < 0
        )
        products = lines.filtered(lambda line: line.display_type == "product")
        exempt = products.filtered(lambda line: line._l10n_cl_dte_is_exempt())
        # A rounding that changes the tax has an entry of the tax, too.
        entries = self.line_ids.filtered(
            lambda line: line.tax_line_id and line.display_type != "rounding"
        )
        iva = entries.filtered(
            lambda line: line.tax_line_id.l10n_cl_sii_code == IVA_CODE
        )
        taxes = self._l10n_cl_dte_other_taxes(entries - iva)
        references = self._l10n_cl_dte_references(known)
        amounts = {
            "MntNeto": sum(x._l10n_cl_dte_amount() for x in products - exempt),
            "MntExe": sum(x._l10n_cl_dte_amount() for x in exempt),
            "IVA": sum(x._l10n_cl_dte_amount() for x in iva),
            "MntTotal": self._l10n_cl_dte_total(),
        }
        document = Documento(
            TipoDTE=self.l10n_latam_document_type_id.code or "",
            Folio=self._l10n_cl_dte_folio(),
            FchEmis=self.invoice_date or None,
            **self._l10n_cl_dte_payment(amounts["MntTotal"]),
            Emisor=self.company_id._l10n_cl_dte_emisor(),
            Receptor=self._l10n_cl_dte_receiver(),
            Detalle=(lines - discounts)._l10n_cl_dte_details(),
            DscRcgGlobal=tuple(
                DscRcgGlobal(
                    NroLinDR=number,
                    GlosaDR=one_line(line.name),
                    ValorDR=-line._l10n_cl_dte_amount(),
                    IndExeDR=EXEMPT if line in exempt else 0,
                )
                for number, line in enumerate(discounts, start=1)
            ),
            ImptoReten=taxes,
            Referencia=references,
            **amounts,
            TasaIVA=max(iva.tax_line_id.mapped("amount"), default=0.0),
            OtraMoneda=self._l10n_cl_dte_other_currency(products, exempt, iva),
            circumstances=self._l10n_cl_dte_circumstances(known),
        )
        if not document.is_purchase:
            return document
        kept = sum(tax.MontoImp for tax in taxes if tax.TipoImp in WITHHELD)
        return dataclasses.replace(document, IVANoRet=max(document.IVA + kept, 0))

    def _l10n_cl_dte_circumstances(self, known):
        origin = self.reversed_entry_id or self.debit_origin_id
        rounding = self.line_ids.filtered(lambda line: line.display_type == "rounding")
        early = self.line_ids.filtered(lambda line: line.display_type == "epd")
        return Circumstances(
            origin=known.get(origin._l10n_cl_dte_key()) if origin else None,
            rounding=self._l10n_cl_dte_rounding(),
            rounds_taxes=bool(rounding.tax_line_id),
            discounts_taxes=bool(early),
        )

    def _l10n_cl_dte_references(self, known):
        return tuple(
            dataclasses.replace(each, known=known.get((each.TpoDocRef, each.FolioRef)))
            for each in self._l10n_cl_dte_reference_rows()
        )

    def _l10n_cl_dte_other_taxes(self, entries):
        """Return each tax once: Odoo keeps an entry for each of its distributions."""
        amounts = {}
        for entry in entries:
            tax = entry.tax_line_id
            if tax.amount:
                key = (tax.l10n_cl_sii_code, _rate(tax))
                name, amount = amounts.get(key, (tax.name, 0))
                amounts[key] = (name, amount + entry._l10n_cl_dte_amount())
        return tuple(
            ImptoReten(TipoImp=code, TasaImp=rate, MontoImp=amount, name=name)
            for (code, rate), (name, amount) in amounts.items()
        )

    def _l10n_cl_dte_other_currency(self, products, exempt, iva):
        """Return the totals in the invoice's own currency, where that is not the
        peso.
        """
        currency, rate = self.currency_id, self.invoice_currency_rate
        if currency == self.company_id.currency_id or not rate or not self.amount_total:
            return None
        name = currency.l10n_cl_short_name
        return OtraMoneda(
            TpoMoneda=name if name in CURRENCIES else OTHER,
            TpoCambio=round(1 / rate, 4),
            MntNetoOtrMnda=round(sum((products - exempt).mapped("price_subtotal")), 4),
            MntExeOtrMnda=round(sum(exempt.mapped("price_subtotal")), 4),
            IVAOtrMnda=round(
                sum(iva.mapped("amount_currency")) * self.direction_sign, 4
            ),
            MntTotOtrMnda=round(self.amount_total, 4),
        )

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

    def _l10n_cl_dte_payment(self, total):
        """Return form of payment, due date and parts, which a note has none of."""
        if self.l10n_latam_document_type_id.code in NOTES:
            return {}
        due, date = self.invoice_date_due, self.invoice_date
        chosen = self.l10n_cl_dte_payment_form
        # A due date before the invoice's is no cash, but a slip: a rule says so.
        form = int(chosen or (CREDIT if due and date and due != date else CASH))
        if form != CREDIT:
            return {"FmaPago": form}
        return {
            "FmaPago": form,
            "FchVenc": due or None,
            "MntPagos": self._l10n_cl_dte_payments(total),
        }

    def _l10n_cl_dte_payments(self, total):
        """Return the payments of terms in parts; what is rounded in cash is no part."""
        terms = self.line_ids.filtered(
            lambda line: line.display_type == "payment_term" and line.date_maturity
        )
        parts = [
            (date, -sum(line._l10n_cl_dte_amount() for line in entries))
            for date, entries in sorted(terms.grouped("date_maturity").items())
        ]
        if len(parts) < 2:
            return ()
        date, amount = parts[-1]
        parts[-1] = (date, amount - self._l10n_cl_dte_rounding())
        return tuple(MntPagos(FchPago=date, MntPago=amount) for date, amount in parts)

    def _l10n_cl_dte_receiver(self):
        return self.partner_id._l10n_cl_dte_receptor()

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
        today = self.company_id._l10n_cl_dte_today()
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


def _rate(tax):
    """Return a tax's rate in percent; 0 where it is no percentage a DTE can hold."""
    rate = abs(tax.amount)
    return rate if tax.amount_type == "percent" and rate <= MAX_RATE else 0.0
