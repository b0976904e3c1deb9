# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Our own secrets are taken out of what the other side says, however it spells them."""

import base64
import json
from urllib.parse import quote

from odoo.tests import BaseCase, tagged

from ..tools.ai.redaction import MARK, Redactor

KEYS = (
    "sk-test-Zorzal7Chercan9Queltehue",
    'sk-test-Zorzal7/Cher+can9&Quel"tehue',
    "aB3$dE6&gH9(jK2)",
)


def spellings(key):
    """Yield each way in which a key comes back, by its name."""
    percent = "".join(f"%{ord(letter):02x}" for letter in key)
    codes = [ord(letter) for letter in key]
    yield "plain", key
    yield "upper case", key.upper()
    yield "quoted", quote(key, safe="")
    yield "percent", percent
    yield "percent, upper case", percent.upper()
    yield "percent, twice", percent.replace("%", "%25")
    yield "percent, three times", percent.replace("%", "%2525")
    yield "JSON", json.dumps(key)
    yield "JSON in JSON", json.dumps(json.dumps(key))
    yield "JSON, each character", "".join(f"\\u{code:04X}" for code in codes)
    yield "repr of bytes", "".join(f"\\x{code:02x}" for code in codes)
    yield "HTML", "".join(f"&#{code};" for code in codes)
    yield "HTML, hexadecimal, twice", "".join(f"&amp;#x{code:x};" for code in codes)
    yield "hexadecimal", key.encode().hex()
    yield "hexadecimal with colons", key.encode().hex(":").upper()
    yield "quoted-printable", "".join(f"={code:02X}" for code in codes)
    yield "with spaces", " ".join(key)
    yield "in lines", "\n".join(key[i : i + 5] for i in range(0, len(key), 5))
    yield "invisible between", "\u200b".join(key)
    yield "wide", "".join(chr(code + 0xFEE0) for code in codes)
    yield "its beginning", key[:8]
    yield "its end", key[-8:]
    yield "its middle", f"…{key[4:14]}…"
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"x" * before + key.encode() + b"zz").decode()
            name = f"{encode.__name__}, {before} before"
            yield name, encoded
            yield f"{name}, small letters", encoded.lower()
            yield (
                f"{name}, in lines",
                "\r\n".join(encoded[i : i + 6] for i in range(0, len(encoded), 6)),
            )
            yield f"{name}, quoted", quote(encoded, safe="")
            yield f"{name}, cut", encoded[:14]


def letters(text):
    return "".join(letter for letter in text.lower() if letter.isalnum())


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRedactor(BaseCase):
    def test_each_spelling(self):
        for key in KEYS:
            redact = Redactor(key)
            for name, spelling in spellings(key):
                with self.subTest(name, key=key):
                    clean = redact(f"you sent {spelling} to us")
                    self.assertIn(MARK, clean)
                    # By chance "sent" may go on as the key does.
                    self.assertTrue(clean.startswith("you sen"), clean)
                    self.assertTrue(clean.endswith(" to us"), clean)
                    left = letters(clean)
                    for i in range(len(key) - 7):
                        self.assertNotIn(key[i : i + 8].lower(), clean.lower())
                    whole = letters(spelling)
                    for i in range(len(whole) - 9):
                        self.assertNotIn(whole[i : i + 10], left)

    def test_parts_in_one_text_after_the_other(self):
        for key in KEYS:
            parts = [key[i : i + 4] for i in range(0, len(key), 4)]
            clean = Redactor(key).all(["Nota", *parts, "Total"])
            self.assertEqual((clean[0], clean[-1]), ("Nota", "Total"))
            self.assertFalse(letters("".join(clean[1:-1])))

    def test_what_is_no_secret_stays_as_it_is(self):
        redact = Redactor(*KEYS)
        for text in (
            "",
            "Monto inusual para Zorzal SpA: 100%25 &amp; más, test",
            "RUT 76.202.020-3 · IVA 19% · $ 119.000",
            "<script>alert(1)</script>",
            "sk-test",
            "Token inválido",
            "\u202eabc",
        ):
            with self.subTest(text):
                self.assertEqual(redact(text), text)
        # A bird, and nine letters of a key.
        self.assertEqual(redact("Queltehue"), MARK)

    def test_whoevers_token_follows_its_name(self):
        redact = Redactor()
        for text, clean in (
            ("Authorization: Bearer abcd1234", f"Authorization: Bearer {MARK}"),
            ("you sent bearer abcd1234.", f"you sent bearer {MARK}"),
            ("authorization=abcd1234 x", f"authorization={MARK} x"),
            (
                '{"Authorization": "Basic eDp5enp6"}',
                f'{{"Authorization": "Basic {MARK}"}}',
            ),
            ("Plan Basic anual, bearer", "Plan Basic anual, bearer"),
        ):
            with self.subTest(text):
                self.assertEqual(redact(text), clean)

    def test_a_secret_of_signs_does_not_hide_everything(self):
        redact = Redactor("-" * 16, "----a----------b", "", None)
        self.assertEqual(redact("Abono - nota a - b"), "Abono - nota a - b")
        self.assertEqual(redact("x " + "-" * 16), f"x {MARK}")

    def test_the_longest_key(self):
        key = "".join(chr(0x21 + i * 7 % 94) for i in range(512))
        self.assertEqual(Redactor(key)(f"a {key} b"), f"a {MARK} b")
