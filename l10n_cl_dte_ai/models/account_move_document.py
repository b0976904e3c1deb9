# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL, float_round

from ..tools import dte_document
from ..tools.dte_document import (
    Detalle,
    Documento,
    DscRcgGlobal,
    Emisor,
    ImptoReten,
    Receptor,
    Referencia,
)

IVA_CODE = 14  # of `account.tax.l10n_cl_sii_code`

# UnmdItem has four characters (X), and Odoo's units have names such as "Unidades".
MAX_UNIT_LENGTH = 4

# How many of a customer's documents the service may compare a new one with.
HISTORY_LIMIT = 20


class Content(NamedTuple):
    """What the service is asked about, and what identifies it."""

    dte_data: dict
    digest: str


# One room for the fields and buttons, one for the document.
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
        # The same document for whoever looks at it: units of measure are translated.
        self = self.with_context(lang=self._l10n_cl_dte_lang())
        lines = self.invoice_line_ids.filtered(
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
            Emisor=self._l10n_cl_dte_issuer(),
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
            ImptoReten=tuple(
                ImptoReten(
                    TipoImp=line.tax_line_id.l10n_cl_sii_code,
                    TasaImp=abs(line.tax_line_id.amount),
                    MontoImp=self._l10n_cl_dte_amount(line),
                )
                for line in taxes - iva
            ),
            Referencia=self._l10n_cl_dte_references(),
            MntNeto=amounts[False],
            MntExe=amounts[True],
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

    def _l10n_cl_dte_issuer(self):
        partner = self.company_id.partner_id
        return Emisor(
            RUTEmisor=_rut(partner.vat),
            RznSoc=_text(partner.name),
            GiroEmis=_text(partner.l10n_cl_activity_description),
            DirOrigen=_street(partner),
            CmnaOrigen=_text(partner.city),
        )

    def _l10n_cl_dte_receiver(self):
        customer = self.commercial_partner_id  # the giro is only kept there
        return Receptor(
            RUTRecep=_rut(customer.vat),
            RznSocRecep=_text(customer.name),
            GiroRecep=_text(customer.l10n_cl_activity_description),
            DirRecep=_street(self.partner_id),
            CmnaRecep=_text(self.partner_id.city),
        )

    def _l10n_cl_dte_detail(self, number, line):
        # The document is in pesos, whatever currency the invoice is in.
        amount = self._l10n_cl_dte_amount(line)
        price = line.price_unit
        in_pesos = line.currency_id == self.company_id.currency_id
        has_net_price = not any(line.tax_ids.mapped("price_include"))
        if not (in_pesos and has_net_price) and line.quantity and line.discount < 100:
            price = amount / line.quantity / (1 - line.discount / 100)
        name, _separator, description = (line.name or "").strip().partition("\n")
        return Detalle(
            NroLinDet=number,
            NmbItem=_text(name or line.product_id.name),
            DscItem=_text(description),
            QtyItem=line.quantity,
            UnmdItem=_text(line.product_uom_id.name)[:MAX_UNIT_LENGTH],
            PrcItem=price,
            DescuentoPct=line.discount,
            MontoItem=amount,
            IndExe=_is_exempt(line),
        )

    def _l10n_cl_dte_references(self):
        origin = self.reversed_entry_id or self.debit_origin_id
        if not origin:
            return ()
        cancels = self.reversed_entry_id and self.currency_id.is_zero(
            self.amount_total - origin.amount_total
        )
        number = origin.l10n_latam_document_number or ""
        return (
            Referencia(
                TpoDocRef=origin.l10n_latam_document_type_id.code or "",
                FolioRef=str(int(number)) if number.isdigit() else number,
                FchRef=origin.invoice_date or None,
                CodRef=1 if cancels else 3,
            ),
        )

    # === What is asked about it === #

    def _l10n_cl_dte_ai_contents(self):
        """Return what the service is asked about each document.

        What posting alone assigns is left out, so that a verdict on the draft holds for
        the posted document: the folio, and the date of an undated draft.

        :rtype: dict[AccountMove, Content]
        """
        contents = {}
        for move in self:
            dte_data = dte_document.as_dte_data(move._l10n_cl_dte_document())
            dte_data.pop("folio", None)
            if move.invoice_date == move.l10n_cl_dte_ai_posting_date:
                dte_data.pop("fecha_emision", None)
            contents[move] = Content(
                dte_data, dte_document.digest(dte_data, move.company_id.id)
            )
        return contents

    def _l10n_cl_dte_ai_digests(self):
        """:rtype: dict[AccountMove, str]"""
        return {
            move: content.digest
            for move, content in self._l10n_cl_dte_ai_contents().items()
        }

    def _l10n_cl_dte_ai_histories(self):
        """Return the customers' previous documents, newest first.

        Context for the service, not part of the digest: a verdict does not become
        outdated because another invoice was posted. One query for any number of
        documents.

        :return: rows of the contract's `history` by the document's id
        :rtype: dict[int, list[dict]]
        """
        self.env["account.move"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT move.id, past.*
                  FROM account_move move
                  JOIN LATERAL (
                        SELECT type.code, past.invoice_date,
                               abs(past.amount_total_signed) AS total
                          FROM account_move past
                          JOIN l10n_latam_document_type type
                            ON type.id = past.l10n_latam_document_type_id
                         WHERE past.commercial_partner_id = move.commercial_partner_id
                           AND past.company_id = move.company_id
                           AND past.move_type = move.move_type
                           AND past.state = 'posted'
                           AND past.id != move.id
                         ORDER BY past.invoice_date DESC, past.id DESC
                         LIMIT %(limit)s) past ON TRUE
                 WHERE move.id IN %(ids)s
                """,
                limit=HISTORY_LIMIT,
                ids=tuple(self.ids),
            )
        )
        histories = {}
        for row in rows:
            total, date = _pesos(row["total"]), row["invoice_date"].isoformat()
            histories.setdefault(row["id"], []).append(
                {
                    # A v1.2.0 service fails open on a row without these two texts.
                    "message": f"{date}: tipo {row['code']}, total {total}",
                    "error_code": "PREVIOUS_DOCUMENT",
                    "tipo_dte": row["code"],
                    "fecha_emision": date,
                    "monto_total": total,
                }
            )
        return histories


def _pesos(amount):
    return int(float_round(amount, precision_digits=0, rounding_method="HALF-UP"))


def _is_exempt(line):
    return not any(tax.l10n_cl_sii_code == IVA_CODE for tax in line.tax_ids)


def _text(value):
    return " ".join((value or "").split())


def _street(partner):
    return _text(f"{partner.street or ''} {partner.street2 or ''}")


def _rut(vat):
    """Return a RUT as the SII writes it: 12345678-5, no dots, no country."""
    rut = (vat or "").upper().replace(".", "").replace(" ", "").removeprefix("CL")
    if rut and "-" not in rut:
        rut = f"{rut[:-1]}-{rut[-1]}"
    return rut.lstrip("0")
