# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A multipart/form-data body, read to the letter: CRLF everywhere, closed boundary."""

import re
from dataclasses import dataclass

_BOUNDARY = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.IGNORECASE)
_PARAMETER = re.compile(r'\b(name|filename)="((?:[^"\\]|\\.)*)"')


class BadFrame(Exception):
    """The frame is not as RFC 7578 and the SII's manual want it; the text says why."""


@dataclass(frozen=True)
class Part:
    name: str
    filename: str | None
    content_type: str
    content: bytes


def read(content_type, body):
    """{name: Part} of a body (bytes). Raises `BadFrame`."""
    if not (content_type or "").lower().startswith("multipart/form-data"):
        raise BadFrame("Content-Type no es multipart/form-data")
    found = _BOUNDARY.search(content_type)
    if not found:
        raise BadFrame("falta boundary")
    mark = b"--" + found[1].strip().encode()
    if not body.startswith(mark + b"\r\n"):
        raise BadFrame("el cuerpo no comienza con el boundary y CRLF")
    pieces = body[len(mark) + 2 :].split(b"\r\n" + mark)
    closing = pieces.pop()
    if closing not in (b"--\r\n", b"--"):
        raise BadFrame("falta el boundary de cierre")
    parts = {}
    for number, piece in enumerate(pieces):
        if number:
            if not piece.startswith(b"\r\n"):
                raise BadFrame("boundary sin CRLF")
            piece = piece[2:]
        part = _part(piece)
        if part.name in parts:
            raise BadFrame(f"campo repetido: {part.name}")
        parts[part.name] = part
    return parts


def _part(piece):
    head, separator, content = piece.partition(b"\r\n\r\n")
    if not separator or b"\n" in head.replace(b"\r\n", b""):
        raise BadFrame("encabezados de una parte sin CRLF")
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    given = dict(_PARAMETER.findall(disposition))
    if not disposition.lower().startswith("form-data") or "name" not in given:
        raise BadFrame("parte sin Content-Disposition: form-data; name")
    return Part(
        given["name"], given.get("filename"), headers.get("content-type", ""), content
    )
