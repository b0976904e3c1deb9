# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""JSON out of what a model wrote, for vendors that offer no structured output."""

import json
import re
from typing import Any

from ..logs import get_logger

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_MAX_STARTS = 20


def extract_json_from_llm_response(text: str) -> dict[str, Any] | None:
    """The JSON object in a model's text.

    It may be all of the text, stand in a fence, or have prose before and after it. Of
    several the first that is whole counts.

    :return: None where there is none; the event ``json_parse_error`` is logged, with
        the length of the text and not the text
    """
    candidates = [*_FENCE.findall(text), text]
    for candidate in candidates:
        found = _first_object(candidate)
        if found is not None:
            return found
    get_logger().warning("json_parse_error", characters=len(text))
    return None


def _first_object(text: str) -> dict[str, Any] | None:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    position = -1
    for _ in range(_MAX_STARTS):
        position = text.find("{", position + 1)
        if position < 0:
            return None
        try:
            found, _end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated"):
                return None  # Cut off: what stands inside it is not the answer.
        except (ValueError, RecursionError):
            return None
        else:
            return found
    return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
