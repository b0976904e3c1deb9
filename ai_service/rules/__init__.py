# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The rules, in the order in which an accountant reads a document."""

from . import amounts, dates, heading, history, lines, parties, references, texts
from .base import Rule

RULES: tuple[Rule, ...] = (
    heading.folio_is_a_folio,
    dates.not_in_the_future,
    dates.not_before_electronic_invoicing,
    dates.not_stale,
    parties.issuer_rut,
    parties.receiver_rut,
    parties.generic_receiver_fits_the_type,
    parties.receiver_is_another,
    parties.names_are_given,
    parties.issuer_activity_is_given,
    parties.receiver_details_are_given,
    heading.invoice_has_affected_amounts,
    heading.exempt_document_has_no_tax,
    references.note_refers_to_a_document,
    references.note_says_why,
    references.reference_is_complete,
    references.reference_is_not_later,
    references.text_correction_has_no_amounts,
    amounts.total_is_given,
    amounts.pesos_are_whole,
    amounts.vat_is_nineteen_percent,
    amounts.total_adds_up,
    amounts.lines_add_up,
    lines.has_lines,
    lines.not_too_many,
    lines.each_has_a_name,
    lines.quantities_are_positive,
    lines.prices_are_positive,
    lines.discounts_are_percentages,
    lines.each_amount_is_right,
    lines.none_is_repeated,
    texts.only_latin_1,
    texts.not_too_long,
    history.amount_is_usual,
    history.is_not_a_duplicate,
)
