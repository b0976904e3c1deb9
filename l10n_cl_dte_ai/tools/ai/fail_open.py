# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Telling a failure of the service's model from an opinion on a document.

When its model fails, a v1.2.0 service answers all the same, usually with "send", and
says so in a warning only. What it says comes from whatever failed, so it is recognised
by its meaning: case, accents, spaces, width, invisible characters and the place in the
lists do not matter. Doubt goes to the opinion: a warning about a document may well
mention an error, a limit or a service; that is what documents are about.
"""

import re
import unicodedata

# === Words === #

# The names of what gives the opinion. "Servicio" or "modelo" alone may be invoiced.
MODEL = (
    r"(?:(?:the )?(?:ai|llm|openai|anthropic|claude|gpt(?: ?\d\w*)*|gemini|mistral"
    r"|language)(?: (?:service|model|api|engine|provider|backend|server|client))*"
    r"|(?:el |la |del |al )?(?:servicio|modelo|motor|api)(?: de)?(?: la)?"
    r" (?:ia|ai|inteligencia artificial|lenguaje)|(?:la )?ia)"
)
OUT = (
    r"(?:(?:temporarily |currently |temporalmente )?"
    r"(?:unavailable|not available|unreachable|not reachable|no disponible"
    r"|inaccesible|inalcanzable)"
    r"|timed out|time ?out|overloaded|over capacity|not responding|offline"
    r"|did ?n[o ]?t (?:respond|answer|reply)|rate limit(?:ed)?|quota exceeded"
    r"|no respond\w+|no esta disponible|no contest\w+|fuera de (?:servicio|linea)"
    r"|sobrecargad[oa]|saturad[oa]|caid[oa]|sin respuesta"
    r"|not (?:initialized|configured)|disabled"
    r"|no (?:configurad|inicializad)[oa]|deshabilitad[oa])"
)
FAILURE = r"(?:errors?|failed|failure|exception|fallo|crashed)"
A_FEW_WORDS = r"(?:\w+ ){0,3}"

# Wherever they stand: nobody says so of a document.
ANYWHERE = re.compile(
    rf"\b(?:{MODEL} (?:(?:is|was|are|esta|estaba|se encuentra) )?{A_FEW_WORDS}{OUT}"
    rf"|ai service {FAILURE}|{MODEL} {FAILURE}(?! (?:en|in) (?:el|la|los|las|the)\b)"
    rf"|(?:error|failure|fallo|falla)s? (?:of|from|in|with|calling|querying|contacting"
    rf"|de|del|en|con|al (?:llamar|consultar|contactar))(?: a)?"
    rf" {MODEL}"
    r"|(?:rate limit|json decode|api (?:connection|timeout|status|response)|api) error"
    r"|overloaded ?error"
    r"|(?:(?:error|status) code|http(?: status| error)?(?: code)?)"
    r" (?:401|403|408|429|5\d\d)"
    r"|internal server error|expecting value line \d+|max retries exceeded"
    r"|(?:invalid|incorrect|missing) (?:x )?api key"
    r"|maximum context length|context length exceeded|prompt is too long"
    r"|credit balance is too low)\b"
)

# What may be said of a document, too: a failure only where nothing else is said.
RESPONSE = (
    r"(?:the |la |el |a )*(?:(?:ai|llm|model)(?: s)? )?"
    r"(?:response|answer|output|reply|json|model|ai|respuesta|salida|opinion)"
    r"(?: (?:as json|from (?:the )?(?:ai|llm|model)|de(?:l)? (?:la )?(?:ia|modelo)"
    r"|del servicio))*"
)
ALONE = re.compile(
    r"(?:(?:error )?[45]\d\d )?"
    r"(?:error [45]\d\d|(?:json )?pars(?:e|ing) (?:error|failed|failure)"
    r"|(?:failed to|could not|couldn t|cannot|can t|unable to|error)"
    rf" (?:pars(?:e|ing)|(?:decod(?:e|ing)|read(?:ing)?|understand|get) {RESPONSE})"
    rf"(?: {RESPONSE})?"
    rf"|(?:no|empty|invalid|malformed) {RESPONSE}(?: received| returned)?"
    r"|request too (?:large|expensive|long|big)|payload too large|prompt too long"
    r"|(?:ai |llm )?(?:service|system|server|backend|analysis|validation|model)"
    r"(?: is| was)?(?: currently| temporarily)?"
    r" (?:unavailable|not available|overloaded|down|busy|unreachable|failed|skipped"
    r"|timed out|timeout|error)"
    r"|temporarily unavailable|(?:server |model )?overloaded|(?:server )?busy"
    r"|(?:api |read |connect |connection |request |gateway |response )?"
    r"(?:timed out|time ?out)(?: error)?(?: (?:after|of) .*)?"
    r"|(?:api )?rate limit(?:ed|ing)?(?: (?:was )?(?:exceeded|reached|hit))?"
    r"|too many requests|(?:insufficient )?quota(?: exceeded)?|insufficient quota"
    r"|(?:api |network |connection |internal |server |http |unexpected |unknown "
    r"|proxy )+"
    r"error|bad gateway|connection (?:refused|reset|aborted|closed|lost|failed)(?: .*)?"
    r"|(?:remote end closed|remote disconnected).*"
    r"|expecting value|extra data|unterminated string.*|invalid json"
    r"|authentication (?:error|failed)|unauthorized|circuit breaker(?: is)?(?: open)?"
    r"|(?:using )?fallback(?: (?:response|answer|result|validation|mode|used))*"
    r"|(?:could not|unable to|failed to) (?:validate|analy[sz]e|process|complete)"
    r"(?: (?:the |this )?(?:document|dte|invoice|request|validation|analysis))?"
    r"(?: (?:at this time|right now|now|with ai|with the ai))*"
    # Español
    r"|(?:el )?(?:servicio|sistema|servidor|modelo|analisis|validador)"
    r"(?: (?:esta|se encuentra))?(?: temporalmente| actualmente)?"
    r" (?:no disponible|sobrecargado|saturado|caido|ocupado|fuera de (?:servicio|linea)"
    r"|inaccesible)(?: (?:temporalmente|por el momento|en este momento|actualmente))?"
    r"|(?:el )?(?:servicio|sistema|modelo|servidor) no (?:esta disponible|responde"
    r"|respondio|contesta)(?: .*)?"
    r"|temporalmente no disponible|no disponible temporalmente"
    r"|validacion (?:omitida|no realizada|no disponible|fallida)"
    r"|(?:se agoto el )?tiempo de espera(?: de \w+)*"
    r"(?: (?:agotado|excedido|superado|expirado))?"
    r"|(?:se (?:excedio|alcanzo|supero) el )?limite de"
    r" (?:solicitudes|peticiones|consultas|tasa|llamadas)(?: por minuto)?"
    r"(?: (?:excedido|alcanzado|superado))?"
    r"|demasiadas (?:solicitudes|peticiones|consultas)"
    r"|solicitud demasiado (?:grande|larga|costosa|cara)"
    r"|error (?:interno(?: del servidor)?|del servidor|(?:de|en la) conexion|de red"
    r"|inesperado|desconocido|de (?:analisis|parseo))"
    r"|conexion (?:rechazada|perdida|cerrada|interrumpida)"
    r"|(?:error al|fallo al|no se pudo|no fue posible|no se logro)"
    r" (?:analizar|interpretar|parsear|procesar|leer|obtener|decodificar|entender)"
    rf" {RESPONSE}"
    r"|(?:no se pudo|no fue posible) (?:validar|analizar|procesar|completar)"
    r"(?: (?:el|la|este|esta))?"
    r"(?: (?:documento|dte|factura|solicitud|validacion|analisis))?"
    r"(?: (?:por el momento|en este momento|con (?:la )?ia))*)"
)

# What may stand before it and says nothing itself.
LABELS = {
    "error",
    "warning",
    "warn",
    "info",
    "note",
    "alert",
    "critical",
    "fatal",
    "exception",
    "system",
    "http",
    "validator",
    "nota",
    "aviso",
    "advertencia",
    "alerta",
    "sistema",
    "excepcion",
    "ai",
    "ia",
    "llm",
    "dte",
    "validation",
}
STOPS = re.compile(r"[:;.!?,()\[\]{}<>|…—–\n*]|\s-+\s")

CONTROL = re.compile(r"[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# A failure says so at once; beyond, it costs the time of whoever waits.
LOOKED_AT = 10_000  # characters of each text


def is_failure(text):
    """Tell whether a warning or an error says that the model failed."""
    words = _plain(text[:LOOKED_AT])
    if ANYWHERE.search(_words_only(words)):
        return True
    # Only a sentence that says nothing else, behind what labels it.
    for part in map(_words_only, STOPS.split(words)):
        if ALONE.fullmatch(part):
            return True
        if part and not _is_label(part):
            return False
    return False


def _is_label(part):
    words = part.split()
    is_class = len(words) < 5 and words[-1] in ("error", "exception")
    return is_class or all(word in LABELS or word.isdigit() for word in words)


def _plain(text):
    """Return a text in plain small letters, with the signs that part its sentences."""
    if not text.isascii():
        text = "".join(
            letter
            for letter in unicodedata.normalize("NFKD", text)
            if unicodedata.category(letter) not in ("Cf", "Mn")
        )
    text = CONTROL.sub("", text)
    # As exceptions are called: APITimeoutError, rate_limit_error.
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return text.casefold().replace("_", " ")


def _words_only(text):
    return " ".join(re.findall(r"[^\W_]+", text))
