# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A failure of the model is told from an opinion by what it means."""

import time

from odoo.tests import BaseCase, tagged

from ..tools.ai.fail_open import is_failure

FAILURES = """
AI Service error: Connection error.
AI Service error:
ai service ERROR: overloaded
AI  Service   error : x
[WARNING] AI Service error: x
Parse error: Expecting value
PARSE ERROR - Expecting value: line 1 column 1 (char 0)
parse_error
Request too large: 130000 tokens
Request too expensive: $ 1.20
AI service temporarily unavailable
The AI service is temporarily unavailable, please try again
service unavailable
Service Unavailable. Please try again later.
503 Service Unavailable
HTTP 503: Service Unavailable
timeout
Request timed out.
Timeout: Anthropic did not answer in 30 s
anthropic.APITimeoutError: Request timed out.
anthropic.RateLimitError: Error code: 429 - {'type': 'error'}
AI Service error: Error code: 400 - {'type': 'error', 'error': {...}}
OverloadedError
overloaded_error: Overloaded
Overloaded
Rate limit exceeded: 20 per 1 minute
rate limit
Too many requests
could not parse the response
Could not parse model output
Failed to parse AI response as JSON
JSONDecodeError: Expecting value: line 1 column 1 (char 0)
Error: timeout
Error: could not parse
LLM failed
LLM error
Claude API error: 529
OpenAI API is unavailable
Model unavailable
Internal Server Error
Connection error.
Connection refused
Validation skipped
Fallback response
El servicio de IA no está disponible
Servicio de IA no disponible
Servicio no disponible temporalmente
SERVICIO NO DISPONIBLE
Error del servicio de IA: conexión
Error al interpretar la respuesta
Error al analizar la respuesta del modelo
No se pudo interpretar la respuesta de la IA
Tiempo de espera agotado
Se agotó el tiempo de espera
Límite de solicitudes excedido
Demasiadas solicitudes
Modelo sobrecargado
Error de conexión
Error interno del servidor
No fue posible validar el documento con IA
La IA no respondió
Aviso: el modelo no respondió
invalid x-api-key
Your credit balance is too low to access the Anthropic API
prompt is too long: 200001 tokens > 200000 maximum
No response from model
Invalid JSON
Empty response
Circuit breaker is OPEN
Unable to validate at this time
Error en el servicio de IA
Anthropic client not initialized
AI validation unavailable
AI not configured
IA no configurada
Análisis no disponible
could not parse
"""
# Of a document, although they speak of errors, limits and services.
OPINIONS = """
Monto inusual
Error en el monto: el neto no cuadra con el total
El RUT tiene un error en el dígito verificador
La IA detectó un error en el monto
Possible error in the total amount
Service line has an unusual price
Error de cálculo en el IVA
Servicio no disponible en el catálogo del cliente
Servicio de hosting: timeout de 30 días en el pago
El plazo de pago excede el límite de crédito
Se excede el límite de crédito del cliente
Límite de crédito excedido
Service unavailable in the price list was invoiced
Servicio de transporte sobrecargado de horas: 300 horas en un mes
The model number of the product is missing
Modelo de factura 33 con error de redondeo
Parse error in the reference number of the order
Rate limit of the contract exceeded: 20 hours a month were agreed
El servicio facturado 'Soporte API' tiene un precio inusual
Product 'OpenAI API credits' has an unusual price
Monto de la suscripción a Claude inusual
La factura menciona 'Servicio de IA' sin detalle
Servicio de inteligencia artificial facturado sin descripción
Request too many units: 5000
The due date is before the invoice date
Falta la conexión con la orden de compra
Precio de 'Servidor caído - reparación' fuera de rango
Validation: amount exceeds the usual
RUT inválido: error
Error: monto negativo
Warning: total does not match
AI: amount unusual
Descuento de 503 pesos
Factura 429: monto inusual
Error in line 503: price
Código 500 no corresponde
El receptor no respondió la factura anterior
Error 500 unidades facturadas en vez de 50
The document could not be matched with an order
No se pudo validar el RUT del receptor en el documento
No fue posible validar la relación con la orden de compra
Overloaded truck surcharge is unusual
Servicio de IA: precio inusual
Desarrollo de modelo de lenguaje: monto inusual
OpenAI suscripción, error en el IVA
Anthropic invoice has errors in the totals
Consultoría IA error en el monto neto
Timeout fee charged twice
Invalid reference to document 33
Respuesta del SII no adjunta
Tiempo de espera del camión facturado dos veces
Línea 3 sin precio de lista: timeout
"""
# What is put before a message and says nothing itself.
LABELS = """
error warn warning info note alert critical fatal exception system http validator
nota aviso advertencia alerta sistema excepción ai ia llm dte validation 503
"""


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFailOpen(BaseCase):
    def test_a_failure_is_recognised_by_its_meaning(self):
        for text in FAILURES.strip().splitlines():
            for spelling in (text, text.upper(), f"  {text} ", f"[WARNING] {text}"):
                with self.subTest(spelling):
                    self.assertTrue(is_failure(spelling))

    def test_behind_a_label(self):
        for label in LABELS.split():
            with self.subTest(label):
                self.assertTrue(is_failure(f"{label}: overloaded"))

    def test_however_it_is_written(self):
        text = "AI Service error: x"
        wide = "".join(chr(ord(c) + 0xFEE0) if c > " " else "\u3000" for c in text)
        for spelling in (
            wide,
            "\u200b".join(text),
            "\u00ad".join(text),
            "\ufeff" + text,
            "A\u2060I\u00a0Ser\u200dvice\u2003err\u034for\t: x",
            "AI\nService\r\nerror: x",
            "AI\x00Service\x07 error: x".replace("\0", " "),
            "«AI Service error»",
            "**AI_Service_error**: x",
            "A\u0301I Service error: x",
        ):
            with self.subTest(ascii(spelling)):
                self.assertTrue(is_failure(spelling))

    def test_what_is_said_of_a_document_is_an_opinion(self):
        for text in OPINIONS.strip().splitlines():
            with self.subTest(text):
                self.assertFalse(is_failure(text))
        for text in ("", " ", ":", "-", "…"):
            self.assertFalse(is_failure(text))

    def test_a_text_made_to_take_long_does_not(self):
        for piece in ("ai ", "error ", "a:", "the ", "timed out of ", "ai ai service "):
            with self.subTest(piece):
                started = time.process_time()
                is_failure(piece * 200_000)
                self.assertLess(time.process_time() - started, 0.5)
