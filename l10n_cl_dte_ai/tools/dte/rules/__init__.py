# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The rules of the SII, in the order in which people read what they find."""

from .base import (
    COMPANY,
    DOCUMENT,
    EMISOR,
    ERROR,
    LINE,
    RECEPTOR,
    REFERENCE,
    RULES,
    WARNING,
    Finding,
    Rule,
    check,
    check_emisor,
    check_receptor,
    rule,
)
from . import parties
from . import heading
from . import lines
from . import totals
from . import taxes
from . import references
from . import corrections
from . import texts
