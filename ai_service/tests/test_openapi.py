# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The OpenAPI document is right: schemathesis finds no answer that it does not tell."""

import os
import subprocess
import sys

from .conftest import KEY, ROOT

HOOKS = "ai_service.tests.schemathesis_hooks"


def test_schemathesis_passes(server, tmp_path):
    url = server.client.base_url.join("/openapi.json")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(url)),
            f"--header=Authorization: Bearer {KEY}",
            *("--max-examples=40", "--generation-deterministic", "--no-color"),
            # It insists on 401 where the contract says 403, which test_wire.py checks.
            "--exclude-checks=missing_required_header",
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout


def test_every_example_of_a_request_runs(server):
    document = server.client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    tried = 0
    for path, operations in document["paths"].items():
        if "post" not in operations:
            continue
        body = operations["post"]["requestBody"]["content"]["application/json"]
        schema = schemas[_name(body["schema"])]
        examples = schema.get("examples") or [_example_of(schema)]
        for example in examples:
            answer = server.client.post(path, json=example)
            assert answer.status_code == 200, (path, answer.text)
            tried += 1
    assert tried == 3


def _name(schema):
    reference = schema.get("$ref") or schema["anyOf"][0]["$ref"]
    return reference.rsplit("/", 1)[1]


def _example_of(schema):
    return {
        name: field["examples"][0]
        for name, field in schema["properties"].items()
        if "examples" in field
    }
