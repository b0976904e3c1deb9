# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from ..demo import authority as stand_in
from .common import PASSWORD, DteSiiCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLoadingFolios(DteSiiCommon):
    def test_a_caf_is_loaded_with_its_key_out_of_reach(self):
        caf = self.load_caf(first=11, last=60)
        self.assertEqual((caf.code, caf.first, caf.last, caf.start), ("33", 11, 60, 11))
        self.assertEqual((caf.used_count, caf.left_count, caf.state), (0, 50, "valid"))
        self.assertEqual(caf.environment, "simulator")
        self.assertTrue(caf.is_vouched)
        self.assertEqual((caf.expires_on - caf.date).days, 180)
        self.assertEqual(caf._as_tool().load_key().key_size, 512)
        for user in (self.manager, self.accountant):
            mine = caf.with_user(user)
            self.assertNotIn("PRIVATE", json.dumps(mine.read(), default=str))
            for name in ("key_id", "node"):
                with self.assertRaises(AccessError):
                    mine.read([name])
            with self.assertRaises(AccessError):
                caf.sudo().key_id.with_user(user).read(["pem_key"])

    def test_the_file_is_kept_nowhere(self):
        before = self.admin_env["ir.attachment"].search_count([("id", "!=", 0)])
        content = self.caf_file()
        self.load_caf(content=content)
        attachments = self.admin_env["ir.attachment"].search(
            [("res_field", "!=", False)]
        )
        self.assertFalse(
            attachments.filtered(lambda each: b"RSASK" in (each.raw or b""))
        )
        self.env.cr.execute("SELECT * FROM l10n_cl_dte_sii_load_caf")
        self.assertNotIn("RSASK", str(self.env.cr.fetchall()))
        self.assertTrue(before)

    def test_choosing_a_file_shows_what_it_is(self):
        form = Form(
            self.admin_env["l10n_cl_dte_sii.load.caf"]
            .with_user(self.manager)
            .with_company(self.company)
        )
        form.file = base64.b64encode(self.caf_file(first=11, last=60))
        self.assertIn("folios 11 to 60", form.summary)
        self.assertFalse(form.problem)
        self.assertEqual(form.start, 11)
        form.file = base64.b64encode(self.caf_file(rut="76202020-3"))
        self.assertIn("76202020-3", form.problem)
        self.assertFalse(form.summary)

    def test_what_is_wrong_is_said_and_leaves_nothing(self):
        self.load_caf(first=1, last=50)
        cases = {
            "is not a CAF": b"<html/>",
            "cut": self.caf_file(first=51, last=60)[:500],
            "given to 76202020-3": self.caf_file(rut="76202020-3"),
            "changed since": self.caf_file(first=51, last=60).replace(
                b"<H>60", b"<H>90"
            ),
            "already here": self.caf_file(first=50, last=60),
            "could be used until": self.caf_file(first=51, last=60, age=181),
            "do not belong together": self.caf_file(first=51, last=60, RSASK="-"),
            "type 35": self.caf_file("35"),
            "still to come": self.caf_file(first=51, last=60, age=-3),
            "not that of the simulator": self.caf_file(first=51, last=60, IDK=5),
        }
        keys = self.admin_env["certificate.key"].search_count([])
        for said, content in cases.items():
            with self.subTest(said), self.assertRaises(UserError) as caught:
                self.load_caf(content=content)
            if said != "cut":
                self.assertIn(said, str(caught.exception))
        self.assertEqual(self.admin_env["certificate.key"].search_count([]), keys)
        self.assertEqual(len(self.admin_env["l10n_cl_dte_sii.caf"].search([])), 1)

    def test_folios_of_the_simulator_are_refused_elsewhere(self):
        content = self.caf_file()
        for environment in ("certification", "production"):
            self.company.l10n_cl_dte_sii_environment = environment
            with self.assertRaisesRegex(UserError, "simulator"):
                self.load_caf(content=content)
        self.company.l10n_cl_dte_sii_environment = False
        with self.assertRaisesRegex(UserError, "environment"):
            self.load_caf(content=content)

    def test_the_next_free_folio_can_be_said(self):
        caf = self.load_caf(first=1, last=50, start=31)
        self.assertEqual(caf.left_count, 20)
        self.assertEqual(self.number(self.create_posted()), 31)
        with self.assertRaisesRegex(UserError, "must be one of the range"):
            self.load_caf(first=51, last=60, start=70)

    def test_only_administrators_load(self):
        for user in (self.accountant, self.signing_user):
            with self.assertRaises(AccessError):
                self.load_caf(user=user)
            with self.assertRaises(AccessError):
                self.load_certificate(user=user)

    def test_rows_are_nobodys_to_write(self):
        caf = self.load_caf()
        for user in (self.accountant, self.manager, self.overrider):
            mine = caf.with_user(user)
            for attempt in (
                lambda mine=mine: mine.write({"last": 999}),
                lambda mine=mine: mine.unlink(),
                lambda mine=mine: mine.copy(),
                lambda mine=mine: mine.create({"code": "33"}),
            ):
                with self.assertRaises(AccessError):
                    attempt()

    def test_a_caf_that_was_not_used_can_be_removed(self):
        caf = self.load_caf()
        key = caf.sudo().key_id
        with self.assertRaises(UserError):
            caf.with_user(self.accountant).action_remove()
        caf.with_user(self.manager).action_remove()
        self.assertFalse(caf.exists())
        self.assertFalse(key.exists())
        caf = self.load_caf()
        self.create_posted()
        with self.assertRaisesRegex(UserError, "Folio 1 of it was used"):
            caf.with_user(self.manager).action_remove()

    def test_a_company_in_use_cannot_change_its_environment(self):
        self.load_caf()
        self.create_posted()
        for environment in ("certification", "production"):
            with self.assertRaisesRegex(ValidationError, "of its own"):
                self.company.l10n_cl_dte_sii_environment = environment

    def test_before_the_first_folio_it_can(self):
        self.company.l10n_cl_dte_sii_environment = False
        self.create_posted(folio="000007")
        self.company.l10n_cl_dte_sii_environment = "certification"
        self.assertEqual(self.folios().mapped("environment"), ["certification"])
        self.company.l10n_cl_dte_sii_environment = "production"
        self.assertEqual(self.folios().mapped("environment"), ["production"])
        self.assertEqual(self.folios().number, 7)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLoadingCertificates(DteSiiCommon):
    def certificate(self):
        return self.company.sudo().l10n_cl_dte_sii_certificate_id

    def test_a_certificate_is_loaded_and_its_key_out_of_reach(self):
        self.load_certificate()
        certificate = self.certificate()
        self.assertEqual(certificate.l10n_cl_dte_sii_holder_rut, stand_in.HOLDER)
        self.assertEqual(certificate.name, "Rosa Elvira Prueba")
        self.assertFalse(certificate.loading_error)
        self.assertFalse(certificate.pkcs12_password)
        self.assertTrue(certificate.private_key_id)
        self.assertTrue(certificate.is_valid)
        for user in (self.accountant, self.signing_user, self.manager):
            for record in (certificate, certificate.private_key_id):
                with self.assertRaises(AccessError):
                    record.with_user(user).read()

    def test_the_file_and_its_password_are_kept_nowhere(self):
        key, signed = stand_in.certificate()
        content = stand_in.pfx(key, signed, PASSWORD)
        wizard = self.load_certificate(content)
        self.assertFalse(wizard.read(["file", "password"])[0]["password"])
        self.assertFalse(wizard.read(["file", "password"])[0]["file"])
        attachments = self.admin_env["ir.attachment"].search(
            [("res_field", "!=", False)]
        )
        self.assertFalse(attachments.filtered(lambda each: each.raw == content))
        for table in ("l10n_cl_dte_sii_load_certificate", "certificate_certificate"):
            self.env.cr.execute(f"SELECT * FROM {table}")
            self.assertNotIn(PASSWORD, str(self.env.cr.fetchall()))

    def test_a_wrong_password_leaves_nothing(self):
        key, signed = stand_in.certificate()
        content = stand_in.pfx(key, signed, PASSWORD)
        counted = ("certificate.certificate", "certificate.key")
        before = [self.admin_env[name].search_count([]) for name in counted]
        with self.assertRaises(UserError) as caught:
            self.load_certificate(content, password="Otra-9")
        self.assertIn("password does not open", str(caught.exception))
        self.assertNotIn("Otra-9", str(caught.exception))
        self.assertEqual(
            [self.admin_env[name].search_count([]) for name in counted], before
        )
        self.assertFalse(self.certificate())

    def test_what_is_wrong_is_said(self):
        ended = stand_in.certificate(days=-1)
        for said, content in {
            "not a certificate": b"hello",
            "without its private key": ended[1].public_bytes(
                stand_in.serialization.Encoding.PEM
            ),
            "valid from": stand_in.pfx(*ended, PASSWORD),
            "not RSA": stand_in.pfx(
                *stand_in.certificate(key=stand_in.ec_key()), PASSWORD
            ),
            "does not say whose": stand_in.pfx(
                *stand_in.certificate(place="none"), PASSWORD
            ),
        }.items():
            with self.subTest(said), self.assertRaisesRegex(UserError, said):
                self.load_certificate(content)

    def test_a_holder_that_the_certificate_does_not_name_is_entered(self):
        content = stand_in.pfx(*stand_in.certificate(place="none"), PASSWORD)
        wizard = self.admin_env["l10n_cl_dte_sii.load.certificate"].with_user(
            self.manager
        )
        values = {
            "file": base64.b64encode(content),
            "password": PASSWORD,
            "company_id": self.company.id,
        }
        with self.assertRaisesRegex(UserError, "is not a RUT"):
            wizard.create({**values, "holder_rut": "12.345.678-0"})
        wizard.create({**values, "holder_rut": "12.345.678-5"})
        self.assertEqual(self.certificate().l10n_cl_dte_sii_holder_rut, "12345678-5")
        named = stand_in.pfx(*stand_in.certificate(), PASSWORD)
        with self.assertRaisesRegex(UserError, "is that of 11111111-1"):
            wizard.create(
                {
                    **values,
                    "file": base64.b64encode(named),
                    "holder_rut": "12.345.678-5",
                }
            )

    def test_warned_60_30_and_7_days_before_and_once_each(self):
        self.load_certificate(days=100)
        certificate = self.certificate()

        def warned(days):
            """How many notes to the manager a run of the cron made."""
            end = fields.Datetime.now() + timedelta(days=days, hours=1)
            certificate.date_end = end
            notes = self.admin_env["mail.message"].search_count(
                [("partner_ids", "in", self.manager.partner_id.ids)]
            )
            self.admin_env["l10n_cl_dte_sii.caf"]._cron_warn()
            return (
                self.admin_env["mail.message"].search_count(
                    [("partner_ids", "in", self.manager.partner_id.ids)]
                )
                - notes
            )

        self.assertEqual(
            [warned(days) for days in (80, 59, 58, 29, 20, 6, 3, -1, -2)],
            [0, 1, 0, 1, 0, 1, 0, 1, 0],
        )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLoadingForOthers(DteSiiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        cls.other = cls.setup_other_company(name="Otra SpA")["company"]
        cls.set_up_company(cls.other, "76303030-K")
        cls.other.l10n_cl_dte_sii_environment = "simulator"
        cls.env = cls.env(user=cls.accountant)

    def test_not_for_a_company_that_is_not_theirs(self):
        with self.assertRaises(AccessError):
            self.load_caf(rut="76303030-K", company=self.other)

    def test_each_company_sees_its_own(self):
        self.manager.sudo().company_ids |= self.other
        mine = self.load_caf()
        theirs = self.load_caf(rut="76303030-K", company=self.other)
        found = mine.with_user(self.accountant).search([])
        self.assertEqual(found, mine)
        with self.assertRaises(AccessError):
            theirs.with_user(self.accountant).read(["code"])
        both = mine.with_user(self.manager).with_context(
            allowed_company_ids=(self.company | self.other).ids
        )
        self.assertEqual(both.search([]), mine | theirs)

    def test_another_companys_certificate_is_refused(self):
        self.load_certificate()
        with self.assertRaisesRegex(ValidationError, "belongs to another"):
            self.other.sudo().l10n_cl_dte_sii_certificate_id = (
                self.company.sudo().l10n_cl_dte_sii_certificate_id
            )
