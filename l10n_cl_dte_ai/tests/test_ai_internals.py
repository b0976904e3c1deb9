# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What we use of the HTTP libraries that they promise to nobody: which of it broke.

`docs/architecture.md` says what each is for.
"""

import http.client
import inspect

import urllib3
from requests.adapters import HTTPAdapter

from odoo.tests import BaseCase, tagged

CONNECTIONS = (urllib3.connection.HTTPConnection, urllib3.connection.HTTPSConnection)
# Methods that ours stand before: what they take, in this order.
METHODS = (
    (http.client.HTTPResponse, "begin", []),
    (http.client.HTTPResponse, "_read_next_chunk_size", []),
    *((each, "_new_conn", []) for each in CONNECTIONS),
    *((each, "connect", []) for each in CONNECTIONS),
    *((each, "send", ["data"]) for each in CONNECTIONS),
    (http.client.HTTPConnection, "endheaders", ["message_body"]),
    (HTTPAdapter, "init_poolmanager", ["connections", "maxsize"]),
    (HTTPAdapter, "proxy_manager_for", ["proxy"]),
    (HTTPAdapter, "send", ["request"]),
)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLibraries(BaseCase):
    def test_methods_take_what_we_give_them(self):
        for owner, name, wanted in METHODS:
            with self.subTest(owner=owner, method=name):
                method = getattr(owner, name, None)
                self.assertTrue(method, "It is gone")
                taken = [*inspect.signature(method).parameters][1:]
                self.assertEqual(taken[: len(wanted)], wanted)

    def test_an_answer_is_read_by_the_class_that_the_connection_names(self):
        self.assertIs(
            http.client.HTTPConnection.response_class, http.client.HTTPResponse
        )
        source = inspect.getsource(http.client.HTTPConnection.getresponse)
        self.assertIn("self.response_class(", source)
        source = inspect.getsource(http.client.HTTPResponse)
        self.assertIn("self._read_next_chunk_size()", source)
        self.assertIn("self.headers is not None", source, "It begins only once")

    def test_a_connection_is_made_where_we_stand_before_it(self):
        for each in CONNECTIONS:
            with self.subTest(each=each):
                self.assertIn("self._new_conn()", inspect.getsource(each.connect))
                self.assertIsNone(each("127.0.0.1").sock, "None while not connected")

    def test_a_pool_makes_the_connections_of_our_class(self):
        manager = urllib3.PoolManager()
        self.assertEqual({*manager.pool_classes_by_scheme}, {"http", "https"})
        for scheme, pool_class in manager.pool_classes_by_scheme.items():
            with self.subTest(scheme=scheme):
                watched = type("Watched", (pool_class.ConnectionCls,), {})
                pools = {scheme: type("P", (pool_class,), {"ConnectionCls": watched})}
                own = urllib3.PoolManager()
                own.pool_classes_by_scheme = pools
                pool = own.connection_from_url(f"{scheme}://127.0.0.1:9")
                self.assertIs(type(pool._new_conn()), watched)

    def test_an_adapter_keeps_its_managers_where_we_find_them(self):
        adapter = HTTPAdapter()
        self.assertIsInstance(adapter.poolmanager, urllib3.PoolManager)
        manager = adapter.proxy_manager_for("http://127.0.0.1:9")
        self.assertIs(adapter.proxy_manager["http://127.0.0.1:9"], manager)
        self.assertTrue(manager.pool_classes_by_scheme)
