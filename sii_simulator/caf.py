# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The counter for folios: it issues CAFs, signed with a key that nobody else trusts."""

from pathlib import Path
from xml.sax.saxutils import escape

from . import keys

# The SII's own are 100 (certification) and 300 (production).
IDK = 999
NAME_LENGTH = 40


class Authority:
    """The key that signs CAFs, in `folder` if there is one, else for this process."""

    def __init__(self, folder=None):
        path = Path(folder) / "sii.pem" if folder else None
        if path and path.exists():
            pem = path.read_bytes()
        else:
            pem = keys.generate(small_exponent=False)
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(pem)
        self.key = keys.load_private(pem)

    @property
    def public_key(self):
        return self.key.public_key()

    def issue(self, rut, code, first, last, date, name="Empresa de Prueba", idk=IDK):
        """A CAF as the SII's file (bytes, Latin-1).

        `code` is the type of document, `first` and `last` the range, `date` (FA) the
        day of authorisation, which may lie in the past or in the future.
        """
        if not 0 < first <= last:
            raise ValueError("folios are a range from 1 up")
        pem = keys.generate(small_exponent=True)
        private = keys.load_private(pem)
        modulus, exponent = keys.numbers(private.public_key())
        data = [
            f"<RE>{escape(rut)}</RE>",
            f"<RS>{escape(name[:NAME_LENGTH].strip())}</RS>",
            f"<TD>{code}</TD>",
            f"<RNG><D>{first}</D><H>{last}</H></RNG>",
            f"<FA>{date:%Y-%m-%d}</FA>",
            f"<RSAPK><M>{modulus}</M><E>{exponent}</E></RSAPK>",
            f"<IDK>{idk}</IDK>",
        ]
        flat = f"<DA>{''.join(data)}</DA>".encode("latin-1")
        lines = [
            '<?xml version="1.0"?>',
            "<AUTORIZACION>",
            '<CAF version="1.0">',
            "<DA>",
            *data,
            "</DA>",
            f'<FRMA algoritmo="SHA1withRSA">{keys.sign(self.key, flat)}</FRMA>',
            "</CAF>",
            f"<RSASK>{pem.decode()}</RSASK>",
            "",
            f"<RSAPUBK>{keys.public_pem(private).decode()}</RSAPUBK>",
            "</AUTORIZACION>",
            "",
        ]
        return "\n".join(lines).encode("latin-1")
