# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``python -m ai_service monitor``: how a running service does, from its own metrics.

    health          healthy (1.2.0, up 3 h 12 min)
    requests        1280, 3 errors (0.2 %)
    ...

With ``--baseline save`` the figures are kept in a file, and with ``--baseline compare``
those since then are held against the targets of the deployment guide. Each comparison
also keeps what it saw: after a restart it is added to what the new process counts.
"""

import argparse
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

DEFAULT_FILE = Path("ai_service_baseline.json")
TIMEOUT = 10.0
# The deployment guide's targets.
MIN_HIT_RATE = 0.20
MAX_LIMITED_A_DAY = 10
MAX_ERROR_RATE = 0.05
# A rate of less than this many events says nothing.
MIN_SAMPLE = 20
DAY = 86_400.0


class MonitorError(Exception):
    """The service cannot be looked at; the text says why."""


@dataclass(frozen=True)
class Figures:
    """What the service counted; the totals are since its start."""

    taken_at: float
    started_at: float
    requests: float = 0
    errors: float = 0
    validations: float = 0
    no_opinion: float = 0
    hits: float = 0
    misses: float = 0
    rate_limited: float = 0
    tokens: float = 0
    cost_usd: float = 0

    @property
    def error_rate(self) -> float:
        """Share of requests that we failed (5xx) or answered without an opinion."""
        return (self.errors + self.no_opinion) / self.requests if self.requests else 0.0

    @property
    def hit_rate(self) -> float:
        """Share of validations that were answered from the cache."""
        looked_up = self.hits + self.misses
        return self.hits / looked_up if looked_up else 0.0

    @property
    def totals(self) -> dict[str, float]:
        """All that is counted."""
        return {field.name: getattr(self, field.name) for field in fields(self)[2:]}

    def since(self, earlier: "Figures") -> dict[str, float]:
        """What was counted after an earlier look; all of it after a restart."""
        if self.restarted_since(earlier):
            return self.totals
        before = earlier.totals
        return {name: count - before[name] for name, count in self.totals.items()}

    def restarted_since(self, baseline: "Figures") -> bool:
        """Whether the counters began anew; clocks may differ by a few seconds."""
        return self.started_at > baseline.started_at + 5


@dataclass(frozen=True)
class Kept:
    """What is known from one look to the next.

    :param counted: what was counted from the baseline to the last look
    """

    version: str
    baseline: Figures
    last: Figures
    counted: dict[str, float] = field(default_factory=dict)
    restarts: int = 0

    def looked(self, now: Figures) -> "Kept":
        """The same after another look."""
        counted = {
            name: self.counted.get(name, 0) + added
            for name, added in now.since(self.last).items()
        }
        restarts = self.restarts + now.restarted_since(self.last)
        return Kept(self.version, self.baseline, now, counted, restarts)

    @property
    def since_baseline(self) -> Figures:
        """The figures since the baseline, over all restarts."""
        return Figures(self.last.taken_at, self.baseline.taken_at, **self.counted)


def main(arguments: list[str]) -> int:
    """Report.

    :return: 0 if all is well, 1 on an alert, 2 if the service could not be looked at
    """
    parser = argparse.ArgumentParser(prog="python -m ai_service monitor")
    parser.add_argument("--url", default=_local())
    parser.add_argument("--baseline", choices=["save", "compare"])
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE)
    options = parser.parse_args(arguments)
    key = os.environ.get("AI_SERVICE_API_KEY", "").split(",")[0].strip()
    try:
        if not key:
            raise MonitorError("set AI_SERVICE_API_KEY, one of the service's keys")
        health = _health(options.url)
        now = _figures(options.url, _get(f"{options.url}/metrics", key)[1])
        kept = Kept(health["version"], now, now)
        if options.baseline == "compare":
            kept = _read(options.file).looked(now)
        compared = kept.baseline if options.baseline == "compare" else None
        seen = kept.since_baseline if compared else now
        alerts = [*_alerts(health, seen)]
        if now.restarted_since(kept.baseline) and kept.version == health["version"]:
            alerts.append("it was restarted since the baseline")
        _print(health, seen, compared, alerts)
        if kept.restarts:
            _say(f"restarts        {kept.restarts}; not counted: what came between the")
            _say("                last look and each of them")
        if options.baseline:
            options.file.write_text(json.dumps(asdict(kept), indent=2) + "\n")
        if options.baseline == "save":
            _say(f"baseline        saved in {options.file}")
    except (MonitorError, OSError) as error:
        sys.stderr.write(f"monitor: {error}\n")
        return 2
    return 1 if alerts else 0


def check() -> int:
    """Whether the service on this host accepts work: 0 or 1, for a container's health
    check. Not /health: that the model or Redis is down is no reason to hold back."""
    try:
        status, _text = _get(f"{_local()}/ready")
        return 0 if status == 200 else 1
    except MonitorError as error:
        sys.stderr.write(f"check: {error}\n")
        return 1


def _local() -> str:
    return f"http://127.0.0.1:{os.environ.get('AI_SERVICE_PORT') or 8002}"


def _alerts(health: dict[str, Any], seen: Figures) -> Iterator[str]:
    if health["status"] != "healthy":
        down = [
            f"{name} {part.get('state') or part.get('status')}"
            for name, part in health.get("dependencies", {}).items()
            if (part.get("state") or part.get("status"))
            in ("down", "refused", "resting")
        ]
        yield f"health is {health['status']}" + (
            f" ({', '.join(down)})" if down else ""
        )
    if seen.requests >= MIN_SAMPLE and seen.error_rate > MAX_ERROR_RATE:
        yield f"error rate {seen.error_rate:.1%}, target up to {MAX_ERROR_RATE:.0%}"
    if seen.hits + seen.misses >= MIN_SAMPLE and seen.hit_rate < MIN_HIT_RATE:
        yield f"cache hit rate {seen.hit_rate:.1%}, target from {MIN_HIT_RATE:.0%}"
    days = max((seen.taken_at - seen.started_at) / DAY, 1)
    if seen.rate_limited / days >= MAX_LIMITED_A_DAY:
        yield f"{seen.rate_limited:.0f} × 429, target below {MAX_LIMITED_A_DAY} a day"


def _print(
    health: dict[str, Any],
    seen: Figures,
    baseline: Figures | None,
    alerts: list[str],
) -> None:
    def rate(name: str) -> str:
        before = f" (baseline {getattr(baseline, name):.1%})" if baseline else ""
        return f"{getattr(seen, name):.1%}{before}"

    minutes = int(health.get("uptime_seconds", 0)) // 60
    hours = (seen.taken_at - seen.started_at) / 3600
    since = "the baseline" if baseline else "the start"
    _say(f"health          {health['status']} ({health['version']}, up {minutes} min)")
    _say(f"since           {since}, {hours:.1f} h")
    _say(f"requests        {seen.requests:.0f}, {seen.errors:.0f} failed (5xx)")
    _say(f"validations     {seen.validations:.0f}, {seen.no_opinion:.0f} no opinion")
    _say(f"error rate      {rate('error_rate')}")
    _say(f"cache hit rate  {rate('hit_rate')}")
    _say(f"rate limited    {seen.rate_limited:.0f}")
    _say(f"tokens          {seen.tokens:.0f}")
    _say(f"cost            US$ {seen.cost_usd:.4f}")
    for alert in alerts:
        _say(f"ALERT           {alert}")
    if not alerts:
        _say("alerts          none")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _health(url: str) -> dict[str, Any]:
    _status, text = _get(f"{url}/health")
    try:
        health = json.loads(text)
        return health if {"status", "version"} <= health.keys() else _not_ours(url)
    except (ValueError, AttributeError):
        return _not_ours(url)


def _not_ours(url: str) -> Any:
    raise MonitorError(f"{url}/health does not answer like the AI service")


def _get(url: str, key: str | None = None) -> tuple[int, str]:
    if not re.match(r"https?://", url):
        raise MonitorError(f"{url} is no http or https address")
    request = urllib.request.Request(url)  # noqa: S310 - checked above
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 503:  # Unhealthy, and it says why.
                return error.code, error.read().decode()
        if error.code in (401, 403):
            raise MonitorError("the service refuses AI_SERVICE_API_KEY") from None
        raise MonitorError(f"{url} answers {error.code}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise MonitorError(f"no answer from {url} ({reason})") from None


def _figures(url: str, text: str) -> Figures:
    sums: dict[str, float] = {}
    uptime: float | None = None
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "ai_service_uptime_seconds":
                    uptime = sample.value
                for figure in _counts_for(sample.name, sample.labels):
                    sums[figure] = sums.get(figure, 0) + sample.value
    except (KeyError, ValueError):  # Labels or lines that are not ours.
        uptime = None
    if uptime is None:
        raise MonitorError(
            f"{url}/metrics has figures of another program, not of this service"
        )
    now = time.time()
    return Figures(now, now - uptime, **sums)


def _counts_for(name: str, labels: dict[str, str]) -> tuple[str, ...]:
    """The figures that a sample is part of."""
    if name == "ai_service_requests_total":
        if not labels["path"].startswith("/api/"):
            return ()  # Probes and scrapes would hide the errors.
        return ("requests", "errors") if labels["status"] >= "500" else ("requests",)
    if name == "ai_service_validations_total":
        given = labels["opinion"] == "true"
        return ("validations",) if given else ("validations", "no_opinion")
    if name == "ai_service_cache_total":
        return ("hits",) if labels["result"] == "hit" else ("misses",)
    return _PLAIN.get(name, ())


_PLAIN = {
    "ai_service_rate_limited_total": ("rate_limited",),
    "ai_service_model_tokens_total": ("tokens",),
    "ai_service_model_cost_usd_total": ("cost_usd",),
}


def _read(path: Path) -> Kept:
    try:
        kept = json.loads(path.read_text())
        for name in ("baseline", "last"):
            kept[name] = Figures(**kept[name])
        return Kept(**kept)
    except FileNotFoundError:
        raise MonitorError(
            f"there is no baseline in {path}: make one with --baseline save"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MonitorError(f"{path} is no baseline of this program") from None
