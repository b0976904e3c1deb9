# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Claude, by Anthropic's SDK."""

import anthropic

from ..accounting import Usage
from .prompt import Prompt
from .vendor import Reply, VendorError, garbage, translated

TOOL = "give_opinion"


class AnthropicVendor:
    """Claude's Messages API. A structured answer is the input of a tool that it must
    use."""

    name = "anthropic"

    def __init__(self, api_key: str, model: str, base_url: str | None = None) -> None:
        self.model = model
        # Retries and deadlines are the caller's, over all attempts.
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key, base_url=base_url, max_retries=0
        )

    async def complete(self, prompt: Prompt, seconds: float) -> Reply:
        """Ask once (see `Vendor`)."""
        arguments = {}
        if prompt.schema_:
            arguments = {
                "tools": [
                    {
                        "name": TOOL,
                        "description": "Entrega la opinión sobre el documento.",
                        "input_schema": prompt.schema_,
                    }
                ],
                "tool_choice": {"type": "tool", "name": TOOL},
            }
        try:
            message = await self._client.messages.create(
                model=self.model,
                system=prompt.system,
                messages=prompt.messages,
                max_tokens=prompt.max_tokens,
                timeout=seconds,
                **arguments,
            )
            return _reply(message)
        except VendorError:
            raise
        # ValueError and the like: a body that is not what the SDK expects.
        except (
            anthropic.AnthropicError,
            ValueError,
            AttributeError,
            TypeError,
        ) as error:
            raise translated(error, anthropic) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


def _reply(message: anthropic.types.Message) -> Reply:
    blocks = message.content
    usage = message.usage
    if not isinstance(blocks, list):
        raise garbage()
    used = [block.input for block in blocks if block.type == "tool_use"]
    return Reply(
        text="".join(block.text for block in blocks if block.type == "text"),
        data=used[0] if used else None,
        cut_off=message.stop_reason in ("max_tokens", "refusal"),
        usage=Usage(
            (usage.input_tokens or 0)
            + (usage.cache_creation_input_tokens or 0)
            + (usage.cache_read_input_tokens or 0),
            usage.output_tokens or 0,
        ),
    )
