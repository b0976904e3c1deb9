# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Configuration, from the environment only. Every variable starts with AI_SERVICE_."""

import re

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "AI_SERVICE_"

# What an Authorization header can carry unchanged, and long enough not to be guessed.
# The comma separates keys.
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{16,512}")


class ConfigurationError(Exception):
    """The environment does not allow to start; the text says what to set."""


class Settings(BaseSettings):
    """Settings of one process."""

    # Without hide_input_in_errors a rejected key would stand in the error's text.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: int = Field(8002, ge=0, le=65535)
    #: One key, or several separated by commas while a key is being changed.
    api_key: SecretStr
    #: Validations per minute for each pair of key and client address.
    rate_limit: int = Field(20, ge=1, le=1_000_000)
    log_level: str = "INFO"
    #: Seconds that SIGTERM gives to the requests in flight.
    shutdown_timeout: int = Field(30, ge=1, le=600)

    @field_validator("api_key")
    @classmethod
    def _keys_are_usable(cls, value: SecretStr) -> SecretStr:
        keys = _split(value)
        if not keys or not all(_KEY.fullmatch(key) for key in keys):
            raise ValueError("each key needs 16 to 512 printable ASCII characters")
        return value

    @field_validator("log_level")
    @classmethod
    def _level_is_known(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("use DEBUG, INFO, WARNING or ERROR")
        return value.upper()

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
            variable = PREFIX + str(detail["loc"][0]).upper()
            if detail["type"] == "missing":
                problems.append(
                    f"set {variable}, the key that clients send"
                    " (for example the output of: openssl rand -hex 32)"
                )
            else:
                message = detail["msg"].removeprefix("Value error, ")
                problems.append(f"correct {variable}: {message}")
        raise ConfigurationError("; ".join(problems)) from None
