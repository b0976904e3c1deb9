# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the AI service is asked about a document, and what identifies that."""

import hashlib
import json

from .document import EXEMPT, is_tax_document
from .texts import MAX_UNIT_LENGTH

# Raised when the same document would be sent in another form: every digest changes,
# and no verdict that was given on the old form is taken for one on the new.
SCHEMA_VERSION = 2

# Names and addresses, and what is sent where the company keeps them to itself. A word
# and not nothing: what is missing is an error of the document.
NAMES = frozenset(
    (
        "razon_social_emisor",
        "razon_social_receptor",
        "direccion_receptor",
        "comuna_receptor",
    )
)
LEFT_OUT = "(omitido)"


def as_dte_data(document):
    """Return the document as the `dte_data` of the AI service's contract.

    One canonical form, since the service's cache takes `119000` and `119000.0` for two
    documents: whole numbers as int, dates as text without time, absent and zero values
    left out.  Scalars come first and lines last: an older service reads no more than
    the first 2,000 characters.

    :rtype: dict
    """
    emisor, receptor = document.Emisor, document.Receptor
    corrected = _corrected(document)
    return present(
        {
            "tipo_dte": document.TipoDTE,
            "folio": document.Folio,
            "fecha_emision": _date(document.FchEmis),
            "rut_emisor": emisor.RUTEmisor,
            "rut_receptor": receptor.RUTRecep,
            "razon_social_emisor": emisor.RznSoc,
            "razon_social_receptor": receptor.RznSocRecep,
            "giro_emisor": emisor.GiroEmis,
            "giro_receptor": receptor.GiroRecep,
            "direccion_receptor": receptor.DirRecep,
            "comuna_receptor": receptor.CmnaRecep,
            "monto_neto": document.MntNeto,
            "monto_exento": document.MntExe,
            "monto_iva": document.IVA,
            "monto_otros_impuestos": sum(tax.MontoImp for tax in document.ImptoReten),
            "monto_descuento_global": _discounted(document),
            "monto_total": document.MntTotal,
            # The tax document that is corrected, whatever order stands before it.
            "documento_referencia": _reference(corrected) if corrected else None,
            "items": [
                present(
                    {
                        "numero": line.NroLinDet,
                        "nombre": line.NmbItem,
                        "descripcion": line.DscItem,
                        "cantidad": number(line.QtyItem),
                        "unidad": line.UnmdItem[:MAX_UNIT_LENGTH],
                        "precio_unitario": number(line.PrcItem),
                        "descuento_pct": number(line.DescuentoPct - line.RecargoPct),
                        # What this document does not invoice is in none of its sums.
                        "monto": line.IndExe in (0, EXEMPT) and line.MontoItem,
                        "exento": line.IndExe == EXEMPT,
                    }
                )
                for line in document.Detalle
            ],
            # A key of our own; the contract knows the one above.
            "referencias": [_reference(each) for each in document.Referencia],
        },
        # A note that corrects a text is of zero, and does not lack a total.
        always=("monto_total",),
    )


def _discounted(document):
    """Return the discounts on the whole document less its surcharges, in pesos."""
    sums = dict.fromkeys((0, EXEMPT), 0)
    for line in document.Detalle:
        if line.IndExe in sums:
            sums[line.IndExe] += line.MontoItem
    return -sum(
        each.change(sums[each.IndExeDR])
        for each in document.DscRcgGlobal
        if each.IndExeDR in sums
    )


def _corrected(document):
    """Return the reference to the tax document that a note corrects, or None."""
    taxed = [each for each in document.Referencia if is_tax_document(each.TpoDocRef)]
    return next((each for each in taxed if each.CodRef), next(iter(taxed), None))


def _reference(reference):
    return present(
        {
            "tipo_doc": reference.TpoDocRef,
            "folio": reference.FolioRef,
            "fecha": _date(reference.FchRef),
            "codigo": reference.CodRef,
        }
    )


def without_names(body):
    """Return a request without names and addresses of those whom it is about.

    Texts of findings may quote them; the keys beside them say which are meant.

    :param dict body: as it is sent otherwise
    :rtype: dict
    """
    dte_data = {
        key: LEFT_OUT if key in NAMES else value
        for key, value in body["dte_data"].items()
    }
    body = {**body, "dte_data": dte_data}
    if decisions := body.get("contexto", {}).get("decisiones"):
        silent = [present({**each, "message": None}) for each in decisions]
        body["contexto"] = {**body["contexto"], "decisiones": silent}
    return body


def as_history_entry(code, folio, date, total, net, items, corrects=None):
    """Return another document of the same customer, to compare this one with.

    Few decimals: it is about what is out of line, and has to be the same each time.

    :param datetime.date date: when it was issued
    :param int total: in pesos, as `net`, what of it the taxes are on
    :param list[dict] items: name, quantity, unit, price of one in pesos and discount
        in per cent, of its lines
    :param corrects: type and folio of what a note corrects
    :rtype: dict
    """
    return present(
        {
            # A v1.2.0 service fails open on an entry without these two texts.
            "message": f"{_date(date)}: tipo {code}, folio {folio}, total {total}",
            "error_code": "PREVIOUS_DOCUMENT",
            "tipo_dte": code,
            "folio": folio,
            "fecha_emision": _date(date),
            "monto_neto": net,
            "monto_total": total,
            "documento_referencia": (
                {"tipo_doc": corrects[0], "folio": str(corrects[1])}
                if corrects
                else None
            ),
            "items": [_as_item(item) for item in items],
        }
    )


def _as_item(item):
    return present(
        {
            "nombre": item["name"],
            "cantidad": number(item["quantity"]),
            "unidad": item["unit"][:MAX_UNIT_LENGTH],
            "precio_unitario": number(round(item["price"], 2)),
            "descuento_pct": number(max(item["discount"], 0)),
        }
    )


def as_corrected(known, items):
    """Return the document that a note corrects, as it was issued.

    :param Known known: what our books say of it
    :param list[dict] items: its lines, as in :func:`as_history_entry`; None where they
        are not known
    :rtype: dict
    """
    return present(
        {
            "tipo_dte": known.TipoDTE,
            "folio": str(known.Folio),
            "fecha_emision": _date(known.FchEmis),
            "rut_receptor": known.RUTRecep,
            "monto_total": known.MntTotal,
            "acreditado": known.credited,
            "items": [_as_item(item) for item in items or ()],
        }
    )


def as_price(name, unit, middle, least, most, count):
    """Return what other customers paid for an item, net and in pesos.

    :param int count: of the lines that it is known from
    :rtype: dict
    """
    return present(
        {
            "nombre": name,
            "unidad": unit[:MAX_UNIT_LENGTH],
            "precio_mediano": number(round(middle, 2)),
            "precio_minimo": number(round(least, 2)),
            "precio_maximo": number(round(most, 2)),
            "documentos": count,
        }
    )


def size(value):
    """Return how many bytes a value takes in a request."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def within_bytes(entries, room):
    """Return as many of the first entries as there is room for.

    :param list entries: as they are sent
    :param int room: in bytes
    :rtype: list
    """
    kept = []
    for entry in entries:
        room -= size(entry) + 2
        if room < 0:
            break
        kept.append(entry)
    return kept


def present(values, always=()):
    """Return without what is empty or zero, which the contract wants left out."""
    return {key: value for key, value in values.items() if value or key in always}


def _date(value):
    return value.isoformat() if value else None


def number(value):
    """Return a number as int where it is whole, else with the SII's six decimals."""
    value = round(value, 6)
    return int(value) if value == int(value) else value


def digest(dte_data, company_id):
    """Return what identifies a document's content, as 64 hexadecimal digits.

    Two documents that the service would be asked about in the same words have the same
    digest; it is the key of the verdict and the idempotency key of the request.

    :param dict dte_data: without what posting alone assigns (the caller's part)
    """
    content = json.dumps(
        [SCHEMA_VERSION, company_id, dte_data],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(content.encode()).hexdigest()
