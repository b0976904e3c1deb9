# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Keys while documents are signed: loaded once for a batch, gone with its
transaction.
"""

import base64

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..tools.errors import CertificateWithoutKey
from ..tools.signature import Signer


class SigningDesk:
    """The signer of each certificate, and the CAFs, that one transaction has used."""

    def __init__(self):
        self._signers, self._cafs = {}, {}

    @classmethod
    def of(cls, env):
        return env.cr.precommit.data.setdefault("l10n_cl_dte_sii.desk", cls())

    def signer(self, certificate):
        """Return who signs with a `certificate.certificate`.

        :rtype: Signer
        :raise CertificateWithoutKey:
        """
        key = (certificate.id, certificate.write_date)
        if key not in self._signers:
            certificate = certificate.sudo().with_context(bin_size=False)
            pem = certificate.private_key_id.pem_key
            if not (pem and certificate.pem_certificate):
                raise CertificateWithoutKey
            self._signers[key] = Signer(
                serialization.load_pem_private_key(base64.b64decode(pem), None),
                x509.load_pem_x509_certificate(
                    base64.b64decode(certificate.pem_certificate)
                ),
            )
        return self._signers[key]

    def caf(self, caf):
        """Return a CAF as the tools know it, and its key."""
        if caf.id not in self._cafs:
            tool = caf._as_tool()
            self._cafs[caf.id] = tool, tool.load_key()
        return self._cafs[caf.id]
