# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The AI service's client: typed answers, typed errors, one hard deadline.

* :mod:`.client`: the contract, and the attempts within one deadline
* :mod:`.transport`: the wire under it
* :mod:`.answers`: what an answer says, and whether it says anything
* :mod:`.outcomes`: what a call ends with
* :mod:`.address`: where documents and the key may go
"""

from .address import check_url, is_valid_key
from .client import BACKGROUND, INTERACTIVE, AIServiceClient, Limits
from .outcomes import (
    AIServiceError,
    Health,
    Misconfigured,
    NoOpinion,
    Opinion,
    RateLimited,
    Refused,
    Trace,
    Unavailable,
)
