# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo as one of its users, over the road that the browser takes."""

import http.cookiejar
import json
import urllib.error
import urllib.request

from .console import Stop


class RpcError(Stop):
    """What Odoo answered instead of a result: `name` is the exception's class."""

    def __init__(self, error):
        data = error.get("data") or {}
        super().__init__(data.get("message") or error.get("message"))
        self.name = data.get("name", "")
        self.debug = data.get("debug", "")


class Client:
    """`client.call("res.partner", "read", [1], ["name"])`"""

    def __init__(self, url, database, login, password, timeout=120):
        self.url = url
        self.timeout = timeout
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )
        session = self.post(
            "/web/session/authenticate", db=database, login=login, password=password
        )
        self.uid = session["uid"]
        self.context = session["user_context"]

    def call(self, model, method, *args, **kwargs):
        kwargs["context"] = {**self.context, **kwargs.get("context", {})}
        return self.post(
            f"/web/dataset/call_kw/{model}/{method}",
            model=model,
            method=method,
            args=args,
            kwargs=kwargs,
        )

    def search_read(self, model, domain=(), fields=(), **options):
        return self.call(
            model, "search_read", list(domain), fields=list(fields), **options
        )

    def post(self, path, **params):
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps({"jsonrpc": "2.0", "params": params}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with self.opener.open(request, timeout=self.timeout) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer.get("result")
