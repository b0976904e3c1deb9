# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the SII's answers mean, without a wire."""

from odoo.tests import BaseCase, tagged

from ..tools import sii_answers as answers
from ..tools.errors import untranslated
from ..tools.sii_codes import what_to_do
from ..tools.sii_outcomes import Counts, Refused, Unknown


def respuesta(header, body=""):
    return answers.read(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<SII:RESPUESTA xmlns:SII="http://www.sii.cl/XMLSchema">'
        f"<SII:RESP_BODY>{body}</SII:RESP_BODY><SII:RESP_HDR>{header}</SII:RESP_HDR>"
        "</SII:RESPUESTA>"
    )


def reception(inner):
    return answers.read(f"<RECEPCIONDTE>{inner}</RECEPCIONDTE>")


def counted(code, reported, accepted, rejected, objected):
    return (
        f"<TIPO_DOCTO>{code}</TIPO_DOCTO><INFORMADOS>{reported}</INFORMADOS>"
        f"<ACEPTADOS>{accepted}</ACEPTADOS><RECHAZADOS>{rejected}</RECHAZADOS>"
        f"<REPAROS>{objected}</REPAROS>"
    )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestUploadAnswers(BaseCase):
    def test_received_is_zero_with_a_track_id_and_nothing_else(self):
        good = reception("<STATUS>0</STATUS><TRACKID>0000000042</TRACKID>")
        self.assertEqual(answers.upload_outcome(good).track_id, "42")
        for inner in (
            "<STATUS>0</STATUS>",
            "<STATUS>0</STATUS><TRACKID></TRACKID>",
            "<STATUS>0</STATUS><TRACKID>0</TRACKID>",
            "<STATUS>0</STATUS><TRACKID>-42</TRACKID>",
            "<STATUS>0</STATUS><TRACKID>4 2</TRACKID>",
            "<STATUS>0</STATUS><STATUS>7</STATUS><TRACKID>42</TRACKID>",
            "<STATUS></STATUS><TRACKID>42</TRACKID>",
            "<TRACKID>42</TRACKID>",
            "<STATUS>OK</STATUS><TRACKID>42</TRACKID>",
            # It contradicts itself.
            "<STATUS>7</STATUS><TRACKID>42</TRACKID>",
        ):
            with self.subTest(inner), self.assertRaises(Unknown):
                answers.upload_outcome(reception(inner))

    def test_another_document_is_no_reception(self):
        with self.assertRaises(Unknown):
            answers.upload_outcome(
                answers.read("<x><STATUS>0</STATUS><TRACKID>42</TRACKID></x>")
            )

    def test_what_could_do_harm_is_not_read(self):
        bomb = '<!DOCTYPE r [<!ENTITY a "aa">]><RECEPCIONDTE>&a;</RECEPCIONDTE>'
        for text in ("", "Error 500", "<html>", "<RECEPCIONDTE>", bomb, "\x00<a/>"):
            with self.subTest(text), self.assertRaises(Unknown):
                answers.read(text)

    def test_the_reasons_are_told(self):
        said = reception(
            "<STATUS>7</STATUS><DETAIL><ERROR>LSX-00204: uno</ERROR>"
            "<ERROR>LSX-00213: dos</ERROR></DETAIL>"
        )
        with self.assertRaises(Refused) as caught:
            answers.upload_outcome(said)
        self.assertEqual(caught.exception.detail, "LSX-00204: uno\nLSX-00213: dos")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestProcessed(BaseCase):
    """EPR is *processed*: accepted it calls what was accepted, document by document."""

    def verdicts(self, body):
        status = answers.upload_status(respuesta("<ESTADO>EPR</ESTADO>", body))
        return {code: counts.verdict for code, counts in status.counts.items()}

    def test_two_of_two_rejected_are_not_accepted(self):
        self.assertEqual(self.verdicts(counted(33, 2, 0, 2, 0)), {"33": "rejected"})

    def test_types_are_told_apart(self):
        body = counted(33, 1, 1, 0, 0) + counted(61, 1, 0, 1, 0)
        self.assertEqual(self.verdicts(body), {"33": "accepted", "61": "rejected"})

    def test_objections_are_no_rejection(self):
        self.assertEqual(self.verdicts(counted(34, 3, 0, 0, 3)), {"34": "objected"})

    def test_counts_that_do_not_decide_decide_nothing(self):
        for body in (
            counted(33, 2, 1, 1, 0),
            counted(33, 2, 1, 0, 1),
            counted(33, 2, 1, 0, 0),  # one is missing
            counted(33, 1, 1, 1, 0),  # one too many
            counted(33, 0, 0, 0, 0),
            "<TIPO_DOCTO>33</TIPO_DOCTO>",
        ):
            with self.subTest(body):
                self.assertEqual(self.verdicts(body), {"33": None})

    def test_counts_that_are_none_are_left_out(self):
        for body in (
            "",
            counted(33, "x", 1, 0, 0),
            counted(33, 1, -1, 0, 0),
            counted(33, 1, 1, 0, 0) * 2,
            counted(33, 1, 1, 0, 0) + "<ACEPTADOS>0</ACEPTADOS>",
        ):
            with self.subTest(body):
                self.assertEqual(self.verdicts(body), {})

    def test_states_on_the_way_are_no_verdict(self):
        body = counted(33, 1, 1, 0, 0)
        meanings = {"REC": "on_the_way", "PDR": "on_the_way", "RSC": "refused"}
        for state, meaning in {**meanings, "RCT": "refused", "XYZ": "other"}.items():
            with self.subTest(state):
                said = respuesta(f"<ESTADO>{state}</ESTADO>", body)
                status = answers.upload_status(said)
                self.assertEqual((status.meaning, status.counts), (meaning, {}))

    def test_an_error_of_the_siis_own_says_nothing_of_the_envelope(self):
        for header in (
            "<ESTADO>-11</ESTADO><ERR_CODE>1</ERR_CODE>",
            "<ESTADO>-1</ESTADO>",
            "<ESTADO>0</ESTADO>",
            "<GLOSA>?</GLOSA>",
        ):
            with self.subTest(header), self.assertRaises(Unknown):
                answers.upload_status(respuesta(header))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDocumentAnswers(BaseCase):
    def test_all_of_the_notes_states_mean_received(self):
        for state in ("DOK", "TMD", "TMC", "MMD", "MMC", "AND", "ANC"):
            with self.subTest(state):
                status = answers.document_status(respuesta(f"<ESTADO>{state}</ESTADO>"))
                self.assertTrue(status.is_received)

    def test_an_unknown_state_is_no_no(self):
        for state in ("", "-3", "XYZ", "0"):
            with self.subTest(state), self.assertRaises(Unknown):
                answers.document_status(respuesta(f"<ESTADO>{state}</ESTADO>"))

    def known(self, received, state, track_id="7"):
        return answers.document_known(
            respuesta(
                "<ESTADO>0</ESTADO>",
                f"<RECIBIDO>{received}</RECIBIDO><ESTADO>{state}</ESTADO>"
                f"<TRACKID>{track_id}</TRACKID>",
            )
        )

    def test_only_a_yes_for_this_document_is_a_yes(self):
        self.assertEqual(self.known("SI", "DOK", "0007").track_id, "7")
        self.assertIsNone(self.known("SI", "ANC", "").track_id)
        self.assertTrue(self.known("SI", "ANC", "").is_known)
        other = self.known("SI", "DNK")
        self.assertEqual((other.is_known, other.is_other), (False, True))
        self.assertFalse(self.known("NO", "FAU").is_known)

    def test_what_contradicts_itself_or_says_nothing_is_no_no(self):
        """A no has the document sent again."""
        for received, state in (("", "DOK"), ("SI", "FAU"), ("SI", "?"), ("X", "DOK")):
            with self.subTest(f"{received} {state}"), self.assertRaises(Unknown):
                self.known(received, state)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestTexts(BaseCase):
    def test_labels_are_not_believed(self):
        text = "<?xml version='1.0' encoding='UTF-8'?><a>línea Ñuñoa</a>"
        for encoding in ("utf-8", "latin-1"):
            with self.subTest(encoding):
                content = text.encode(encoding)
                self.assertEqual(answers.read(answers.as_text(content)).text, text)

    def test_what_is_kept_fits_a_database(self):
        self.assertEqual(answers.kept("a\x00b\x1f\n"), "ab\n")
        self.assertLessEqual(len(answers.kept("x" * 10**6)), answers.MAX_KEPT)

    def test_every_remark_has_something_to_do(self):
        seen = {
            code: what_to_do(code, untranslated)
            for code in ("DTE-3-100", "CAF-3-517", "CAF-3-1", "XYZ-3-1", "XYZ-2-1", "")
        }
        self.assertEqual(len(set(seen.values())), 5)  # of two nothing is known
        self.assertEqual(seen["XYZ-3-1"], seen[""])
        self.assertIn("valid", seen["XYZ-2-1"])

    def test_verdicts_need_numbers(self):
        self.assertIsNone(Counts().verdict)
