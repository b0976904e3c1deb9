# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the monitor says of a running service, and when it raises an alert."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from . import documents as docs
from .conftest import KEY, ROOT, environment


def question(folio=1):
    document = docs.invoice(fecha_emision=None, folio=folio)
    return {"dte_data": document, "company_id": 1}


@pytest.fixture
def monitor(tmp_path):
    def monitor(server, *arguments, api_key=KEY):
        return subprocess.run(
            [
                *(sys.executable, "-m", "ai_service", "monitor"),
                *("--url", f"http://127.0.0.1:{server.port}"),
                *("--file", str(tmp_path / "baseline.json"), *arguments),
            ],
            cwd=ROOT,
            env=environment(api_key=api_key),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return monitor


def report(done):
    return {line[:16].strip(): line[16:] for line in done.stdout.splitlines()}


def test_it_reports_what_the_guides_script_reports(start_server, vendor, monitor):
    server = start_server(rate_limit=4, **vendor.environment("anthropic"))
    for _ in range(6):
        server.validate(question())
    done = monitor(server)
    assert (done.returncode, done.stderr) == (0, "")
    seen = report(done)
    assert seen["health"].startswith("healthy (1.2.0")
    assert seen["requests"] == "6, 0 failed (5xx)"
    assert seen["validations"] == "4, 0 no opinion"
    assert seen["error rate"] == "0.0%"
    assert seen["cache hit rate"] == "75.0%"
    assert seen["rate limited"] == "2"
    assert seen["tokens"] == "1260"
    assert seen["cost"] == "US$ 0.0015"
    assert seen["alerts"] == "none"


def test_a_baseline_is_saved_and_compared_with(start_server, vendor, monitor):
    server = start_server(rate_limit=1000, **vendor.environment("anthropic"))
    for folio in range(30):  # 30 misses: an alert, if they counted after the baseline
        server.validate(question(folio))
    assert monitor(server, "--baseline", "save").returncode == 1
    for _ in range(25):
        server.validate(question())
    done = monitor(server, "--baseline", "compare")
    assert done.returncode == 0
    seen = report(done)
    assert seen["since"].startswith("the baseline")
    assert seen["validations"] == "25, 0 no opinion"
    assert seen["cache hit rate"] == "100.0% (baseline 0.0%)"
    assert seen["tokens"] == "0"

    vendor.always = 400
    for folio in range(30, 60):
        server.validate(question(folio))
    done = monitor(server, "--baseline", "compare")
    assert done.returncode == 1
    assert "ALERT           error rate 54.5%" in done.stdout


def test_an_illness_is_an_alert(start_server, monitor):
    done = monitor(start_server(REDIS_URL="redis://127.0.0.1:1"))
    assert done.returncode == 1
    assert "ALERT           health is degraded (redis down)" in done.stdout


def test_many_429_are_an_alert(start_server, monitor):
    server = start_server(rate_limit=1)
    for _ in range(11):
        server.validate(question())
    done = monitor(server)
    assert done.returncode == 1
    assert "ALERT           10 × 429" in done.stdout


def test_a_restart_is_an_alert_and_loses_no_counts(start_server, monitor, tmp_path):
    server = start_server()
    monitor(server, "--baseline", "save")
    for folio in range(3):
        server.validate(question(folio))
    assert report(monitor(server, "--baseline", "compare"))["requests"].startswith("3,")
    server.stop()

    again = start_server()
    path = tmp_path / "baseline.json"
    kept = json.loads(path.read_text())
    for name in ("baseline", "last"):  # Here it takes less than clocks may differ.
        kept[name]["started_at"] -= 60
    path.write_text(json.dumps(kept))
    again.validate(question(9))
    for _ in range(2):
        done = monitor(again, "--baseline", "compare")
        assert done.returncode == 1
        assert "ALERT           it was restarted" in done.stdout
        assert report(done)["requests"].startswith("4,")
        assert report(done)["restarts"].startswith("1;")

    # An upgrade is a restart that was wanted.
    path.write_text(json.dumps(kept | {"version": "1.1.0"}))
    done = monitor(again, "--baseline", "compare")
    assert (done.returncode, report(done)["alerts"]) == (0, "none")


@pytest.mark.parametrize(
    "metrics",
    [
        "# TYPE python_gc_objects_collected_total counter\n"
        'python_gc_objects_collected_total{generation="0"} 3.0\n',
        'ai_service_requests_total{route="/x"} 3\n',
        "",
        "<html>metrics</html>",
    ],
)
def test_another_programs_metrics_are_not_its_own(monitor, metrics):
    """It said: alerts none."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            health = {"status": "healthy", "version": "1.2.0"}
            body = metrics if self.path == "/metrics" else json.dumps(health)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments):
            pass

    class Server(HTTPServer):
        @property
        def port(self):
            return self.server_port

    other = Server(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        done = monitor(other)
    finally:
        other.shutdown()
        other.server_close()
    assert done.returncode == 2
    assert "figures of another program" in done.stderr
    assert done.stdout == ""


def test_what_cannot_be_looked_at_is_one_line_and_no_alert(start_server, monitor):
    server = start_server()
    refused = monitor(server, api_key="wrong-0123456789abcdef")
    without = monitor(server, api_key="")
    none = monitor(server, "--baseline", "compare")
    url = ("--url", "http://127.0.0.1:1")
    for done, words in (
        (refused, "refuses AI_SERVICE_API_KEY"),
        (without, "set AI_SERVICE_API_KEY"),
        (none, "--baseline save"),
        (monitor(server, *url), "no answer from"),
        (monitor(server, "--url", "file:///etc/hosts"), "no http or https"),
    ):
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert words in done.stderr
        assert KEY not in done.stderr


def test_check_tells_whether_it_accepts_work(start_server):
    server = start_server()

    def check(port):
        return subprocess.run(
            [sys.executable, "-m", "ai_service", "check"],
            cwd=ROOT,
            env=environment(port=port),
            capture_output=True,
            timeout=30,
            check=False,
        ).returncode

    assert check(server.port) == 0
    assert check(1) == 1
