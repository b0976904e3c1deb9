# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The wire to the SII's hosts: SOAP, the form of an upload, and whether it has left.

Deadline, check of addresses, TLS and redaction are in the `Exchange` that the model
hands in: the addon that this one depends on has it.
"""

import hashlib
import time
from xml.sax.saxutils import escape

from .sii_answers import as_text, kept
from .sii_outcomes import NotSent, Unknown

# The manual's; others risk a page for browsers.
USER_AGENT = "Mozilla/4.0 (compatible; PROG 1.0; Windows NT 5.0; YComp 5.0.2.4)"
# A connection that was idle for longer may just be closed by the other side.
MAX_IDLE = 4  # seconds

_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soapenv:Body><m:{method} xmlns:m="http://DefaultNamespace">{inner}</m:{method}>'
    "</soapenv:Body></soapenv:Envelope>"
)


class Wire:
    """The connections to one host, for one thread.

    :param Exchange exchange: of the first addon's `tools.ai`
    """

    def __init__(self, exchange):
        self._exchange, self._last_use = exchange, 0.0

    def close(self):
        """Close the connections, also one that is still under way."""
        self._exchange.close()

    def call(self, path, method, values, seconds):
        """Call a SOAP service, and return the text of what it answered.

        :param dict values: the parameters in their order
        :raise SiiFault: as :meth:`_post`
        """
        inner = "".join(
            f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items()
        )
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        body = _SOAP.format(method=method, inner=inner).encode()
        if time.monotonic() - self._last_use > MAX_IDLE:
            self._exchange.renew()
        return self._post(path, body, headers, values.get("Token"), seconds)

    def post_form(self, path, fields, file_name, content, token, seconds):
        """Post a form with a file, and return the text of what was answered.

        :param dict fields: names and texts
        :param str token: goes along as a cookie
        :raise SiiFault: as :meth:`_post`
        """
        boundary = _boundary(content)
        body = _form(boundary, fields, file_name, content)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Cookie": f"TOKEN={token}",
        }
        # On a new connection: an old one may be closed just when the file leaves, and
        # whether it arrived would be unknown.
        self._exchange.renew()
        return self._post(path, body, headers, token, seconds)

    def _post(self, path, body, headers, token, seconds):
        """Post once, and return the text of an answer with HTTP 200.

        :raise NotSent: where nothing of the request has left
        :raise Unknown: after that
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            reply = self._exchange.post(path, headers, body, seconds)
        except self._exchange.Fault as error:
            raise self._fault(error) from None
        finally:
            self._last_use = time.monotonic()
        text = as_text(reply.body)
        if token:
            text = self._exchange.without(token, text)
        if reply.status != 200:
            raise Unknown("no_answer", state=f"HTTP {reply.status}", answer=kept(text))
        return text

    def _fault(self, error):
        """Return what an error on the wire means."""
        if self._exchange.has_begun:
            return Unknown("no_answer", detail=error.code)
        is_wrong = self._exchange.is_misconfigured(error)
        return NotSent("address" if is_wrong else "unreachable", detail=error.code)


def _boundary(content):
    """Return a boundary that does not stand in the content."""
    boundary = f"dte{hashlib.sha256(content).hexdigest()[:24]}"
    while boundary.encode() in content:
        boundary = f"dte{hashlib.sha256(boundary.encode()).hexdigest()[:24]}"
    return boundary


def _form(boundary, fields, file_name, content):
    """Return a form as a browser would send it, with the file as `archivo`.

    :rtype: bytes
    """
    parts = [
        f'Content-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    plain = "".join(c for c in file_name if c.isascii() and (c.isalnum() or c in "._-"))
    head = (
        f'Content-Disposition: form-data; name="archivo"; filename="{plain}"\r\n'
        "Content-Type: text/xml\r\n\r\n"
    )
    parts.append(head.encode() + content + b"\r\n")
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"
