"""The call before all others: does the endpoint take the key, the model, its parameters, and texts as long as ours?"""

from __future__ import annotations

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.documents.chunks import PART_CHARS
from taskcraft_core.errors import ConfigError, ProviderRefused, ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.roles.llm.structured import RoleModel, messages_of

PARTS_READ = 2
"""So many parts of documents have to fit into the context of an agent."""
_FILLER = "This sentence only fills the page; it asks nothing and it is to be passed over. "


async def preflight(model: RoleModel) -> None:
    """Asks a trifle at the length of two parts of documents; what is answered does not matter.

    Raises:
        ConfigError: The endpoint will not take what a build would send; says what to set.
        ProviderUnavailable: It cannot be reached.
    """
    size = PARTS_READ * PART_CHARS
    question = f"What is two plus two? {_FILLER * (size // len(_FILLER))}"
    request = model.request("solver_guess", messages_of("solver_guess", {"question": question}))
    try:
        with working_on("preflight", model.spec.model):
            await model.endpoint.complete(request)
    except ProviderRefused as error:
        raise ConfigError(str(error)) from None
    except ResponseError as error:
        if error.reason is Reason.CONTEXT_LENGTH:
            raise ConfigError(
                f"The context of {model.spec.model} is too short for {size:,} characters (about {size // 4:,} tokens), "
                "as an agent may have to read; name a model with a longer one."
            ) from None
        raise ConfigError(
            f"{model.endpoint.label} refuses a call to {model.spec.model}: {error.detail}; correct the model or the "
            "parameters behind its '?'."
        ) from None
