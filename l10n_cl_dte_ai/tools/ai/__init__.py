# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The AI service's client: typed answers, typed errors, one hard deadline.

* :mod:`.client`: the contract, and the attempts within one deadline
* :mod:`.transport`: the wire under it
* :mod:`.exchange`: one request to any host, for the clients of other addons
* :mod:`.answers`: what an answer says, and whether it says anything
* :mod:`.fail_open`: how a failure is told from an opinion
* :mod:`.redaction`: our own secrets, taken out of what the other side says
* :mod:`.outcomes`: what a call ends with
* :mod:`.address`: where documents and the key may go
"""

from .address import check_url, is_same_address, is_valid_key
from .client import BACKGROUND, HEALTH_CHECK, INTERACTIVE, AIServiceClient, Limits
from .exchange import Exchange
from .outcomes import (
    AIServiceError,
    ClientFault,
    Health,
    Misconfigured,
    NoOpinion,
    Opinion,
    RateLimited,
    Refused,
    Told,
    Trace,
    Unavailable,
)
from .redaction import Redactor
