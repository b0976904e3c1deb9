# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One request to another host, which ends in time: what every client of one needs.

The AI service's client has more to it, and its own session. Other addons, whose tools
know no Odoo and so cannot import these, are handed this class by their models.
"""

import http.cookiejar
import time

import requests

from .address import check_url
from .outcomes import AIServiceError, Misconfigured
from .redaction import Redactor
from .transport import Adapter, Reply, environment_settings, read_body, typed_errors


class Exchange:
    """The connections to one host, for one thread.

    :param str url: of the host: https, or on this machine
    :param limits: has `connect` and `read`, in seconds
    """

    Fault = AIServiceError  # what :meth:`post` raises; it has a `code`

    def __init__(self, url, limits):
        self._url = url
        self._adapter = Adapter(limits)
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._session.auth = lambda request: request  # or a `.netrc` would be asked
        # No cookie of an answer goes along with the next request.
        self._session.cookies.set_policy(
            http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )

    @property
    def has_begun(self):
        """Tell whether anything of the last request may have left."""
        return self._adapter.has_begun

    def post(self, path, headers, body, seconds):
        """Post once, and follow nothing.

        :param bytes body:
        :param float seconds: after which nobody waits any more
        :rtype: Reply
        :raise Exchange.Fault: of the address, the wire, or the time
        """
        request = requests.Request("POST", self._url + path, headers, data=body)
        return self._adapter.in_time(lambda: self._transfer(request, seconds), seconds)

    def _transfer(self, request, seconds):
        deadline = time.monotonic() + seconds
        if check_url(self._url):
            raise Misconfigured("address")
        with typed_errors():
            prepared = self._session.prepare_request(request)
            settings = environment_settings(self._session, prepared.url)
            settings["stream"] = True
            with self._session.send(
                prepared, allow_redirects=False, **settings
            ) as response:
                body = read_body(response, deadline)
                return Reply(response.status_code, response.headers, body)

    @staticmethod
    def is_misconfigured(fault):
        """Tell whether address, certificate or the like have to be mended."""
        return isinstance(fault, Misconfigured)

    @staticmethod
    def without(secret, text):
        """Return a text of the other side without a secret of ours."""
        return Redactor(secret)(text)

    def renew(self):
        """Let the next request have a new connection."""
        self._adapter.close()

    def close(self):
        """Close the connections, also one that is still under way."""
        self._adapter.hang_up()
        self._session.close()
