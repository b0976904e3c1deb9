# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's mail with an envelope's result, however it comes in."""

import html

from odoo.tests import BaseCase, tagged

from ..tools import result_mail
from ..tools.result_mail import Finding, ResultUnreadable

MAIL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<RESULTADO_ENVIO>
<IDENTIFICACION>
<RUTEMISOR>76101010-7</RUTEMISOR>
<RUTENVIA>12345678-5</RUTENVIA>
<TRACKID>0000000042</TRACKID>
<TMSTRECEPCION>25/11/2026 10:00:00</TMSTRECEPCION>
<ESTADO>EPR - Envio Procesado</ESTADO>
</IDENTIFICACION>
<ESTADISTICA>
<SUBTOTAL><TIPODOC>33</TIPODOC><INFORMADO>3</INFORMADO><ACEPTA>1</ACEPTA>
<RECHAZO>1</RECHAZO><REPARO>1</REPARO></SUBTOTAL>
</ESTADISTICA>
<REVISIONENVIO>
<REVISIONDTE><FOLIO>7</FOLIO><TIPODTE>33</TIPODTE>
<ESTADO>RCH - DTE Rechazado</ESTADO>
<DETALLE>(DTE-3-101) Folio ya Recibido con Otros Datos</DETALLE>
<DETALLE>(REF L[5] -3-758) Falta Código de Referencia : año</DETALLE>
</REVISIONDTE>
<REVISIONDTE><FOLIO>8</FOLIO><TIPODTE>33</TIPODTE>
<ESTADO>RPR - DTE Aceptado con Reparos</ESTADO>
<DETALLE>Otra cosa</DETALLE>
</REVISIONDTE>
</REVISIONENVIO>
</RESULTADO_ENVIO>
"""


@tagged("post_install_l10n", "post_install", "-at_install")
class TestResultMail(BaseCase):
    def test_what_it_says_of_each_document(self):
        result = result_mail.read(MAIL.encode("latin-1"))
        self.assertEqual(
            (result.track_id, result.issuer, result.state), ("42", "76101010-7", "EPR")
        )
        self.assertEqual(tuple(result.counts["33"]), (3, 1, 1, 1))
        rejected, objected = result.reviews
        self.assertEqual((rejected.code, rejected.folio), ("33", 7))
        self.assertEqual((rejected.state, objected.state), ("rejected", "objected"))
        self.assertEqual(
            rejected.findings,
            (
                Finding("DTE-3-101", "Folio ya Recibido con Otros Datos"),
                Finding("REF-3-758", "Falta Código de Referencia : año", 5),
            ),
        )
        self.assertEqual(objected.findings, (Finding("", "Otra cosa"),))

    def test_it_is_found_wherever_it_stands(self):
        """Attached in any encoding, pasted with the mail around it, or as its HTML."""
        wanted = result_mail.read(MAIL)
        for form in (
            MAIL.encode("latin-1"),
            MAIL.encode("utf-8"),
            f"De: sii\r\nEstimado:\r\n{MAIL}\r\nAtte.",
            f"<pre>{html.escape(MAIL)}</pre>",
        ):
            self.assertEqual(result_mail.read(form), wanted)

    def test_a_word_that_is_not_known_is_no_verdict(self):
        text = MAIL.replace("RCH - DTE Rechazado", "XYZ - Otro")
        self.assertIsNone(result_mail.read(text).reviews[0].state)

    def test_an_envelope_that_was_refused_says_why(self):
        text = MAIL.replace("EPR - Envio Procesado", "RFR - Firma").replace(
            "<REVISIONENVIO>",
            "<ERRORENVIO><DETERRENVIO>(ENV-3-6) Rut No Autorizado a Firmar"
            "</DETERRENVIO></ERRORENVIO><REVISIONENVIO>",
        )
        result = result_mail.read(text)
        self.assertEqual(result.state, "RFR")
        self.assertEqual(
            result.errors, (Finding("ENV-3-6", "Rut No Autorizado a Firmar"),)
        )

    def test_what_is_none_is_refused(self):
        bomb = '<!DOCTYPE a [<!ENTITY b "c">]>'
        for text in (
            "",
            "Estimado contribuyente",
            MAIL[: len(MAIL) // 2],
            MAIL.replace("0000000042", "x"),
            MAIL.replace("76101010-7", "DROP"),
            MAIL.replace("<FOLIO>7<", "<FOLIO>siete<"),
            MAIL.replace("<INFORMADO>3<", "<INFORMADO>-3<"),
            MAIL.replace("<FOLIO>7<", f"{bomb}<FOLIO>7<"),
            "x" * (result_mail.MAX_BYTES + 1),
        ):
            with self.subTest(text[:60]), self.assertRaises(ResultUnreadable):
                result_mail.read(text)
        self.assertIn("Resultado", str(ResultUnreadable()))
