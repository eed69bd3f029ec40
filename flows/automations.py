"""The automations of the Prefect server: runs that went silent are told of as crashed."""

from __future__ import annotations

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

SILENCE = timedelta(seconds=90)
"""Three heartbeats."""

HEARTBEAT = "prefect.flow-run.heartbeat"
ENDED = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "AwaitingRetry")
LOST = (
    "The run has sent no sign of life for 90 s: its process, or the machine that it ran on, is gone. What was finished "
    "is kept; Retry, or the next run, goes on from there."
)


def crashed_runs() -> AutomationCore:
    """Marks a run as crashed that had sent heartbeats, and now sends none and has not ended either."""
    ended = {f"prefect.flow-run.{state}" for state in ENDED}
    return AutomationCore(
        name="taskcraft: runs without a sign of life are crashed",
        description=f"A run that sent heartbeats and sends none for {SILENCE.seconds} s is set to Crashed.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            after={HEARTBEAT},
            expect={HEARTBEAT, *ended},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=LOST)],
    )


def ensure_automations(client: SyncPrefectClient) -> None:
    """Creates what is missing, and brings up to date what is there; twice is as once."""
    for wanted in (crashed_runs(),):
        there = client.read_automations_by_name(wanted.name)
        if there:
            client.update_automation(there[0].id, wanted)
        else:
            client.create_automation(wanted)
