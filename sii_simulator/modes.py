# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How the simulator misbehaves: for all requests, the next n, or a seeded part of them.

A mode has a name, maybe a target (an endpoint of `TARGETS`), maybe a number of times,
and options. Modes of the connection happen before the request is dealt with (nothing
is stored) or after it (all is stored, the answer is lost); the others change answers.
"""

import random
import threading
from dataclasses import dataclass, field

TARGETS = (
    "seed",
    "token",
    "upload",
    "sending",
    "document",
    "advanced",
    "mail",
    "claim",
    "boleta_login",
    "boleta_upload",
    "boleta_status",
)
# What happens to the connection; each as NAME_before (or NAME) and NAME_after.
CONNECTION = {
    "hang": "no answer for `seconds` (3600), then the connection is closed",
    "reset": "the connection is reset (RST)",
    "close": "the connection is closed without a word",
    "error_500": "the text «Error 500», with HTTP `http` (500)",
    "html": "a page for browsers, with HTTP 200",
    "empty": "HTTP 200 and an empty body",
    "http": "HTTP `http` (503), with `header` (X-Retry-After): `retry_after` if given",
    "soap_fault": "a SOAP fault, with HTTP `http` (500)",
    "redirect": "a redirect to `location`",
    "bad_xml": "XML that breaks off",
    "huge": "XML of 2 MiB",
    "bomb": "XML with entities that grow without end",
}
# What happens to a right answer on its way.
ANSWER = {
    "truncated": "the connection ends in the middle of the body",
    "drip": "`bytes` (1) at a time, `seconds` (1) between them",
    "late": "the answer comes after `seconds` (5)",
    "latin1": "Latin-1 bytes under a UTF-8 label, with accents",
    "prefix": "another namespace prefix in each SOAP answer",
}
# What the answers say: (target, what).
CONTENT = {
    "status": ("upload", "the upload is refused with STATUS `value` (9)"),
    "status_missing": ("upload", "stored, but the answer has no STATUS"),
    "status_text": ("upload", "stored, but STATUS is a word"),
    "no_trackid": ("upload", "stored, STATUS 0, but no TRACKID"),
    "repeat_99": ("upload", "bytes that were taken before get STATUS 99"),
    "reject_first": ("upload", "the first document of an envelope is rejected"),
    "object_first": ("upload", "the first document of an envelope has objections"),
    "login": ("token", "the login is refused with ESTADO `value` (-3); also for seed"),
    "token_dies": (None, "a token is good for `calls` (1) calls"),
    "stuck": ("sending", "an envelope goes no further than `value` (PDR)"),
    "not_there": ("sending", "ESTADO -11 with ERR_CODE 2"),
    "estado": ("sending", "ESTADO is `value` (106); also for document and advanced"),
    "advanced_no": ("advanced", "NO for `minutes` (60) after the upload"),
    "document_no": ("document", "FAU for `minutes` (60) after the upload"),
}
STAGES = ("before", "after")
OPTIONS = {
    "hang": ("seconds",),
    "error_500": ("http",),
    "http": ("http", "retry_after", "header"),
    "soap_fault": ("http",),
    "redirect": ("location",),
    "drip": ("bytes", "seconds"),
    "late": ("seconds",),
    "status": ("value",),
    "login": ("value",),
    "token_dies": ("calls",),
    "stuck": ("value",),
    "estado": ("value",),
    "advanced_no": ("minutes",),
    "document_no": ("minutes",),
}


@dataclass
class Mode:
    name: str  # without its stage
    stage: str = ""
    target: str | None = None
    times: int | None = None  # requests it is still for; None: all
    options: dict = field(default_factory=dict)

    def option(self, name, default):
        return type(default)(self.options.get(name, default))

    def as_dict(self):
        name = f"{self.name}_{self.stage}" if self.stage else self.name
        return {
            "mode": name,
            "target": self.target,
            "times": self.times,
            **self.options,
        }


class UnknownMode(ValueError):
    """There is no mode, target or rate of that kind; the text says what there is."""


class Modes:
    """The modes that are on."""

    def __init__(self):
        self._lock = threading.Lock()
        self.released = threading.Event()
        self.clear()

    def clear(self):
        """Behave again; what hangs is let go."""
        with self._lock:
            self._modes, self._rates, self._seed = [], [], 0
            self._counts = {}
            self.released.set()
            self.released = threading.Event()

    def add(self, mode):
        with self._lock:
            self._modes.append(mode)

    def set_rates(self, rates, seed=0, target="upload"):
        """Misbehave for a part of the requests: {mode: rate from 0 to 1}.

        Which ones depends on `seed` and on the request's number alone.
        """
        parsed = [(parse(name, target=target), float(rate)) for name, rate in rates]
        if sum(rate for _mode, rate in parsed) > 1:
            raise UnknownMode("the rates are more than 1 together")
        with self._lock:
            self._rates, self._seed, self._counts = parsed, seed, {}

    def take(self, endpoint):
        """The `Mode`s for a request to `endpoint`; they count as used."""
        with self._lock:
            taken = [
                mode
                for mode in self._modes
                if mode.target in (None, endpoint) and mode.times != 0
            ]
            for mode in taken:
                if mode.times is not None:
                    mode.times -= 1
            self._modes = [mode for mode in self._modes if mode.times != 0]
            taken += self._by_chance(endpoint)
        return Taken(taken, self.released)

    def as_list(self):
        with self._lock:
            return [mode.as_dict() for mode in self._modes] + [
                {**mode.as_dict(), "rate": rate, "seed": self._seed}
                for mode, rate in self._rates
            ]

    def _by_chance(self, endpoint):
        rates = [each for each in self._rates if each[0].target in (None, endpoint)]
        if not rates:
            return []
        number = self._counts[endpoint] = self._counts.get(endpoint, 0) + 1
        draw = random.Random(f"{self._seed}/{endpoint}/{number}").random()
        for mode, rate in rates:
            if draw < rate:
                return [mode]
            draw -= rate
        return []


@dataclass(frozen=True)
class Taken:
    """The modes that one request meets."""

    modes: list
    released: threading.Event  # set when what hangs is let go

    def get(self, name):
        """The mode of that name, or None."""
        return next((mode for mode in self.modes if mode.name == name), None)

    def connection(self, stage):
        """What happens to the connection at that stage, or None."""
        return next(
            (m for m in self.modes if m.name in CONNECTION and m.stage == stage), None
        )


def parse(name, target=None, times=None, options=None):
    """A `Mode` from what an admin call or the command line says."""
    base, _underscore, stage = name.rpartition("_")
    if stage not in STAGES or base not in CONNECTION:
        base, stage = name, "before" if name in CONNECTION else ""
    if base in CONTENT:
        target = target or CONTENT[base][0]
    elif base not in CONNECTION and base not in ANSWER:
        known = ", ".join([*CONNECTION, *ANSWER, *CONTENT])
        raise UnknownMode(f"there is no mode {name!r}; there are {known}")
    if target is not None and target not in TARGETS:
        raise UnknownMode(f"there is no target {target!r}: {', '.join(TARGETS)}")
    unknown = sorted(set(options or ()) - set(OPTIONS.get(base, ())))
    if unknown:
        known = ", ".join(OPTIONS.get(base, ())) or "none"
        raise UnknownMode(f"{base!r} has no option {unknown[0]!r}; it has {known}")
    return Mode(base, stage, target, times, dict(options or {}))


def parse_text(text):
    """The same from `NAME[:target][:option=value…]`, e.g. `status:times=2:value=7`."""
    name, *parts = text.split(":")
    options = dict(part.split("=", 1) for part in parts if "=" in part)
    target = next((part for part in parts if "=" not in part), None)
    times = options.pop("times", None)
    return parse(name, target, int(times) if times else None, options)
