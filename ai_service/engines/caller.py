# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One question to a model, with everything that keeps a failing one at bay."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import anyio
import tenacity

from ..accounting import Accounting, Usage
from ..breaker import Breaker
from ..logs import get_logger
from ..metrics import Metrics
from .base import EngineUnavailable
from .prompt import Prompt
from .vendor import Reply, Vendor, VendorError, timed_out

# A token is at least this long in Spanish JSON, so this many are never exceeded.
CHARACTERS_PER_TOKEN = 2


class ModelCaller:
    """Asks a vendor: budget, breaker, one deadline over all attempts, accounting.

    :param deadline: seconds for a question, attempts and pauses included
    :param attempts: how often it is asked at most
    :param sleep: how to pause between attempts
    """

    def __init__(
        self,
        vendor: Vendor,
        accounting: Accounting,
        metrics: Metrics,
        deadline: float,
        attempts: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.vendor = vendor
        self.breaker = Breaker(lease=2 * deadline)
        #: Whether it fails until someone changes the configuration.
        self.misconfigured = False
        self._accounting = accounting
        self._metrics = metrics
        self._deadline = deadline
        self._attempts = attempts
        self._sleep = sleep

    async def ask(self, operation: str, prompt: Prompt) -> Reply:
        """Ask, and account for it.

        :param operation: what it is for, in accounts and logs
        :raises EngineUnavailable: where no answer can be had now
        """
        reserved = await self._accounting.reserve(_most(prompt))
        if reserved is None:
            self._count(operation, "budget")
            raise EngineUnavailable(
                "se agotó el presupuesto diario del modelo; pida la opinión mañana o"
                " revíselo una persona"
            )
        try:
            if not self.breaker.admits():
                self._count(operation, "breaker")
                raise EngineUnavailable(
                    "el modelo falla y se le dio un descanso; reintente en unos minutos"
                )
            reply = await self._within_deadline(operation, prompt)
            cost = await self._accounting.record(
                operation, self.vendor.model, reply.usage
            )
        finally:
            self._accounting.release(reserved)
        self._metrics.tokens(reply.usage, cost)
        return reply

    async def _within_deadline(self, operation: str, prompt: Prompt) -> Reply:
        started = time.monotonic()

        async def attempt() -> Reply:
            left = self._deadline - (time.monotonic() - started)
            try:
                with anyio.fail_after(left):
                    return await self.vendor.complete(prompt, left)
            except TimeoutError:
                raise timed_out() from None

        try:
            reply = await tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception(
                    lambda error: isinstance(error, VendorError) and error.retryable
                ),
                wait=_pause,
                stop=tenacity.stop_after_attempt(self._attempts)
                | tenacity.stop_before_delay(self._deadline),
                sleep=self._sleep,
                before_sleep=lambda state: self._log_retry(operation, state),
                reraise=True,
            )(attempt)
        except VendorError as error:
            self._failed(operation, error)
            raise EngineUnavailable(error.reason) from None
        except BaseException:
            self.breaker.failed()  # Never leave a probe without an end.
            raise
        self.breaker.succeeded()
        self.misconfigured = False
        self._count(operation, "ok", time.monotonic() - started)
        return reply

    def _failed(self, operation: str, error: VendorError) -> None:
        self._count(operation, error.code)
        self.misconfigured = error.needs_operator
        if error.retryable or error.needs_operator:
            self.breaker.failed()
        else:
            # It refused this question, so it is there to answer others.
            self.breaker.succeeded()
        get_logger().warning(
            "model_call_failed",
            operation=operation,
            model=self.vendor.model,
            cause=error.code,
            breaker_open=self.breaker.is_open,
        )

    def _log_retry(self, operation: str, state: tenacity.RetryCallState) -> None:
        # Not tenacity's own before_sleep_log: it writes the exception's text.
        get_logger().info(
            "model_call_retried",
            operation=operation,
            attempt=state.attempt_number,
            cause=state.outcome.exception().code,
            pause=round(state.upcoming_sleep, 2),
        )

    def _count(self, operation: str, outcome: str, seconds: float = 0.0) -> None:
        self._metrics.model_call(operation, outcome, seconds)


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=4)


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: random, growing, and at least what was asked."""
    asked = state.outcome.exception().retry_after or 0.1
    return asked + _jitter(state)


def _most(prompt: Prompt) -> Usage:
    characters = len(prompt.system) + sum(len(m["content"]) for m in prompt.messages)
    return Usage(characters // CHARACTERS_PER_TOKEN, prompt.max_tokens)
