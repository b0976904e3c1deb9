# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What compose.yaml promises, as far as it can be read without a container engine."""

import configparser
import os
import re
import subprocess
import sys
import time

import pytest
import yaml

from . import documents as docs
from . import redis_server
from .conftest import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]


def test_it_starts_in_order_when_each_is_healthy():
    assert SERVICES.keys() == {"db", "redis", "ai-service", "odoo", "proxy"}
    waits = {
        name: set(service.get("depends_on", {})) for name, service in SERVICES.items()
    }
    assert waits["ai-service"] == {"redis"}
    assert waits["odoo"] == {"db", "ai-service"}
    for service in SERVICES.values():
        assert service["restart"] == "unless-stopped"
        for waited in service.get("depends_on", {}).values():
            assert waited == {"condition": "service_healthy"}
    assert waits["proxy"] == {"odoo"}
    for name in ("db", "redis", "odoo", "proxy"):
        assert SERVICES[name]["healthcheck"]["test"]
    assert "HEALTHCHECK" in (ROOT / "ai_service" / "Dockerfile").read_text()


def test_ports_are_the_guides_and_not_open_to_the_network():
    assert SERVICES["ai-service"]["ports"] == ["127.0.0.1:8002:8002"]
    assert SERVICES["odoo"]["ports"] == ["127.0.0.1:8169:8069"]
    assert not any("ports" in SERVICES[name] for name in ("db", "redis"))


@pytest.mark.parametrize(
    "name",
    [
        *("ODOO_DB_PASSWORD", "ODOO_MASTER_PASSWORD"),
        *("REDIS_PASSWORD", "AI_SERVICE_API_KEY"),
    ],
)
def test_a_secret_has_no_default(name):
    uses = re.findall(rf"\$\{{{name}(:?[-?])?", COMPOSE)
    assert ":?" in uses
    assert ":-" not in uses


def test_what_is_optional_is_empty_by_default():
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        assert defaults[name] == ""


def odoo_settings(tmp_path):
    """What Odoo reads, as its container writes it."""
    script = SERVICES["odoo"]["command"][2].replace("$$", "$")
    script = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", script)  # what Compose fills in
    script = script.replace("/tmp/", f"{tmp_path}/").replace("exec odoo", "true")
    environment = {"ODOO_DB_PASSWORD": "d$b", "ODOO_MASTER_PASSWORD": "m%ster"}
    subprocess.run(["sh", "-c", script], env=environment, check=True)
    parser = configparser.RawConfigParser()
    parser.read(tmp_path / "odoo.conf")
    assert oct((tmp_path / "odoo.conf").stat().st_mode)[-3:] == "600"
    return dict(parser["options"])


def test_odoo_is_set_up_for_a_proxy_and_shows_no_databases(tmp_path):
    settings = odoo_settings(tmp_path)
    assert settings["proxy_mode"] == "True"
    assert settings["list_db"] == "False"
    assert settings["dbfilter"] == "^odoo$"
    assert settings["admin_passwd"] == "m%ster"
    assert settings["db_password"] == "d$b"
    assert int(settings["workers"]) >= 2
    assert settings["gevent_port"] == "8072"


def test_an_odoo_that_hangs_is_ended(tmp_path):
    script = SERVICES["odoo"]["healthcheck"]["test"][1].replace("$$", "$")
    script = script.replace("/tmp/", f"{tmp_path}/").replace("kill -9 -1", "echo ENDED")

    def check(answers):
        (tmp_path / "curl").write_text(f"#!/bin/sh\nexit {0 if answers else 7}\n")
        (tmp_path / "curl").chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, "ENDED" in done.stdout

    assert check(True) == (0, False)
    assert [check(False) for _ in range(29)] == [(1, False)] * 29
    assert check(True) == (0, False)  # it begins to count anew
    assert [check(False) for _ in range(30)] == [(1, False)] * 29 + [(1, True)]


def test_compose_1_is_told_that_it_is_the_wrong_one():
    assert "${COMPOSE_PROJECT_NAME:?this needs Docker Compose 2" in COMPOSE


def test_the_proxy_has_what_odoo_needs():
    nginx = (ROOT / "deploy" / "nginx.conf").read_text()
    assert re.search(r"location /websocket \{[^}]*:8072;", nginx)
    assert re.search(r"location / \{[^}]*:8069;", nginx)
    assert re.search(r"/web/database \{\s+return 404;", nginx)
    # A location with a header of its own inherits none of the server's.
    assert not re.search(r"location [^{]*\{[^}]*proxy_set_header", nginx)
    assert "listen 443 ssl;" in nginx
    mounts = " ".join(SERVICES["proxy"]["volumes"])
    assert "./deploy/nginx.conf:/etc/nginx/conf.d/default.conf:ro" in mounts
    assert "/etc/nginx/tls:ro" in mounts


def test_redis_asks_for_the_password(tmp_path):
    if not redis_server.PROGRAM:
        if redis_server.required():
            pytest.fail(redis_server.MISSING)
        pytest.skip(redis_server.MISSING)
    shell, option, script = SERVICES["redis"]["command"]
    path = tmp_path / "redis.sock"
    script = script.replace("$$", "$").replace("/tmp/redis.conf", f"{tmp_path}/conf")
    script = script.strip() + f" --port 0 --unixsocket {path}"
    environment = {**os.environ, "REDIS_PASSWORD": "s3cret"}
    started = subprocess.Popen(
        [shell, option, script], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        check = SERVICES["redis"]["healthcheck"]["test"][1].replace("$$", "$")
        check = check.replace("redis-cli", f"redis-cli -s {path}")
        for _ in range(100):
            if path.exists():
                break
            time.sleep(0.05)

        def healthy(password):
            return subprocess.run(
                ["sh", "-c", check],
                env={**environment, "REDIS_PASSWORD": password},
                stderr=subprocess.DEVNULL,
                check=False,
            ).returncode

        assert healthy("s3cret") == 0
        assert healthy("wrong") != 0
        assert oct((tmp_path / "conf").stat().st_mode)[-3:] == "600"
    finally:
        started.kill()
        started.wait(10)


# --- The commands of the v1.2.0 guide -------------------------------------------------


def test_an_error_in_the_log_is_one_of_the_service(start_server, vendor):
    """`grep -i error` is how operators look for trouble; documents are none."""
    server = start_server(**vendor.environment("anthropic"), rate_limit=9)
    wrong = docs.invoice(fecha_emision=None, monto_iva=1)
    for folio in range(12):
        server.validate({"dte_data": wrong | {"folio": folio}, "company_id": 1})
    server.client.post("/api/ai/validate", content=b"{")
    server.client.post("/api/ai/validate", json={})
    server.client.get("/nowhere")
    server.stop()
    assert len(server.lines) > 20
    assert [line for line in server.lines if "error" in line.casefold()] == []


def test_the_image_has_what_the_guide_asks_of_it():
    dockerfile = (ROOT / "ai_service" / "Dockerfile").read_text()
    assert re.search(r"apt-get install .*\bcurl\b", dockerfile)
    assert "COPY guide /opt/guide" in dockerfile
    ignored = (ROOT / "ai_service" / ".dockerignore").read_text().split()
    assert "guide" not in ignored


def test_the_guides_import_works():
    code = (
        "from utils.llm_helpers import extract_json_from_llm_response as extract;"
        "print(extract('```json\\n{\"a\": 1}\\n```'))"
    )
    paths = [str(ROOT / "ai_service" / "guide"), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "{'a': 1}"


def test_the_guides_monitor_asks_the_container(tmp_path):
    """With a `docker` that only says how it was called."""
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\necho "$PWD: $@"\n')
    fake.chmod(0o755)
    script = ROOT / "ai-service" / "scripts" / "monitor_ai_service.sh"
    done = subprocess.run(
        [script, "--baseline", "save"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{ROOT}: compose exec -T ai-service")
    assert "monitor" in done.stdout
    assert done.stdout.strip().endswith("--baseline save")
