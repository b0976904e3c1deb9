# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The date in Chile, which is what the dates of a tax document are compared with."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

_CHILE = ZoneInfo("America/Santiago")


def today() -> date:
    """Today's date in continental Chile."""
    return datetime.now(_CHILE).date()
