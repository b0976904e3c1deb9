# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the tests share: the company of the first addon, with folios of a stand-in."""

import base64
from datetime import timedelta

from odoo.addons.l10n_cl_dte_ai.tests.common import DteAiCommon

from ..demo import authority as stand_in
from ..models.res_company import AUTHORITY_PARAMETER

PASSWORD = "Diuca-3-Loica-7"
RUT = "76101010-7"


class DteSiiCommon(DteAiCommon):
    """`self.env` is still the accountant's, who may not sign; `manager` loads
    things.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        cls.company = cls.company_data["company"]
        cls.manager = cls.create_user(
            "manager", "account.group_account_invoice,l10n_cl_dte_sii.group_manager"
        )
        cls.signing_user = cls.create_user(
            "signer", "account.group_account_invoice,l10n_cl_dte_sii.group_sign"
        )
        cls.authority = cls.make_authority()
        cls.caf_key = stand_in.small_key()
        cls.admin_env["ir.config_parameter"].set_param(
            AUTHORITY_PARAMETER, f"{cls.authority.key_id}:{cls.authority.public_key}"
        )
        cls.company.l10n_cl_dte_sii_environment = "simulator"
        cls.env = cls.env(user=cls.accountant)

    @classmethod
    def make_authority(cls):
        return stand_in.TestAuthority()

    @classmethod
    def today(cls):
        return cls.company._l10n_cl_dte_sii_today()

    @classmethod
    def caf_file(cls, code="33", first=1, last=50, age=0, rut=RUT, **changes):
        """The file of a CAF, given so many days ago."""
        date = cls.today() - timedelta(days=age)
        return cls.authority.caf(
            *(rut, code, first, last, date), key=cls.caf_key, **changes
        )

    @classmethod
    def load_caf(
        cls, *range_, content=None, user=None, start=0, company=None, **values
    ):
        """Load one as a manager does, and return its row."""
        content = content or cls.caf_file(*range_, **values)
        wizard = (
            cls.admin_env["l10n_cl_dte_sii.load.caf"]
            .with_user(user or cls.manager)
            .create(
                {
                    "file": base64.b64encode(content),
                    "start": start,
                    "company_id": (company or cls.company).id,
                }
            )
        )
        return wizard.caf_id

    @classmethod
    def load_certificate(cls, content=None, password=PASSWORD, user=None, **values):
        if content is None:
            key, signed = stand_in.certificate(**values)
            content = stand_in.pfx(key, signed, password)
        return (
            cls.admin_env["l10n_cl_dte_sii.load.certificate"]
            .with_user(user or cls.manager)
            .create(
                {
                    "file": base64.b64encode(content),
                    "password": password,
                    "company_id": cls.company.id,
                }
            )
        )

    def folios(self, **values):
        domain = [(name, "=", value) for name, value in values.items()]
        return self.admin_env["l10n_cl_dte_sii.folio"].search(domain, order="id")

    def number(self, move):
        return move._l10n_cl_dte_folio()
