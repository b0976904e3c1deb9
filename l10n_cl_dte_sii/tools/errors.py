# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What these tools raise: always a sentence that says what to do."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime
from dataclasses import dataclass

SIMULATOR, CERTIFICATION, PRODUCTION = "simulator", "certification", "production"

# Where the SII gives folios. It is Spanish there, whatever the user reads.
WHERE = "Mi SII → Servicios online → Factura electrónica → Timbraje electrónico"


def untranslated(text, /, **values):
    """Stand in for Odoo's `env._` where there is no Odoo."""
    return text % values if values else text


class SiiError(Exception):
    """What was given cannot be used.

    A subclass is a kind of fault; its fields are what its text speaks of.  No text
    holds a key or a password.
    """

    def explain(self, _):
        """Return the fault and its remedy as a text for an accountant.

        :param _: a function like gettext: `_(text, **values)`
        :rtype: str
        """
        raise NotImplementedError

    def __str__(self):
        return self.explain(untranslated)


# === CAF === #


class CafError(SiiError):
    """A file of folios that cannot be used."""


class CafUnreadable(CafError):
    def explain(self, _):
        return _(
            "This is not a CAF, or only a part of one: download the XML of the folios "
            "again (%(where)s) and load it as it is, without opening it before.",
            where=WHERE,
        )


class CafForged(CafError):
    def explain(self, _):
        return _(
            "The CAF has been changed since the SII signed it; it is enough that a "
            "program has saved it anew. Download it again (%(where)s) and load it as "
            "it is.",
            where=WHERE,
        )


class CafKeyMismatch(CafError):
    def explain(self, _):
        return _(
            "The keys in the CAF do not belong together: the file was cut or put "
            "together from two. Download it again (%(where)s) and load it as it is.",
            where=WHERE,
        )


@dataclass(eq=False)
class CafOfAnotherCompany(CafError):
    found: str
    wanted: str

    def explain(self, _):
        return _(
            "The folios were given to %(found)s, and this company is %(wanted)s: "
            "choose the other company, or ask for folios of this one.",
            found=self.found,
            wanted=self.wanted,
        )


@dataclass(eq=False)
class CafOfUnknownType(CafError):
    code: str

    def explain(self, _):
        return _(
            "The folios are for documents of type %(code)s, which is not known here.",
            code=self.code,
        )


@dataclass(eq=False)
class CafOfAnotherType(CafError):
    found: str
    wanted: str

    def explain(self, _):
        return _(
            "The folios are for documents of type %(found)s, and this one is of type "
            "%(wanted)s: load a CAF of that type.",
            found=self.found,
            wanted=self.wanted,
        )


@dataclass(eq=False)
class CafTooHigh(CafError):
    last: int
    largest: int

    def explain(self, _):
        return _(
            "The CAF's folios go up to %(last)s, and Odoo can number documents up to "
            "%(largest)s: issue them with another program.",
            last=self.last,
            largest=self.largest,
        )


@dataclass(eq=False)
class CafBadRange(CafError):
    first: int
    last: int

    def explain(self, _):
        return _(
            "The CAF's range from %(first)s to %(last)s is none: download it again "
            "(%(where)s).",
            first=self.first,
            last=self.last,
            where=WHERE,
        )


@dataclass(eq=False)
class CafOverlaps(CafError):
    first: int
    last: int
    other_first: int
    other_last: int

    def explain(self, _):
        return _(
            "The folios %(first)s to %(last)s are already here, with the CAF of "
            "%(other_first)s to %(other_last)s: there is nothing to load, or the "
            "wrong file was chosen.",
            first=self.first,
            last=self.last,
            other_first=self.other_first,
            other_last=self.other_last,
        )


@dataclass(eq=False)
class CafOfUnknownAuthority(CafError):
    key_id: int
    environment: str

    def explain(self, _):
        if self.environment == SIMULATOR:
            return _(
                "The CAF was signed with key %(key)s, which is not that of the "
                "simulator of this database: ask this simulator for folios.",
                key=self.key_id,
            )
        return _(
            "The CAF was signed with key %(key)s, and the SII signs folios of "
            "production with key 300: download it in production (%(where)s).",
            key=self.key_id,
            where=WHERE,
        )


@dataclass(eq=False)
class CafOfAnotherEnvironment(CafError):
    found: str
    wanted: str

    def explain(self, _):
        names = {
            SIMULATOR: _("the simulator"),
            CERTIFICATION: _("certification"),
            PRODUCTION: _("production"),
        }
        return _(
            "The folios are of %(found)s, and this company works in %(wanted)s: "
            "download a CAF there.",
            found=names[self.found],
            wanted=names[self.wanted],
        )


@dataclass(eq=False)
class CafFromTheFuture(CafError):
    date: datetime.date

    def explain(self, _):
        return _(
            "The CAF is dated %(date)s, which is still to come: check the date of "
            "this computer.",
            date=self.date,
        )


@dataclass(eq=False)
class CafExpired(CafError):
    date: datetime.date
    expired_on: datetime.date

    def explain(self, _):
        return _(
            "The folios were given on %(date)s and could be used until "
            "%(expired_on)s: annul what is left of them on the SII's site, and ask "
            "for new ones (%(where)s).",
            date=self.date,
            expired_on=self.expired_on,
            where=WHERE,
        )


@dataclass(eq=False)
class FolioOutOfRange(CafError):
    folio: int
    first: int
    last: int

    def explain(self, _):
        return _(
            "Folio %(folio)s is not one of this CAF, which has %(first)s to %(last)s: "
            "load the CAF that has it.",
            folio=self.folio,
            first=self.first,
            last=self.last,
        )


# === Stamp and signature === #


class DocumentUnreadable(SiiError):
    """What is to be stamped or signed is no DTE of ours: a fault of this program."""

    def explain(self, _):
        return _(
            "The document's file cannot be read as a DTE: generate it again, and if "
            "that does not help, report it with the file."
        )


class AlreadyStamped(SiiError):
    def explain(self, _):
        return _("The document has its stamp already: generate it again to sign anew.")


class NotLatin1(SiiError):
    def explain(self, _):
        return _(
            "The document holds a character that the SII does not take: write its "
            "texts with letters of Spanish, without emojis."
        )


@dataclass(eq=False)
class SignatureBroken(SiiError):
    """A signature or stamp does not belong to what it is on.

    :param str part: the ID of what was signed, or the name of an element
    """

    part: str

    def explain(self, _):
        return _(
            "%(part)s is not what was signed: the file has been changed since. Ask "
            "whoever sent it for the original.",
            part=self.part,
        )


# === Certificate === #


class CertificateError(SiiError):
    """A certificate that cannot sign for the SII."""


class CertificateUnreadable(CertificateError):
    def explain(self, _):
        return _(
            "This is not a certificate's file: load the .pfx or .p12 that your "
            "provider gave you."
        )


class CertificatePasswordWrong(CertificateError):
    def explain(self, _):
        return _(
            "The password does not open the certificate's file, or the file is "
            "damaged. It is the one chosen when it was downloaded or exported; if it "
            "is lost, ask your provider for a new certificate."
        )


class CertificateWithoutKey(CertificateError):
    def explain(self, _):
        return _(
            "The file holds a certificate without its private key, which can sign "
            "nothing: export it again as .pfx, with the private key."
        )


class CertificateNotRsa(CertificateError):
    def explain(self, _):
        return _(
            "The certificate's key is not RSA, and the SII takes no other: ask your "
            "provider for a certificate for the SII's electronic invoicing."
        )


@dataclass(eq=False)
class CertificateNotValidNow(CertificateError):
    first: datetime.date
    last: datetime.date

    def explain(self, _):
        return _(
            "The certificate is valid from %(first)s to %(last)s, not today: renew it "
            "with your provider and load the new one.",
            first=self.first,
            last=self.last,
        )
