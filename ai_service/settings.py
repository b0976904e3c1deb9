# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Configuration, from the environment only.

Our variables start with AI_SERVICE_. Those of Redis and of the model vendors have the
names that everybody knows them by.
"""

import re
from typing import Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from .weak_keys import weakness

PREFIX = "AI_SERVICE_"

# What an Authorization header can carry unchanged. The comma separates keys.
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{16,512}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ConfigurationError(Exception):
    """The environment does not allow to start; the text says what to set."""


class Settings(BaseSettings):
    """Settings of one process."""

    # Without hide_input_in_errors a rejected key would stand in the error's text.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        protected_namespaces=(),  # Else pydantic 2.9 warns about names with model_.
    )

    host: str = "127.0.0.1"
    port: int = Field(8002, ge=0, le=65535)
    #: Takes a key that could be guessed, on a loopback address.
    demo: bool = False
    #: One key, or several separated by commas while a key is being changed.
    api_key: SecretStr
    #: Validations per minute for each pair of key and client address.
    rate_limit: int = Field(20, ge=1, le=1_000_000)
    log_level: str = "INFO"
    #: Seconds that SIGTERM gives to the requests in flight.
    shutdown_timeout: int = Field(30, ge=1, le=600)
    #: Seconds after which a stuck process ends itself; 0 never.
    watchdog: int = Field(30, ge=0, le=3600)

    #: Where replicas share answers, limits and accounts. It may hold a password.
    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    #: Seconds that one operation of Redis may take before memory answers instead.
    redis_timeout: float = Field(0.1, ge=0.01, le=10)

    #: Who judges beside the rules; `auto` is whoever has been given a key or URL.
    engine: Literal["auto", "rules", "anthropic", "openai"] = "auto"
    anthropic_api_key: SecretStr | None = Field(
        None, validation_alias="ANTHROPIC_API_KEY"
    )
    anthropic_base_url: str | None = Field(None, validation_alias="ANTHROPIC_BASE_URL")
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="OPENAI_BASE_URL")
    #: The vendor's name of the model.
    model: str | None = None
    #: Seconds for a model's answer, all attempts. Clients wait for 20.
    model_deadline: float = Field(18.0, gt=0, le=600)
    model_attempts: int = Field(3, ge=1, le=10)
    #: US dollars per million tokens.
    input_price: float | None = Field(None, ge=0, allow_inf_nan=False)
    output_price: float | None = Field(None, ge=0, allow_inf_nan=False)
    #: US dollars a day (in Chile) after which the model is not asked.
    daily_budget: float | None = Field(None, ge=0, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_not_given(cls, value: Any, info: ValidationInfo) -> Any:
        # What Docker Compose makes of a variable that is not set.
        optional = cls.model_fields[info.field_name].default is None
        return None if value == "" and optional else value

    @field_validator("redis_url")
    @classmethod
    def _url_is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        schemes = ("redis://", "rediss://", "unix://")
        if value and not value.get_secret_value().startswith(schemes):
            raise ValueError("use redis://HOST:6379/0, rediss:// or unix://")
        return value

    @field_validator("anthropic_base_url", "openai_base_url")
    @classmethod
    def _url_is_http(cls, value: str | None) -> str | None:
        if value and not re.match(r"https?://[^\s]+$", value):
            raise ValueError("use https://HOST, or http:// for a server of your own")
        return value

    @field_validator("api_key")
    @classmethod
    def _keys_are_usable(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        keys = _split(value)
        if not keys or not all(_KEY.fullmatch(key) for key in keys):
            raise ValueError("each key needs 32 to 512 printable ASCII characters")
        if info.data.get("demo"):
            if info.data.get("host") not in _LOOPBACK:
                raise ValueError(
                    f"{PREFIX}DEMO is for 127.0.0.1 alone: unset it, or {PREFIX}HOST"
                )
            return value
        for key in keys:
            if reason := weakness(key):
                raise ValueError(
                    f"a key could be guessed: {reason}; take the output of: openssl"
                    f" rand -hex 32 (only to try it out: {PREFIX}DEMO=1)"
                )
        return value

    @field_validator("log_level")
    @classmethod
    def _level_is_known(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("use DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def vendor(self) -> Literal["anthropic", "openai"] | None:
        """Whose model is asked; None for the rules alone."""
        if self.engine == "auto":
            if self.anthropic_api_key:
                return "anthropic"
            return "openai" if self.openai_api_key or self.openai_base_url else None
        return None if self.engine == "rules" else self.engine

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The accepted keys, never empty."""
        return tuple(_split(self.api_key))


def _split(value: SecretStr) -> list[str]:
    parts = (part.strip() for part in value.get_secret_value().split(","))
    return [part for part in parts if part]


def load_settings() -> Settings:
    """Read the environment.

    :raises ConfigurationError: one line that names each variable to set or correct
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_url=False, include_input=False):
            name = str(detail["loc"][0])
            variable = name if name.isupper() else PREFIX + name.upper()
            if detail["type"] == "missing":
                problems.append(
                    f"set {variable}, the key that clients send"
                    " (for example the output of: openssl rand -hex 32)"
                )
            else:
                message = detail["msg"].removeprefix("Value error, ")
                problems.append(f"correct {variable}: {message}")
        raise ConfigurationError("; ".join(problems)) from None
