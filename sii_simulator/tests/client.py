# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's services, called on the wire with http.client and nothing else."""

import http.client
import json
import re
from html import unescape
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from .documents import ISSUER, RECEIVER, SENDER, now

AGENT = "Mozilla/4.0 (compatible; PRUEBAS 1.0; Windows NT 5.0)"
BOUNDARY = "9022632e1130lc4"


class Reply:
    """Status, headers and body of an answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def tag(self, name):
        """The text of the first element of that name, also in an escaped answer."""
        found = re.search(rf"<{name}>([^<]*)</{name}>", unescape(self.text))
        return found[1] if found else None

    def tags(self, name):
        return re.findall(rf"<{name}>([^<]*)</{name}>", unescape(self.text))


class Client:
    def __init__(self, url, timeout=10):
        parts = urlsplit(url)
        self.address = parts.hostname, parts.port
        self.timeout = timeout
        self.token = None

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        try:
            connection.request(method, path, body, headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def admin(self, method, path, **given):
        body = json.dumps(given) if given or method == "POST" else None
        return self.request(method, f"/admin/{path}", body)

    # === SOAP ===

    def call(self, path, method, *values, names=None, headers=None):
        names = names or [f"arg{number}" for number in range(len(values))]
        inner = "".join(
            f"<{name}>{escape(str(value))}</{name}>"
            for name, value in zip(names, values, strict=True)
        )
        body = (
            '<?xml version="1.0"?><soapenv:Envelope'
            ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
            f'<m:{method} xmlns:m="http://DefaultNamespace">{inner}</m:{method}>'
            "</soapenv:Body></soapenv:Envelope>"
        )
        given = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        if headers is not None:
            given = headers
        return self.request("POST", f"/DTEWS/{path}", body.encode(), given)

    def seed(self):
        return self.call("CrSeed.jws", "getSeed")

    def login(self, signer):
        """Get a token, and keep it; returns the answer."""
        reply = self.token_for(signer.seed(self.seed().tag("SEMILLA")))
        self.token = reply.tag("TOKEN")
        return reply

    def token_for(self, signed_seed):
        names = ["pszXml"]
        return self.call("GetTokenFromSeed.jws", "getToken", signed_seed, names=names)

    def sending(self, track, company=ISSUER, token=None):
        return self.call(
            "QueryEstUp.jws",
            "getEstUp",
            *company.split("-"),
            track,
            token or self.token,
            names=["RutCompania", "DvCompania", "TrackId", "Token"],
        )

    def document(self, folio, amount=119000, code="33", date=None, receiver=RECEIVER):
        day = date or "".join(reversed(now()[:10].split("-")))
        return self.call(
            "QueryEstDte.jws",
            "getEstDte",
            *(*SENDER.split("-"), *ISSUER.split("-"), *receiver.split("-")),
            *(code, folio, day, amount, self.token),
        )

    def advanced(self, folio, signature, amount=119000, code="33"):
        day = "-".join(reversed(now()[:10].split("-")))
        return self.call(
            "services/QueryEstDteAv",
            "getEstDteAv",
            *(*ISSUER.split("-"), *RECEIVER.split("-"), code, folio, day, amount),
            *(signature, self.token),
        )

    def mail_again(self, track):
        values = (self.token, *ISSUER.split("-"), track)
        return self.call("services/wsDTECorreo", "reenvioCorreo", *values)

    # === Upload ===

    def upload(self, content, **changed):
        """Send an envelope; `changed` replaces fields of the form, or headers."""
        body = form(content, **changed)
        headers = {
            "User-Agent": AGENT,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Cookie": f"TOKEN={self.token}",
            **changed.get("headers", {}),
        }
        headers = {name: value for name, value in headers.items() if value is not None}
        change = changed.get("body", bytes)
        return self.request("POST", "/cgi_dte/UPL/DTEUpload", change(body), headers)


def form(content, sender=SENDER, company=ISSUER, filename="envio.xml", **_other):
    fields = dict(
        zip(
            ("rutSender", "dvSender", "rutCompany", "dvCompany"),
            (*sender.split("-"), *company.split("-")),
            strict=True,
        )
    )
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'Content-Disposition: form-data; name="archivo"; filename="{filename}"\r\n'
        "Content-Type: text/xml\r\n\r\n".encode()
        + content
        + b"\r\n"
    )
    mark = f"--{BOUNDARY}".encode()
    return b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n"
