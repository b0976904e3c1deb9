# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The environment: what it means, and what is said when it is wrong."""

import secrets
import uuid

import pytest

from ai_service.settings import ConfigurationError, Settings, load_settings
from ai_service.weak_keys import weakness

from .conftest import KEY


@pytest.fixture
def load(monkeypatch):
    def load(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"AI_SERVICE_{name}", value)
        return load_settings()

    for name in Settings.model_fields:
        monkeypatch.delenv(f"AI_SERVICE_{name.upper()}", raising=False)
    return load


def test_a_key_is_enough(load):
    settings = load(API_KEY=KEY)
    assert (settings.host, settings.port) == ("127.0.0.1", 8002)
    assert (settings.rate_limit, settings.log_level) == (20, "INFO")
    assert settings.api_keys == (KEY,)


def test_several_keys_while_one_is_changed(load):
    assert load(API_KEY=f" {KEY}, {KEY}2,").api_keys == (KEY, KEY + "2")


def test_the_key_is_not_in_the_text_of_the_settings(load):
    settings = load(API_KEY=KEY)
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_KEY", ""),
        ("API_KEY", ","),
        ("API_KEY", f"{KEY},short-secret"),
        ("API_KEY", "with a space-secret"),
        ("API_KEY", "con-eñe-0123456789-secret"),
        ("PORT", "secret"),
        ("PORT", "70000"),
        ("RATE_LIMIT", "0"),
        ("LOG_LEVEL", "secret"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(load, variable, value):
    with pytest.raises(ConfigurationError) as caught:
        load(**{"API_KEY": KEY, variable: value})
    text = str(caught.value)
    assert f"correct AI_SERVICE_{variable}: " in text
    assert "\n" not in text
    assert "secret" not in text
    assert KEY not in text


@pytest.mark.parametrize(
    "key",
    [
        "default_ai_api_key",
        "changeme_changeme",
        "changeme_changeme_changeme_changeme",
        "ch4ng3m3-please-0123456789abcdefghij",
        "default_ai_api_key_for_development_only",
        "<put-your-api-key-in-this-place-please>",
        "AI_SERVICE_API_KEY_AI_SERVICE_API_KEY",
        "cambiar-esta-clave-antes-de-produccion",
        KEY[:31],
        "a" * 64,
        KEY[:8] * 5,
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "1" * 30 + "23",
    ],
)
def test_a_key_that_could_be_guessed_does_not_start(load, key):
    for keys in (key, f"{KEY},{key}"):
        with pytest.raises(ConfigurationError) as caught:
            load(API_KEY=keys)
        assert "a key could be guessed" in str(caught.value)
        assert key not in str(caught.value)
    assert load(API_KEY=key, DEMO="1").api_keys == (key,)


def test_a_key_that_could_be_guessed_stays_on_this_machine(load):
    with pytest.raises(ConfigurationError, match="is for 127"):
        load(API_KEY="changeme_changeme", DEMO="1", HOST="0.0.0.0")


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(24),
        lambda: str(uuid.uuid4()),
        lambda: "".join(secrets.choice("0123456789") for _ in range(32)),
    ],
)
def test_a_random_key_is_a_good_one(make):
    refused = sum(weakness(make()) is not None for _ in range(2_000))
    assert refused <= 2


def test_all_that_is_wrong_is_said_at_once(load):
    with pytest.raises(ConfigurationError) as caught:
        load(PORT="x", RATE_LIMIT="0")
    for variable in ("API_KEY", "PORT", "RATE_LIMIT"):
        assert f"AI_SERVICE_{variable}" in str(caught.value)
