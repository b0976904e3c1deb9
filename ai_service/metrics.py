# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the service counts about itself, since its start: for /metrics and /health."""

import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from .accounting import Usage

# Of interest: a hit (5 ms), a model (seconds), its deadline.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Metrics:
    """Counters of one process. Their names are what `monitor.py` reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._started = time.monotonic()
        self._validations = 0
        self._hits = 0

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"ai_service_{name}", text, labels, registry=self.registry)

        self._requests = counter(
            "requests", "Answered HTTP requests", "method", "path", "status"
        )
        self._seconds = Histogram(
            "ai_service_validation_seconds",
            "Time to a validation's answer",
            ["cached"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = counter(
            "validations", "Validations by recommendation", "recommendation", "opinion"
        )
        self._cache = counter("cache", "Answers looked up in the cache", "result")
        self._limited = counter("rate_limited", "Requests refused with a 429")
        self._calls = counter(
            "model_calls", "Questions to the model", "operation", "outcome"
        )
        self._call_seconds = Histogram(
            "ai_service_model_seconds",
            "Time to the model's answer, all attempts",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._tokens = counter("model_tokens", "Tokens", "direction")
        self._cost = counter("model_cost_usd", "Cost of the tokens in US dollars")
        self.redis_up = self._gauge("redis_up", "1 while Redis answers, or is not used")
        self.breaker_open = self._gauge("breaker_open", "1 while the model gets a rest")
        self._gauge("uptime_seconds", "Since the start").set_function(
            lambda: time.monotonic() - self._started
        )
        ProcessCollector(registry=self.registry)
        # So that they are there, as 0, before the first event.
        for result in ("hit", "miss"):
            self._cache.labels(result)
        for direction in ("input", "output"):
            self._tokens.labels(direction)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"ai_service_{name}", text, registry=self.registry)

    def request(self, method: str, path: str, status: int) -> None:
        """Count an answered request.

        :param path: of the route, not of the URL: there are as many series as paths
        """
        self._requests.labels(method, path, str(status)).inc()

    def validation(
        self, recommendation: str, opinion: bool, cached: bool, seconds: float
    ) -> None:
        """Count an answered validation."""
        self._validations += 1
        self._hits += cached
        self._answers.labels(recommendation, str(opinion).lower()).inc()
        self._cache.labels("hit" if cached else "miss").inc()
        self._seconds.labels(str(cached).lower()).observe(seconds)

    def rate_limited(self) -> None:
        """Count a 429."""
        self._limited.inc()

    def model_call(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a question to the model; its time where it was answered."""
        self._calls.labels(operation, outcome).inc()
        if seconds:
            self._call_seconds.observe(seconds)

    def tokens(self, usage: Usage, cost: int) -> None:
        """Count tokens and their cost in millionths of a dollar."""
        self._tokens.labels("input").inc(usage.input_tokens)
        self._tokens.labels("output").inc(usage.output_tokens)
        self._cost.inc(cost / 1_000_000)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)

    @property
    def validations(self) -> int:
        """Validations answered since the start."""
        return self._validations

    @property
    def uptime_seconds(self) -> int:
        """Whole seconds since the start."""
        return int(time.monotonic() - self._started)

    @property
    def cache_hit_rate(self) -> float:
        """Share of validations that were answered from the cache, 0 to 1."""
        return round(self._hits / self._validations, 4) if self._validations else 0.0
