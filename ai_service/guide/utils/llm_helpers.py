# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where the v1.2.0 deployment guide's checks look for it, in the container."""

from ai_service.engines.extraction import extract_json_from_llm_response

__all__ = ["extract_json_from_llm_response"]
