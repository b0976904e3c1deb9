# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where documents and the key may go, and what can be a key."""

from odoo.tests import BaseCase, tagged

from ..tools.ai import check_url, is_same_address, is_valid_key

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

    def test_each_cloud_and_each_special_network(self):
        for host in (
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "240.0.0.1"),
            *("[::]", "[fd00:42::42]", "[fd00:c1::a9fe:a9fe]", "[fd00:ec2::254]"),
            *("[fd20:ce::254]", "[fec0::1]", "[ff02::1]"),
            # Teredo: a server of that address, a client of that address.
            "[2001:0:a9fe:a9fe:0:0:0:0]",
            "[2001:0:c000:201:0:0:5601:5601]",
            *("instance-data", "metadata", "rancher-metadata"),
            *("metadata.azure.internal", "metadata.goog", "metadata.packet.net"),
            *("metadata.google.internal", "metadata.oraclecloud.com"),
            *("metadata.platformequinix.com", "metadata.tencentyun.com"),
            *("instance-data.ec2.internal", "any.metadata.google.internal"),
        ):
            with self.subTest(host):
                self.assertEqual(check_url(f"https://{host}"), "forbidden_address")

    def test_what_reaches_a_metadata_service_in_other_spellings(self):
        for host in (
            "169.254.169.254.",
            "0251.0376.0251.0376",
            "0xA9.0xFE.0xA9.0xFE",
            "169.16689662",
            "１６９.２５４.１６９.２５４",
            "①⑥⑨.254.169.254",
            "169。254。169。254",
            "169.254.169.254\u00ad",
            "[::ffff:a9fe:a9fe]",
            "[::169.254.169.254]",
            "[::ffff:0:169.254.169.254]",
            "[2002:a9fe:a9fe::]",
            "[2001:0:a9fe:a9fe::1]",  # Teredo: its server
            "[2001:0:1::5601:5601]",  # Teredo: its client
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[64:ff9b:1:a9fe:a9:fe00::]",
            "[2001:db8::5efe:a9fe:a9fe]",
            "[2001:db8::200:5efe:a9fe:a9fe]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "[fec0::1]",
            "[::]",
            "0",
            "255.255.255.255",
            "100.100.100.200",
            "[::ffff:100.100.100.200]",
            "168.63.129.16",
            "192.0.0.192",
            "metadata",
            "metadata.google.internal",
            "METADATA.Google.Internal.",
            "x.metadata.google.internal",
            "instance-data",
            "instance-data.ec2.internal",
            "169.254.169.254.nip.io",
            "x.169-254-169-254.sslip.io",
            "a9fea9fe.nip.io",
        ):
            with self.subTest(host):
                for scheme in ("https", "http"):
                    self.assertEqual(
                        check_url(f"{scheme}://{host}:80/x", allow_http=True),
                        "forbidden_address",
                    )
        for url in (
            "https://169.254.169.254%2e",
            "https://%6detadata.google.internal",
            "https://[fe80::1%25eth0]",
            "https://ai.example.cl\\@169.254.169.254",
            "https://ai.example.cl\\.x",
        ):
            with self.subTest(url):
                self.assertIn(check_url(url), ("malformed", "userinfo"))

    def test_what_only_looks_like_it(self):
        for url in (
            "https://10.0.0.5.nip.io",
            "https://metadata.example.cl",
            "https://instance-data.example.cl",
            "https://ñandú.example.cl",
            "https://[2001:db8::1]",
            "https://[fd12::5]",
            "https://[64:ff9b::8.8.8.8]",
            "https://192.168.1.4",
            "http://localhost.",
            "http://[::ffff:127.0.0.1]",
            "http://2130706433",
        ):
            with self.subTest(url):
                self.assertIsNone(check_url(url))

    def test_whether_two_addresses_are_the_same_host(self):
        for url, is_same in (
            ("https://AI.Example.cl/dte", True),
            ("https://ai.example.cl.:443/dte/ ", True),
            ("https://ai.example.cl/other", False),
            ("https://ai.example.cl/dte/../evil", False),
            ("https://ai.example.cl:8443/dte", False),
            ("http://ai.example.cl/dte", False),
            ("https://ai.example.cl.evil.cl/dte", False),
            ("https://evil.cl/ai.example.cl", False),
            ("https://[", False),
            ("", False),
            (None, False),
        ):
            with self.subTest(url):
                named = "https://ai.example.cl/dte/"
                self.assertIs(is_same_address(url, named), is_same)
        self.assertFalse(is_same_address("", ""))

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
