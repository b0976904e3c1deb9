# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Any endpoint that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM, …"""

from typing import Any

import openai

from ..accounting import Usage
from .prompt import Prompt
from .vendor import Reply, VendorError, garbage, translated

# What the SDK insists on where the endpoint asks for no key.
NO_KEY = "no-key"


class OpenAIVendor:
    """Chat completions, with a JSON schema for a structured answer.

    An endpoint that does not know schemas refuses the first such question; from then
    on it is asked without one, and the JSON is read out of its text.
    """

    name = "openai"

    def __init__(
        self, api_key: str | None, model: str, base_url: str | None = None
    ) -> None:
        self.model = model
        self._knows_schemas = True
        # Retries and deadlines are the caller's, over all attempts.
        self._client = openai.AsyncOpenAI(
            api_key=api_key or NO_KEY, base_url=base_url, max_retries=0
        )

    async def complete(self, prompt: Prompt, seconds: float) -> Reply:
        """Ask once (see `Vendor`)."""
        try:
            if prompt.schema_ and self._knows_schemas:
                try:
                    return await self._ask(prompt, seconds, _format(prompt.schema_))
                except openai.BadRequestError as error:
                    if "response_format" not in str(error):
                        raise
                    self._knows_schemas = False
            return await self._ask(prompt, seconds, {})
        except VendorError:
            raise
        # ValueError and the like: a body that is not what the SDK expects.
        except (
            openai.OpenAIError,
            ValueError,
            AttributeError,
            TypeError,
            IndexError,
        ) as error:
            raise translated(error, openai) from None

    async def _ask(self, prompt: Prompt, seconds: float, more: dict[str, Any]) -> Reply:
        completion = await self._client.chat.completions.create(
            model=self.model,
            messages=[{"role": "system", "content": prompt.system}, *prompt.messages],
            max_tokens=prompt.max_tokens,
            timeout=seconds,
            **more,
        )
        choice = completion.choices[0]
        usage = completion.usage
        if not isinstance(choice.message.content, (str, type(None))):
            raise garbage()
        return Reply(
            text=choice.message.content or "",
            # With a schema the text is the JSON; reading it is the same work.
            data=None,
            cut_off=choice.finish_reason in ("length", "content_filter"),
            # Some local servers do not count.
            usage=Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0)
            if usage
            else Usage(0, 0),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    named = {"name": "opinion", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
