# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which model the settings ask for, and what it costs."""

import re

from ..accounting import Price
from ..logs import get_logger
from ..settings import PREFIX, ConfigurationError, Settings
from .vendor import Vendor

DEFAULT_MODEL = "claude-haiku-4-5"
# Anthropic's list prices of October 2026; others are for whoever uses them to say.
_PRICES = {
    "claude-haiku-4-5": Price(1.0, 5.0),
    "claude-sonnet-4-5": Price(3.0, 15.0),
    "claude-opus-4-5": Price(5.0, 25.0),
}


def vendor_of(settings: Settings) -> Vendor | None:
    """The vendor that the settings name; None for the rules alone.

    :raises ConfigurationError: where something is missing, an extra included
    """
    if settings.vendor is None:
        return None
    if settings.vendor == "anthropic":
        vendor = _anthropic(settings)
    else:
        vendor = _openai(settings)
    get_logger().info(f"{vendor.name}_client_initialized", model=vendor.model)
    return vendor


def price_of(settings: Settings, vendor: Vendor | None) -> Price:
    """The price of the model's tokens; 0 where nobody said it.

    :raises ConfigurationError: on a budget without a price
    """
    # A model may be named with the day of its version: claude-haiku-4-5-20251001.
    known = _PRICES.get(re.sub(r"-[0-9]{8}$", "", vendor.model)) if vendor else None
    given = (settings.input_price, settings.output_price)
    if None not in given:
        return Price(*given)
    if known:
        return known
    if vendor and settings.daily_budget is not None:
        raise ConfigurationError(
            f"{PREFIX}DAILY_BUDGET needs {PREFIX}INPUT_PRICE and {PREFIX}OUTPUT_PRICE:"
            f" the price of {vendor.model} is not known (US dollars per million tokens)"
        )
    return Price(0.0, 0.0)


def _anthropic(settings: Settings) -> Vendor:
    if not settings.anthropic_api_key:
        raise ConfigurationError(f"set ANTHROPIC_API_KEY, or {PREFIX}ENGINE=rules")
    try:
        from .anthropic_vendor import AnthropicVendor  # noqa: PLC0415 - an extra
    except ImportError:
        raise _missing("anthropic") from None
    return AnthropicVendor(
        settings.anthropic_api_key.get_secret_value(),
        settings.model or DEFAULT_MODEL,
        settings.anthropic_base_url,
    )


def _openai(settings: Settings) -> Vendor:
    if not settings.openai_api_key and not settings.openai_base_url:
        raise ConfigurationError(
            "set OPENAI_API_KEY, OPENAI_BASE_URL for a server of your own, or"
            f" {PREFIX}ENGINE=rules"
        )
    if not settings.model:
        raise ConfigurationError(
            f"set {PREFIX}MODEL to the model's name at the OpenAI-compatible endpoint"
        )
    try:
        from .openai_vendor import OpenAIVendor  # noqa: PLC0415 - an extra
    except ImportError:
        raise _missing("openai") from None
    key = settings.openai_api_key
    return OpenAIVendor(
        key.get_secret_value() if key else None,
        settings.model,
        settings.openai_base_url,
    )


def _missing(extra: str) -> ConfigurationError:
    return ConfigurationError(
        f"the {extra} extra is not installed (pip install './ai_service[{extra}]'), or"
        f" set {PREFIX}ENGINE=rules"
    )
