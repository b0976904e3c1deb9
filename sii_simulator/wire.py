# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A request and an answer, whatever serves them."""

import json
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Message
    body: bytes

    def parameters(self):
        return dict(parse_qsl(self.query))

    def cookie(self, name):
        """The value of a cookie; "" if there is none."""
        try:
            jar = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        return jar[name].value if name in jar else ""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "text/xml; charset=utf-8"
    headers: list = field(default_factory=list)


def as_json(value, status=200):
    body = json.dumps(value, ensure_ascii=False, indent=1).encode()
    return Answer(status, body + b"\n", "application/json")
