# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""SOAP 1.1 as the SII's Axis speaks it: a call in, one escaped XML string out."""

import itertools
from xml.sax.saxutils import escape

from .checks import reading

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_SII = 'xmlns:SII="http://www.sii.cl/XMLSchema"'
_ACCENTS = "Revisión en línea, atención Ñuñoa"
_numbers = itertools.count(1)


class Fault(Exception):
    """The call is no SOAP call of this service."""


class WrongMethod(Fault):
    """It is a call of another method."""


def read_call(body, method, names):
    """The values of a call of `method`: by the names of its parameters, or in order.

    Returns {name: text}. Raises `Fault`.
    """
    try:
        root = reading.parse(body)
    except reading.Unreadable as error:
        raise Fault(f"org.xml.sax.SAXParseException: {error}") from None
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise Fault("Unknown Envelope Namespace")
    call = root.find(f"{{{ENVELOPE}}}Body/*")
    if call is None or _local(call) != method:
        given = "nothing" if call is None else _local(call)
        raise WrongMethod(f"No such operation '{given}'")
    given = [(_local(node), (node.text or "").strip()) for node in call]
    if len(given) != len(names):
        raise Fault("No such operation with that number of parameters")
    by_name = dict(given)
    if {name.lower() for name in by_name} == {name.lower() for name in names}:
        lower = {name.lower(): value for name, value in given}
        return {name: lower[name.lower()] for name in names}
    return dict(zip(names, (value for _name, value in given), strict=True))


def answer(method, inner, mode=None):
    """The SOAP answer (bytes) that carries `inner`, as `mode` (a `Taken`) has it."""
    prefix, is_latin = "ns1", False
    if mode and mode.get("prefix"):
        prefix = f"x{next(_numbers)}"
    if mode and mode.get("latin1"):
        inner = inner.replace("<GLOSA>", f"<GLOSA>{_ACCENTS} ").replace(
            "<GLOSA_ERR>", f"<GLOSA_ERR>{_ACCENTS} "
        )
        is_latin = True
    returned = f"{prefix}:" if mode and mode.get("prefix") else ""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f"<{prefix}:{method}Response"
        ' soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
        f' xmlns:{prefix}="http://DefaultNamespace">'
        f'<{returned}{method}Return xsi:type="xsd:string">{escape(inner)}'
        f"</{returned}{method}Return></{prefix}:{method}Response>"
        "</soapenv:Body></soapenv:Envelope>"
    )
    return text.encode("latin-1" if is_latin else "utf-8", "xmlcharrefreplace")


def fault(message):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}"><soapenv:Body><soapenv:Fault>'
        "<faultcode>soapenv:Server.userException</faultcode>"
        f"<faultstring>{escape(message)}</faultstring>"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    ).encode()


def respuesta(header, body=()):
    """The SII's own answer: pairs of (tag, text), without namespace, in two parts."""
    parts = []
    if body:
        parts.append(f"<SII:RESP_BODY>{_elements(body)}</SII:RESP_BODY>")
    parts.append(f"<SII:RESP_HDR>{_elements(header)}</SII:RESP_HDR>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<SII:RESPUESTA {_SII}>{''.join(parts)}</SII:RESPUESTA>"
    )


def _elements(pairs):
    return "".join(f"<{tag}>{escape(str(text))}</{tag}>" for tag, text in pairs)


def _local(node):
    return str(node.tag).rpartition("}")[2]
