# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import file_open

from .test_signing import SigningCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestNeutralize(SigningCommon):
    def test_a_neutralized_copy_holds_no_key_and_signs_nothing(self):
        document = self.create_posted()
        certificate = self.company.sudo().l10n_cl_dte_sii_certificate_id
        caf = self.folios(code="33").sudo().caf_id
        keys = certificate.private_key_id | caf.key_id
        self.assertTrue(all(key.content and key.pem_key for key in keys))
        self.env.flush_all()
        with file_open("l10n_cl_dte_sii/data/neutralize.sql") as source:
            self.env.cr.execute(source.read())
        self.env.invalidate_all()
        for key in keys:
            self.assertFalse(key.content or key.pem_key or key.password)
        self.assertFalse(certificate.content or certificate.pem_certificate)
        self.assertFalse(caf.node or caf.key_id)
        self.assertFalse(self.company.l10n_cl_dte_sii_environment)
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        with self.assertRaises(UserError):
            document.action_l10n_cl_dte_sii_sign()
        with self.assertRaisesRegex(UserError, "keys were removed"):
            caf._as_tool()
