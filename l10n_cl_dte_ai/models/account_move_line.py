# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ..tools.dte.document import (
    EXEMPT,
    NOT_INVOICED,
    CdgItem,
    Detalle,
    OtrMnda,
    half_up,
)
from ..tools.dte.tax_codes import IVA_CODE
from .texts import one_line, pesos

# Of `CdgItem.TpoCodigo`, by the length of a barcode.
BARCODES = {8: "EAN8", 12: "UPCA", 13: "EAN13", 14: "DUN14"}
OWN_CODE = "INT1"
MAX_FACTOR = 10**6  # of `FctConv`, which may be left out


class AccountMoveLine(models.Model):
    """A line of an invoice, or an entry of its taxes, as the SII names it."""

    _inherit = "account.move.line"

    # What a product was sold for of late, while a person waits.
    _l10n_cl_dte_ai_prices_idx = models.Index(
        "(product_id, company_id, date DESC)"
        " WHERE parent_state = 'posted' AND display_type = 'product'"
        " AND product_id IS NOT NULL"
    )

    def _l10n_cl_dte_amount(self):
        """Return an entry's amount in pesos: of a sale positive, also on a refund."""
        return pesos(self.balance * self.move_id.direction_sign)

    def _l10n_cl_dte_taxes(self):
        """Return the taxes that count: those in a group instead of the group."""
        return self.tax_ids.flatten_taxes_hierarchy()

    def _l10n_cl_dte_is_exempt(self):
        """Tell whether a line has no IVA. One of 0 % is none."""
        return not any(
            tax.l10n_cl_sii_code == IVA_CODE and tax.amount
            for tax in self._l10n_cl_dte_taxes()
        )

    def _l10n_cl_dte_other_taxes(self):
        """Return a line's taxes besides IVA. One of 0 % without a code says
        “exempt”.
        """
        return self._l10n_cl_dte_taxes().filtered(
            lambda tax: (
                tax.l10n_cl_sii_code != IVA_CODE
                and (tax.l10n_cl_sii_code or tax.amount)
            )
        )

    def _l10n_cl_dte_detail(self, number, notes=()):
        """Return a line as the SII's `Detalle`.

        :param int number: `NroLinDet`
        :param notes: what is typed below the line, as texts
        :rtype: Detalle
        """
        amount = self._l10n_cl_dte_amount()
        quantity, price, discount = self.quantity, self.price_unit, self.discount
        if quantity < 0 and price < 0:  # as much as both positive
            quantity, price = -quantity, -price
        # The document is in pesos, whatever currency the invoice is in.
        in_pesos = self.currency_id == self.move_id.company_id.currency_id
        has_net_price = not any(self._l10n_cl_dte_taxes().mapped("price_include"))
        if not (in_pesos and has_net_price) and quantity and discount < 100:
            price = amount / quantity / (1 - discount / 100)
        off = half_up(quantity, price) - amount if discount else 0
        name, description = self._l10n_cl_dte_item_texts()
        return Detalle(
            NroLinDet=number,
            CdgItem=self._l10n_cl_dte_item_codes(),
            NmbItem=name,
            DscItem=one_line(" ".join((description, *notes))),
            QtyItem=quantity,
            UnmdItem=one_line(self.product_uom_id.name),
            PrcItem=price,
            DescuentoPct=max(discount, 0.0),
            DescuentoMonto=max(off, 0) if discount > 0 else 0,
            RecargoPct=max(-discount, 0.0),
            RecargoMonto=max(-off, 0) if discount < 0 else 0,
            CodImpAdic=tuple(
                self._l10n_cl_dte_other_taxes().mapped("l10n_cl_sii_code")
            ),
            MontoItem=amount,
            IndExe=EXEMPT if self._l10n_cl_dte_is_exempt() else 0,
            OtrMnda=self._l10n_cl_dte_in_other_currency(quantity, discount),
        )

    def _l10n_cl_dte_in_other_currency(self, quantity, discount):
        """Return what a line says in the invoice's own currency, if not the peso.

        The price is that of `MontoItemOtrMnda`, so without taxes that are included.
        """
        move = self.move_id
        currency, rate = self.currency_id, move.invoice_currency_rate
        if currency == move.company_id.currency_id or not rate or discount >= 100:
            return None
        amount = self.price_subtotal
        price = amount / quantity / (1 - discount / 100) if quantity else 0.0
        if round(price, 6) <= 0:  # the schema wants one
            return None
        off = round(price * quantity - amount, 4) if discount else 0.0
        return OtrMnda(
            PrcOtrMon=round(price, 6),
            Moneda=currency.name[:3],
            FctConv=round(1 / rate, 4) if 1 / rate < MAX_FACTOR else 0.0,
            DctoOtrMnda=max(off, 0.0),
            RecargoOtrMnda=max(-off, 0.0),
            MontoItemOtrMnda=round(amount, 4),
        )

    def _l10n_cl_dte_item_texts(self):
        """Return the name of a line's item, and what is written below it."""
        name, _separator, description = (self.name or "").strip().partition("\n")
        return one_line(name or self.product_id.name), description

    def _l10n_cl_dte_item_codes(self):
        product = self.product_id
        codes = []
        if reference := one_line(product.default_code):
            codes.append(CdgItem(OWN_CODE, reference))
        if barcode := one_line(product.barcode):
            codes.append(CdgItem(BARCODES.get(len(barcode), "BARRAS"), barcode))
        return tuple(codes)

    def _l10n_cl_dte_details(self):
        """Return the lines of an invoice as the SII's, with the notes between them.

        A note belongs to the line above it; one above all lines is a line that is not
        invoiced.

        :param self: lines, and notes between them, in their order
        :rtype: tuple[Detalle, ...]
        """
        details, notes = [], {}
        owner = None
        for line in self:
            if line.display_type == "line_note":
                notes.setdefault(owner, []).append(line.name or "")
            else:
                owner = line
        for text in filter(None, map(one_line, notes.pop(None, ()))):
            details.append(
                Detalle(
                    NroLinDet=len(details) + 1,
                    NmbItem=text,
                    QtyItem=0.0,
                    PrcItem=0.0,
                    MontoItem=0,
                    IndExe=NOT_INVOICED,
                )
            )
        for line in self.filtered(lambda each: each.display_type == "product"):
            number = len(details) + 1
            details.append(line._l10n_cl_dte_detail(number, notes.get(line, ())))
        return tuple(details)
