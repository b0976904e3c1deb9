# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where documents and the key may go, and what can be a key."""

from odoo.tests import BaseCase, tagged

from ..tools.ai import check_url, is_valid_key

KEY = "sk-test-Zorzal7Chercan9Queltehue"


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSettings(BaseCase):
    def test_addresses(self):
        for url, problem in (
            ("https://ai.example.cl", None),
            ("https://ai.example.cl:8443/dte/", None),
            ("https://10.0.0.5", None),
            ("http://127.0.0.1:8002", None),
            ("http://localhost:8002", None),
            ("http://[::1]:8002", None),
            ("http://ai.example.cl", "http"),
            ("http://10.0.0.5:8002", "http"),
            ("http://localhost.example.cl", "http"),
            ("https://user@ai.example.cl", "userinfo"),
            ("https://user:secret@ai.example.cl", "userinfo"),
            ("https://@ai.example.cl", "userinfo"),
            ("https://169.254.169.254", "forbidden_address"),
            ("https://[::ffff:169.254.169.254]", "forbidden_address"),
            ("https://2852039166", "forbidden_address"),
            ("https://0xa9fea9fe", "forbidden_address"),
            ("https://169.254.43518", "forbidden_address"),
            ("https://[fe80::1]", "forbidden_address"),
            ("https://0.0.0.0", "forbidden_address"),
            ("https://224.0.0.1", "forbidden_address"),
            ("https://ai.example.cl?x=1", "malformed"),
            ("https://ai.example.cl#x", "malformed"),
            ("https://ai .example.cl", "malformed"),
            ("https://ai.example.cl\n", "malformed"),
            ("https://ai.example.cl:port", "malformed"),
            ("https://[", "malformed"),
            ("ftp://ai.example.cl", "malformed"),
            ("file:///etc/passwd", "malformed"),
            ("javascript:alert(1)", "malformed"),
            ("ai.example.cl", "malformed"),
            ("", "malformed"),
            (None, "malformed"),
        ):
            with self.subTest(url):
                self.assertEqual(check_url(url), problem)
        for url in ("http://ai.example.cl", "http://10.0.0.5:8002"):
            with self.subTest(url, allow_http=True):
                self.assertIsNone(check_url(url, allow_http=True))
        self.assertEqual(
            check_url("http://169.254.169.254", allow_http=True),
            "forbidden_address",
        )

    def test_keys(self):
        for key, valid in (
            (KEY, True),
            ("x" * 16, True),
            ("x" * 512, True),
            ("x" * 15, False),
            ("x" * 513, False),
            (f"{KEY}\n", False),
            (f"{KEY}\r\n", False),
            (f"{KEY} ", False),
            (f"{KEY}€", False),
            (f"{KEY}ñ", False),
            ("", False),
            (None, False),
        ):
            with self.subTest(ascii(key)):
                self.assertIs(is_valid_key(key), valid)
