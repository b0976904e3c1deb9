# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What compose.yaml promises, as far as it can be read without a container engine."""

import os
import re
import subprocess
import time

import pytest
import yaml

from . import redis_server
from .conftest import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]


def test_it_starts_in_order_when_each_is_healthy():
    assert SERVICES.keys() == {"db", "redis", "ai-service", "odoo"}
    waits = {
        name: set(service.get("depends_on", {})) for name, service in SERVICES.items()
    }
    assert waits["ai-service"] == {"redis"}
    assert waits["odoo"] == {"db", "ai-service"}
    for service in SERVICES.values():
        assert service["restart"] == "unless-stopped"
        for waited in service.get("depends_on", {}).values():
            assert waited == {"condition": "service_healthy"}
    for name in ("db", "redis", "odoo"):
        assert SERVICES[name]["healthcheck"]["test"]
    assert "HEALTHCHECK" in (ROOT / "ai_service" / "Dockerfile").read_text()


def test_ports_are_the_guides_and_not_open_to_the_network():
    assert SERVICES["ai-service"]["ports"] == ["127.0.0.1:8002:8002"]
    assert SERVICES["odoo"]["ports"] == ["127.0.0.1:8169:8069"]
    assert not any("ports" in SERVICES[name] for name in ("db", "redis"))


@pytest.mark.parametrize(
    "name", ["ODOO_DB_PASSWORD", "REDIS_PASSWORD", "AI_SERVICE_API_KEY"]
)
def test_a_secret_has_no_default(name):
    uses = re.findall(rf"\$\{{{name}(:?[-?])?", COMPOSE)
    assert ":?" in uses
    assert ":-" not in uses


def test_what_is_optional_is_empty_by_default():
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        assert defaults[name] == ""


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
