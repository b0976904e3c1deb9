# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What an accountant does about the SII's remarks on a document.

A code is section, level and number: level 3 rejects, 2 objects (the document is valid),
1 informs.  The SII publishes no list: each entry names where its meaning is known from.

* [1] the SII's *preguntas frecuentes* on electronic invoices
* [2] LibreDTE's help for the states of sent documents
* [3] public accounts of certifications (2026)
"""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

SECTIONS = ("CAF", "CRT", "DET", "DTE", "ENV", "HED", "REF", "TED")


def what_to_do(code, _):
    """Return what to do about a remark of the SII.

    :param str code: e.g. `DTE-3-101`
    :param _: a function like gettext: `_(text, **values)`
    :rtype: str
    """
    section, _dash, rest = (code or "").partition("-")
    return (
        _known(_).get(code)
        or _of_section(_).get(section)
        or (
            _("The document is valid; what the SII remarks can stay, or be corrected.")
            if rest.startswith("2-")
            else _(
                "Mend what the SII says, and send the document again under the same "
                "folio."
            )
        )
    )


def _known(_):
    return {
        # [1][2] 180 days from the date of the CAF to that of the signature
        "CAF-3-517": _(
            "The folio's CAF is too old. Declare its unused folios null on the SII's "
            "site, load a new CAF, and issue the document with one of its folios."
        ),
        # [2][3] resolution on the cover
        "CRT-3-19": _(
            "Check number and date of the SII's resolution in the settings (in "
            "certification the number is 0), and send again under the same folio."
        ),
        # [3] RutEnvia is not who uploaded
        "CRT-3-11": _(
            "The certificate belongs to somebody else than the envelope says. Check "
            "the certificate in the settings, and send again under the same folio."
        ),
        # [2] the same document twice
        "DTE-3-100": _(
            "The SII has this document already, so it came twice. Nothing is to be "
            "sent again: ask for its state."
        ),
        # [2] another document under this folio
        "DTE-3-101": _(
            "The SII has another document under this folio. Look at it on the SII's "
            "site; if it was not issued here, take the next folio for this one."
        ),
        # [3]
        "DTE-3-505": _(
            "The SII does not accept the document's signature. Check that the "
            "certificate is valid, and sign and send again under the same folio."
        ),
        # [2]
        "DTE-3-601": _(
            "The folio was declared null on the SII's site before the document was "
            "sent. Issue it with another folio."
        ),
        # [2] something that the schema does not allow
        "ENV-3-0": _(
            "The file is not as the SII's schema wants it, often for the form of a "
            "number or a sign such as an emoji. Mend what the SII says, and send again "
            "under the same folio."
        ),
        # [2]
        "ENV-3-6": _(
            "The certificate's holder may not sign or send for this company. Give the "
            "permission on the SII's site, under Factura electrónica → Sistema de "
            "facturación de mercado → Mantención de usuarios."
        ),
        # [2]
        "HED-3-305": _(
            "The date is earlier than the day on which the SII authorised this type of "
            "document, or the folio. Correct the date, and send again under the same "
            "folio."
        ),
        # [2] a note that refers to nothing that it may refer to
        "REF-3-415": _(
            "A note has to refer to a document that it may correct. Add the reference, "
            "and send again under the same folio."
        ),
        # [2]
        "REF-3-750": _(
            "The document that this one refers to is not at the SII, often because it "
            "was rejected itself. Have that one accepted first, or correct the "
            "reference."
        ),
        # [2]
        "REF-3-758": _(
            "The reference does not say what the note does: cancels the document, "
            "corrects texts, or corrects amounts. Choose it, and send again under the "
            "same folio."
        ),
        # [3]
        "REF-2-781": _(
            "A note that only corrects texts has no amounts. The document is valid; "
            "correct it with another note if the amounts are wrong."
        ),
        # [3]
        "TED-2-510": _(
            "The SII does not accept the stamp. Sign and send again under the same "
            "folio; if it happens again, load the CAF anew."
        ),
    }


def _of_section(_):
    return {
        "CAF": _(
            "The SII does not accept the folio's authorisation (CAF). Look at the CAF "
            "under DTE → Folios, and issue the document with a folio of a valid one."
        ),
        "CRT": _(
            "Something on the envelope's cover is wrong: check the company's RUT, its "
            "resolution and the certificate's holder in the settings."
        ),
    }
