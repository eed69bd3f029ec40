"""The automations of the Prefect server: runs gone silent are crashed, and somebody is told of builds that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.types import SecretDict
from pydantic import SecretStr

from flows.naming import BUILD, DEGRADED, STAGE

SILENCE = timedelta(seconds=240)
"""Longer than a run waits for a server that is away (two and a half minutes at most) and two heartbeats more, for what
was missed meanwhile is judged as soon as the server is back. It is also longer than Prefect's own three minutes between
heartbeats, for a build whose environment sets no other, and than a nightly run waits before its retry."""
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDED = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended")
"""Not AwaitingRetry: a run that is killed while it waits for its own retry is never begun again by anybody."""
LOST = (
    f"The run has sent no sign of life for {SILENCE.seconds} s: its process, or the machine that it ran on, is gone. "
    "What was finished is kept; Retry, or the next run, goes on from there."
)

ONCE = timedelta(seconds=10)
"""An event comes again where SQLite was busy; within this time one run is told of once."""
WEBHOOK = "taskcraft-notify"
"""The block that keeps the address, which may hold a secret."""


def crashed_runs() -> AutomationCore:
    """Marks a build, or a stage, as crashed that had sent heartbeats, and now sends none and has not ended either.

    The server may be other people's too: how often their runs tell that they are alive is not for us to judge.
    """
    ended = {f"prefect.flow-run.{state}" for state in ENDED}
    return AutomationCore(
        name="taskcraft: a run without a sign of life has crashed",
        description=f"A build that sent heartbeats and has sent none for {SILENCE.seconds} s is set to Crashed.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": [BUILD, STAGE.format("*")]},
            for_each={"prefect.resource.id"},
            after={HEARTBEAT},
            expect={HEARTBEAT, *ended},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=LOST)],
    )


def failed_builds(webhook: UUID) -> AutomationCore:
    """Posts to the webhook when a build has failed or crashed; stages are no builds."""
    trigger = EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": BUILD},
        for_each={"prefect.resource.id"},
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
        posture=Posture.Reactive,
        threshold=1,
        within=ONCE,
    )
    return AutomationCore(
        name="taskcraft: notify of a failed build",
        description="Posts JSON to the webhook block taskcraft-notify.",
        trigger=trigger,
        actions=[CallWebhook(block_document_id=webhook, payload=_payload("flow_run.state.message"))],
    )


def degraded_builds(webhook: UUID) -> AutomationCore:
    """Posts to the webhook when a build goes on although something has to be left out."""
    trigger = EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        expect={DEGRADED},
        posture=Posture.Reactive,
        threshold=1,
        within=ONCE,
    )
    return AutomationCore(
        name="taskcraft: notify of a degraded build",
        description="Posts JSON to the webhook block taskcraft-notify.",
        trigger=trigger,
        actions=[CallWebhook(block_document_id=webhook, payload=_payload("event.payload.message", "'Degraded'"))],
    )


def ensure_automations(client: SyncPrefectClient, notify: SecretStr | None) -> None:
    """Creates what is missing, and brings up to date what is there; twice is as once.

    Args:
        client: Of the server.
        notify: The address to post to; None leaves what is there as it is.
    """
    for wanted in _wanted(notify):
        there = client.read_automations_by_name(wanted.name)
        if not there:
            client.create_automation(wanted)
        elif _told(there[0]) != _told(wanted):
            # Whoever has switched it off in the UI wants it so.
            client.update_automation(there[0].id, wanted.model_copy(update={"enabled": there[0].enabled}))


def _told(automation: AutomationCore) -> dict[str, Any]:
    """What an automation does, as against which one it is, and whether it is on."""
    return automation.model_dump(include=set(AutomationCore.model_fields) - {"enabled"})


def _wanted(notify: SecretStr | None) -> Iterator[AutomationCore]:
    yield crashed_runs()
    if notify is not None:
        headers = SecretDict({"Content-Type": "application/json"})
        saved = Webhook(url=notify, headers=headers).save(WEBHOOK, overwrite=True)
        assert isinstance(saved, UUID)  # it is awaited only where an event loop runs
        yield failed_builds(saved)
        yield degraded_builds(saved)


def _payload(message: str, state: str = "flow_run.state.name") -> str:
    """JSON with what is told; `text` is the key that chats show."""
    fields = {
        "what": f"'{BUILD}'", "run": "flow_run.name", "state": state, "message": message,
        "link": "flow_run|ui_url",
        "text": f"flow_run.name ~ ': ' ~ {state} ~ '. ' ~ {message} ~ ' ' ~ (flow_run|ui_url)",
    }  # fmt: skip
    # What a run has not (a message, as a rule) is null, and no reason to tell nobody.
    return "{" + ", ".join(f'"{key}": {{{{ ({value})|default(none)|tojson }}}}' for key, value in fields.items()) + "}"
