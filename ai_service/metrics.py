# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the service counts about itself."""

import time
from dataclasses import dataclass, field


@dataclass
class Metrics:
    """Counters of one process since its start."""

    started: float = field(default_factory=time.monotonic)
    validations: int = 0
    cache_hits: int = 0

    def count(self, *, cached: bool) -> None:
        """Count one answered validation."""
        self.validations += 1
        self.cache_hits += cached

    @property
    def uptime_seconds(self) -> int:
        """Whole seconds since the start."""
        return int(time.monotonic() - self.started)

    @property
    def cache_hit_rate(self) -> float:
        """Share of validations that were answered from the cache, 0 to 1."""
        return round(self.cache_hits / self.validations, 4) if self.validations else 0.0
