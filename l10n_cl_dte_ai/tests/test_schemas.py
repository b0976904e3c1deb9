# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's schemas: loaded by an administrator, trusted for what they are."""

import base64
import io
import os
import re
import threading
import unittest
import zipfile
from pathlib import Path
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, Form, new_test_user, tagged

from ..models import l10n_cl_dte_schema
from ..tools.dte import schema as dte_schema
from ..tools.dte.schema import SchemaError
from ..tools.dte.schema_download import download
from .common import DteAiCommon
from .loopback import Loopback, reply

GET_ARCHIVE = ("GET", "/schema_dte.zip")
PERMISSIVE = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
    targetNamespace="http://www.sii.cl/SiiDte" elementFormDefault="qualified">
  <xs:element name="DTE"><xs:complexType><xs:sequence>
    <xs:any maxOccurs="unbounded" processContents="skip"/></xs:sequence>
    <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
</xs:schema>"""
WRONG = b"""<DTE xmlns="http://www.sii.cl/SiiDte" version="1.0">
    <Documento ID="F1T33"><Otro/></Documento></DTE>"""


def official_schemas():
    """Return the SII's own files by name, as the package `cl-sii` carries them.

    :raise SkipTest: where `python3 -m dev test` did not say where they are
    """
    folder = os.environ.get("DTE_AI_SII_SCHEMAS")
    if not folder:
        raise unittest.SkipTest("the SII's official schemas are not at hand")
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.xsd")}


def archive(files):
    """Return the bytes of an archive as the SII's: in a folder."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("leeme.txt", "Esquemas")
        for name, content in files.items():
            target.writestr(f"schema_dte/{name}", content)
    return stream.getvalue()


class TestSchemaFiles(BaseCase):
    """The plain Python: what is the SII's schema, and what it says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = official_schemas()

    def assertRefused(self, code, files):
        with self.assertRaises(SchemaError) as raised:
            dte_schema.verify(files)
        self.assertEqual(raised.exception.code, code)

    def test_the_sii_s_own_files_are_read_in_latin_1(self):
        self.assertIn("ó".encode("latin-1"), self.files["SiiTypes_v10.xsd"])
        dte_schema.verify(self.files)
        self.assertTrue(dte_schema.Schema(self.files).errors(WRONG))

    def test_what_a_signer_adds_is_required_of_a_signed_one(self):
        unsigned = dte_schema._SPECIMEN.encode()
        self.assertEqual(dte_schema.Schema(self.files).errors(unsigned), [])
        errors = dte_schema.Schema(self.files, signed=True).errors(unsigned)
        self.assertEqual(len(errors), 2, "in the document, and beside it")
        self.assertIn("Signature", errors[1])

    def test_a_permissive_schema_is_not_the_sii_s(self):
        self.assertRefused("not_of_sii", {"DTE_v10.xsd": PERMISSIVE})

    def test_one_that_is_a_little_permissive_is_not_either(self):
        root = self.files["DTE_v10.xsd"]
        weaker = {
            "RUT of the receiver": (b'name="RUTRecep"', b'minOccurs="0"'),
            "any folio": (b'name="Folio"', b""),
        }
        for what, (name, addition) in weaker.items():
            with self.subTest(what):
                tag = re.search(rb"<xs:element %s[^>]*>" % name, root)[0]
                other = tag.replace(name, name + b" " + addition)
                if not addition:
                    other = re.sub(rb'type="[^"]*"', b'type="xs:string"', tag)
                changed = root.replace(tag, other)
                self.assertNotEqual(changed, root)
                self.assertRefused("not_of_sii", {**self.files, "DTE_v10.xsd": changed})

    def test_files_that_make_no_schema(self):
        for code, changed in {
            "invalid": {"DTE_v10.xsd": b"<not xml"},
            "incomplete": {"DTE_v10.xsd": None},
        }.items():
            files = {**self.files, **changed}
            files = {name: content for name, content in files.items() if content}
            self.assertRefused(code, files)
        for content in (None, b"", b"<not xml"):
            files = {**self.files, "SiiTypes_v10.xsd": content}
            if content is None:
                del files["SiiTypes_v10.xsd"]
            self.assertRefused("invalid", files)

    def test_nothing_is_read_from_the_machine(self):
        outside = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        include = self.files["DTE_v10.xsd"].replace(
            b"SiiTypes_v10.xsd", b"file:///etc/passwd"
        )
        self.assertRefused("invalid", {**self.files, "DTE_v10.xsd": include})
        entity = outside + b"<DTE xmlns='http://www.sii.cl/SiiDte'>&e;</DTE>"
        [error] = dte_schema.Schema(self.files).errors(entity)[:1]
        self.assertNotIn(Path("/etc/hostname").read_text().strip() or "?", error)
        self.assertTrue(dte_schema.Schema(self.files).errors(b"<not xml"))

    def test_an_empty_log_of_a_refused_file_is_not_valid(self):
        schema = dte_schema.Schema(self.files)

        class Silent:
            error_log = ()

            def validate(self, tree):
                return False

        schema._compiled = Silent()
        self.assertEqual(schema.errors(WRONG), ["The schema refuses the file."])

    def test_threads_that_share_it_get_their_own_errors(self):
        schema = dte_schema.Schema(self.files)
        texts = set()

        def ask():
            for _number in range(3000):
                texts.add(tuple(schema.errors(WRONG)))

        threads = [threading.Thread(target=ask) for _number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(texts), 1, texts)
        self.assertIn("Otro", next(iter(texts))[0])


class TestDownload(BaseCase):
    def setUp(self):
        super().setUp()
        self.server = Loopback()
        self.addCleanup(self.server.close)
        self.url = self.server.url + GET_ARCHIVE[1]

    def test_only_schemas_by_name(self):
        content = archive({"DTE_v10.xsd": b"a", "../../otro.xsd": b"b"})
        self.server.script(reply(body=content), to=GET_ARCHIVE)
        self.assertEqual(download(self.url), {"DTE_v10.xsd": b"a", "otro.xsd": b"b"})

    def test_what_is_no_archive_of_schemas(self):
        bomb = archive({"DTE_v10.xsd": bytes(6_000_000)})
        self.assertLess(len(bomb), 10_000)
        damaged = bytearray(archive({"DTE_v10.xsd": os.urandom(2000)}))
        damaged[-1200] ^= 0xFF
        for code, answer in (
            ("unreachable", reply(503)),
            ("unreachable", reply(404)),
            ("no_archive", reply(body="<html>mantención</html>")),
            ("no_archive", reply(body=bytes(6_000_000))),
            ("no_archive", reply(body=bomb)),
            ("no_archive", reply(body=bytes(damaged))),
            ("incomplete", reply(body=archive({"Otro.xsd": b"a"}))),
        ):
            self.server.script(answer, to=GET_ARCHIVE)
            with self.assertRaises(SchemaError) as raised:
                download(self.url)
            self.assertEqual(raised.exception.code, code, raised.exception)

    def test_nothing_listens(self):
        self.server._server.server_close()
        with self.assertRaises(SchemaError):
            download(self.url)


class SchemaCase(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = official_schemas()
        cls.admin = cls.new_user(
            "schema_admin", "base.group_system,account.group_account_manager"
        )
        cls.schemas = cls.env["l10n_cl_dte.schema"]

    @classmethod
    def new_user(cls, login, groups):
        company = cls.company_data["company"]
        return new_test_user(cls.admin_env, login, groups, company_id=company.id)

    def setUp(self):
        super().setUp()
        self.registry.clear_cache("stable")
        url = self.server.url + GET_ARCHIVE[1]
        self.startPatcher(patch.object(l10n_cl_dte_schema, "SCHEMAS_URL", url))

    def settings(self):
        """Open the settings, as a form does."""
        return Form(self.env["res.config.settings"].with_user(self.admin))

    def load(self, *answers):
        """Press the button, as an administrator does."""
        self.server.script(*answers, to=GET_ARCHIVE)
        settings = self.settings()
        return settings.save().action_l10n_cl_dte_ai_load_schemas()

    def load_official(self):
        return self.load(reply(body=archive(self.files)))

    def damage(self):
        """What no user can do: a restored copy, another version of libxml2, SQL."""
        self.env.cr.execute(
            "UPDATE l10n_cl_dte_schema SET content = %s WHERE name = 'DTE_v10.xsd'",
            [base64.b64encode(PERMISSIVE)],
        )
        self.env.invalidate_all()
        self.registry.clear_cache("stable")

    def files_of(self, document):
        return (
            self.env["ir.attachment"]
            .sudo()
            .search([("res_model", "=", "account.move"), ("res_id", "=", document.id)])
        )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSchemas(SchemaCase):
    def test_without_them_nothing_is_validated(self):
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")
        self.assertEqual(self.schemas._checker()(WRONG), [])

    def test_the_sii_s_own_are_loaded_and_judge(self):
        self.assertEqual(
            self.load_official(), {"type": "ir.actions.client", "tag": "soft_reload"}
        )
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "loaded")
        document = self.create_posted()
        self.assertTrue(document._l10n_cl_dte_generate())
        self.assertTrue(self.schemas._checker()(WRONG))
        # Again, by the same button: once each.
        self.load_official()
        names = self.schemas.sudo().search([]).mapped("name")
        self.assertEqual(sorted(names), sorted(self.files))

    def test_a_file_that_they_refuse_needs_a_reason(self):
        self.load_official()
        document = self.create_posted()
        content = etree.tostring(etree.fromstring(WRONG))
        target = "odoo.addons.l10n_cl_dte_ai.tools.dte.xml.as_bytes"
        with patch(target, return_value=content):
            with self.assertRaisesRegex((UserError, AccessError), "Otro"):
                document._l10n_cl_dte_generate()
            document = document.with_user(self.overrider)
            self.assertTrue(document._l10n_cl_dte_generate("El SII lo acepta así"))
        self.assertIn("Otro", self.messages(document))

    def test_what_cannot_be_loaded_leaves_what_there_is(self):
        self.load_official()
        before = self.schemas.sudo().search([])
        for answer, text in (
            (reply(503), "could not be reached"),
            (reply(body="<html/>"), "not the archive"),
            (reply(body=archive({"DTE_v10.xsd": PERMISSIVE})), "would accept"),
            (reply(body=archive({"DTE_v10.xsd": b"<x"})), "cannot be read"),
            (reply(body=archive({"Otro.xsd": PERMISSIVE})), "lacks the schema"),
        ):
            with self.subTest(text), self.assertRaisesRegex(UserError, text):
                self.load(answer)
            self.assertEqual(self.schemas.sudo().search([]), before)

    def test_only_an_administrator_loads_and_removes(self):
        portal = self.new_user("schema_portal", "base.group_portal")
        for user in (portal, self.accountant, self.overrider):
            settings = self.env["res.config.settings"].with_user(user)
            for action in ("load", "remove"):
                with self.assertRaises(AccessError):
                    getattr(settings, f"action_l10n_cl_dte_ai_{action}_schemas")()
        self.assertFalse(self.server.requests)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPlantedSchema(SchemaCase):
    """Any internal user stopped all companies with an attachment of a certain name."""

    NAMES = ("l10n_cl_dte_ai.DTE_v10.xsd", "DTE_v10.xsd", "l10n_cl_dte.DTE_v10.xsd")

    def test_an_attachment_of_that_name_is_nothing(self):
        employee = self.new_user("employee", "base.group_user")
        attachments = self.env["ir.attachment"].with_user(employee)
        for content in (b"<not xml", PERMISSIVE):
            attachments.create([{"name": n, "raw": content} for n in self.NAMES])
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")
        self.assertTrue(self.create_posted()._l10n_cl_dte_generate())
        self.load_official()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "loaded")
        self.assertTrue(self.schemas._checker()(WRONG))

    def test_nobody_writes_what_is_trusted(self):
        self.load_official()
        row = self.schemas.sudo().search([], limit=1)
        values = {"name": "DTE_v10.xsd", "content": "QQ==", "sha256": "0" * 64}
        for user in (self.accountant, self.overrider, self.admin):
            rows = self.schemas.with_user(user)
            for attack in (
                lambda rows=rows: rows.create(values),
                lambda rows=rows: rows.browse(row.id).write(values),
                lambda rows=rows: rows.browse(row.id).unlink(),
                lambda rows=rows: rows.browse(row.id).copy(),
                lambda rows=rows: rows.env["ir.attachment"].create(
                    {
                        "name": "content",
                        "res_model": rows._name,
                        "res_field": "content",
                        "res_id": row.id,
                        "raw": PERMISSIVE,
                    }
                ),
            ):
                with self.assertRaises(AccessError):
                    attack()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestBrokenSchema(SchemaCase):
    """Whatever is wrong with it, the settings open and mend it."""

    def setUp(self):
        super().setUp()
        self.load_official()
        self.damage()

    def test_the_settings_open_and_say_so(self):
        with self.assertLogs("odoo.addons.l10n_cl_dte_ai", "WARNING"):
            self.schemas._checker()
        settings = self.settings()
        self.assertEqual(settings.l10n_cl_dte_ai_schemas, "broken")
        arch = etree.fromstring(self.arch())
        for name in ("load", "remove"):
            buttons = arch.xpath(
                f"//button[@name='action_l10n_cl_dte_ai_{name}_schemas']/@invisible"
            )
            self.assertIn("l10n_cl_dte_ai_schemas == 'none'", buttons)

    def arch(self):
        return self.env["res.config.settings"].with_user(self.admin).get_view()["arch"]

    def test_loading_again_mends_it(self):
        self.load_official()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "loaded")
        self.assertTrue(self.create_posted()._l10n_cl_dte_generate())

    def test_removing_mends_it_where_the_sii_is_down(self):
        self.settings().save().action_l10n_cl_dte_ai_remove_schemas()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")
        self.assertTrue(self.create_posted()._l10n_cl_dte_generate())

    def test_generate_names_the_fix(self):
        document = self.create_posted()
        text = "load them again, or remove them: Settings, Invoicing, SII Schemas"
        with self.assertRaisesRegex((UserError, AccessError), text):
            document._l10n_cl_dte_generate()
        document = document.with_user(self.overrider)
        self.assertTrue(document._l10n_cl_dte_generate("Revisado a mano"))
        self.assertIn("Revisado a mano", self.messages(document))

    def test_a_change_that_is_a_schema_is_noticed_by_its_checksum(self):
        with self.assertRaisesRegex(SchemaError, "has changed since"):
            self.schemas._schema()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMigration(SchemaCase):
    """Attachments were trusted by their names; see `migrations/19.0.1.1.0`."""

    def setUp(self):
        super().setUp()
        self.attachments = self.env["ir.attachment"].sudo()

    def old(self, files, user):
        return self.attachments.with_user(user).create(
            [
                {"name": f"l10n_cl_dte_ai.{name}", "raw": content, "public": True}
                for name, content in files.items()
            ]
        )

    def migrate(self):
        path = Path(__file__).parents[1] / "migrations/19.0.1.1.0/post-schemas.py"
        namespace = {}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        namespace["migrate"](self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        self.assertFalse(
            self.attachments.search([("name", "=like", "l10n_cl_dte_ai.%.xsd")])
        )

    def test_genuine_ones_are_kept(self):
        self.old(self.files, self.admin)
        self.migrate()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "loaded")
        self.assertTrue(self.schemas._checker()(WRONG))

    def test_what_a_user_planted_is_dropped(self):
        employee = self.new_user("employee", "base.group_user")
        self.old({"DTE_v10.xsd": b"<not xml"}, employee)
        self.migrate()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")
        # Also where an administrator loaded the SII's into the user's attachment.
        planted = self.old({"DTE_v10.xsd": b"<not xml"}, employee)
        planted.with_user(self.admin).raw = self.files["DTE_v10.xsd"]
        rest = {n: c for n, c in self.files.items() if n != "DTE_v10.xsd"}
        self.old(rest, self.admin)
        self.migrate()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")

    def test_a_permissive_one_is_dropped_whoever_loaded_it(self):
        self.old({"DTE_v10.xsd": PERMISSIVE}, self.admin)
        self.migrate()
        self.assertEqual(self.settings().l10n_cl_dte_ai_schemas, "none")

    def test_a_document_of_somebody_s_is_not_touched(self):
        mine = self.attachments.create(
            {
                "name": "l10n_cl_dte_ai.apuntes.xsd",
                "raw": b"x",
                "res_model": "res.partner",
                "res_id": self.customer.id,
            }
        )
        mine.flush_recordset()
        path = Path(__file__).parents[1] / "migrations/19.0.1.1.0/post-schemas.py"
        namespace = {}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        namespace["migrate"](self.env.cr, "19.0.1.0.0")
        self.assertTrue(mine.exists())
