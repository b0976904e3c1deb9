# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The AI service's figures: ratios, each of two things measured in this run.

    python3 -m dev bench

Writes a table, and `build/bench/service.json`. Every server is a process of its own on
the loopback interface, and the model is a fake that takes 2 s, over real HTTP.
"""

import asyncio
import gc
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ai_service.tests import documents as docs  # noqa: E402
from ai_service.tests.conftest import KEY, environment  # noqa: E402
from ai_service.tests.fake_vendor import FakeVendor  # noqa: E402
from ai_service.tests.redis_server import MISSING, PROGRAM, RedisServer  # noqa: E402

RESULT = ROOT / "build" / "bench" / "service.json"
PATH = "/api/ai/validate"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
MODEL_SECONDS = 2.0
CONNECTIONS = 8
ROUNDS, ROUND_REQUESTS = 9, 600
MEMORY_REQUESTS = 10_000

# What a FastAPI route costs that reads the same body and answers in the same shape,
# with nothing behind it.
BARE = """
import sys
import uvicorn
from fastapi import FastAPI
from ai_service.schemas import Answer, ValidationRequest
app = FastAPI()
@app.post("/api/ai/validate", response_model=Answer)
async def bare(body: ValidationRequest):
    return Answer(confidence=90, warnings=[], errors=[], recommendation="send",
                  opinion=True, cached=True, request_id="x" * 32)
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


def question(number=1):
    """A body of the usual size: one invoice with three lines."""
    document = docs.invoice(fecha_emision=None, folio=number)
    body = {"dte_data": document, "company_id": 1, "history": [docs.previous(95200)]}
    return json.dumps(body).encode()


def main():
    redis = RedisServer() if PROGRAM else None
    if not redis:
        print(f"Without Redis: {MISSING}")
    more = {"REDIS_URL": redis.url} if redis else {}
    try:
        rows = [
            hit_against_miss(more),
            *hits_against_a_bare_route(more),
            collapse(more),
            memory(),
            live_while_frozen(),
        ]
    finally:
        if redis:
            redis.stop()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    width = max(len(row["figure"]) for row in rows)
    print(f"{'figure':<{width}}  {'measured':>9}  {'target':>9}")
    for row in rows:
        verdict = "" if row["ok"] else "  MISSED"
        print(
            f"{row['figure']:<{width}}  {row['value']:>9}  {row['target']:>9}{verdict}"
        )
        print(f"    {row['detail']}")
    return 0 if all(row["ok"] for row in rows) else 1


def hit_against_miss(more):
    """One question to a 2 s model, and the same again: how much of the time it
    takes.
    """
    with running(delay=MODEL_SECONDS, **more) as (server, _vendor):
        miss = timed(server, question())
        hits = [timed(server, question()) for _ in range(20)]
    hit = statistics.median(hits)
    return row(
        "hit / miss against a 2 s model",
        hit / miss,
        0.05,
        f"miss {1000 * miss:.0f} ms, hit {1000 * hit:.1f} ms (median of {len(hits)})",
    )


def hits_against_a_bare_route(more):
    """Requests per second, in turns so that a busy machine slows both alike."""
    body = question()
    port = free_port()
    bare = subprocess.Popen(
        [sys.executable, "-c", BARE, str(port)], cwd=ROOT, env=environment()
    )
    try:
        wait_for(port)
        stores = [("memory", {})]
        if more:
            stores.append(("Redis", more))
        for name, state in stores:
            with running(**state) as (server, _vendor):
                timed(server, body)
                rates = {"bare": [], "service": []}
                for _ in range(ROUNDS):
                    rates["bare"].append(rate(port, body))
                    rates["service"].append(rate(server.port, body))
            best = {each: max(values) for each, values in rates.items()}
            ratio = statistics.median(
                ours / theirs
                for ours, theirs in zip(rates["service"], rates["bare"], strict=True)
            )
            yield row(
                f"hits a second / bare FastAPI route, {name}",
                ratio,
                # Two commands to Redis and back are no work of ours.
                0.7 if name == "memory" else 0.0,
                f"{best['service']:.0f} against {best['bare']:.0f} a second (best of"
                f" {ROUNDS}); the ratio is the median of {ROUNDS} pairs",
                more=True,
            )
    finally:
        bare.terminate()
        bare.wait(10)


def collapse(more):
    """100 identical requests at once: how many calls the model gets."""
    with running(delay=MODEL_SECONDS, **more) as (server, vendor):
        body = question()
        seconds = asyncio.run(load(server.port, [body] * 100, connections=100))
        calls = len(vendor.calls)
    return row(
        "model calls for 100 identical requests at once",
        calls,
        1,
        f"all answered in {seconds:.2f} s by a {MODEL_SECONDS:.0f} s model",
    )


def memory():
    """How much the process grows in 10,000 different requests, once it is warm."""
    with running(model=False) as (server, _vendor):
        sizes = []
        for start in range(0, MEMORY_REQUESTS * 3 // 2, 1000):
            bodies = [question(n) for n in range(start + 1, start + 1001)]
            asyncio.run(load(server.port, bodies, CONNECTIONS))
            sizes.append(resident(server.process.pid))
    # The first 5,000 fill the cache, which has a bound.
    warm, end = sizes[4], sizes[-1]
    return row(
        "memory after 10,000 more requests / before",
        end / warm,
        1.05,
        f"{warm:.1f} MB when warm (5,000 requests), {end:.1f} MB after 10,000 more",
    )


def live_while_frozen():
    """/live while ten questions wait for a model that does not answer."""
    with running(model_deadline=60) as (server, vendor):
        vendor.always = "hang"
        times = asyncio.run(_live_while_frozen(server.port, vendor))
    worst = max(times)
    return row(
        "/live with a frozen model, worst of 100, ms",
        1000 * worst,
        50,
        f"median {1000 * statistics.median(times):.1f} ms, 10 questions waiting",
    )


async def _live_while_frozen(port, vendor):
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=90) as client:
        waiting = [
            asyncio.create_task(client.post(PATH, content=question(n), headers=HEADERS))
            for n in range(10)
        ]
        while len(vendor.calls) < 10:
            await asyncio.sleep(0.05)
        times = []
        for _ in range(100):
            started = time.perf_counter()
            assert (await client.get("/live")).status_code == 200
            times.append(time.perf_counter() - started)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return times


# --- What they stand on -----------------------------------------------------------


class Service:
    """A service that logs to a file: to read its log here would slow the load."""

    def __init__(self, settings):
        self.port = free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ai_service"],
            cwd=ROOT,
            env=environment(api_key=KEY, port=self.port, **settings),
            stdout=self._log,
        )
        wait_for(self.port)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait(30)
        self._log.close()


@contextmanager
def running(delay=0.0, model=True, **settings):
    """A service with a fake model, or with the rules alone."""
    vendor = FakeVendor(delay)
    more = vendor.environment("anthropic") if model else {}
    service = Service({"rate_limit": 1_000_000, **more, **settings})
    try:
        yield service, vendor
    finally:
        vendor.stop()
        service.stop()


def row(figure, value, target, detail, more=False):
    """One line of the table; `more` where a larger value is the better one."""
    value = round(value, 4 if value < 1 else 2)
    return {
        "figure": figure,
        "value": value,
        "target": f"{'≥' if more else '≤'} {target}" if target else "none",
        "ok": value >= target if more else value <= target,
        "detail": detail,
    }


def timed(server, body):
    started = time.perf_counter()
    answer = server.client.post(PATH, content=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - started


def rate(port, body):
    """Answers a second to a body that is sent over and over."""
    gc.collect()
    bodies = [body] * ROUND_REQUESTS
    return ROUND_REQUESTS / asyncio.run(load(port, bodies, CONNECTIONS))


async def load(port, bodies, connections):
    """Send all bodies over so many connections; the seconds that it took.

    Written on streams: an HTTP client would cost more than what it measures.
    """
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    pending = iter(bodies)

    async def send_some():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in pending:
            writer.write(
                f"POST {PATH} HTTP/1.1\r\nHost: bench\r\n{head}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length[1]))
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(send_some() for _ in range(connections)))
    return time.perf_counter() - started


def resident(pid):
    """Megabytes in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
