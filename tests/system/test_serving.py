# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the demo, the tests and the bench run is a whole Odoo, with workers, too."""

from dev.process import free_port


def test_with_workers_there_is_a_websocket(workspace):
    """Its process died at each start, for `python -m odoo` is no script."""
    port = free_port()
    server = workspace.create("serving").serve(port, workers=1)
    server.start()
    try:
        server.wait_for_http(f"http://127.0.0.1:{port}/web/health", "Odoo")
        server.wait_for(
            lambda: "Evented Service (longpolling) running" in server.log.read_text(),
            "its websocket",
            60,
        )
    finally:
        server.stop()
    assert "ImportError" not in server.log.read_text()
