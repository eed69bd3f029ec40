"""Prefect's settings on the way to a worker of a cluster."""

from __future__ import annotations

from typing import Any, Self

from prefect.context import SettingsContext


class PublicSettings(SettingsContext):
    """Prefect's settings as a task takes them to a worker: the server's address; all else is the worker's own."""

    @classmethod
    def of_this_process(cls) -> Self:
        """The current ones."""
        context = SettingsContext.get()
        assert context is not None, "Prefect has settings"
        return cls(profile=context.profile, settings=context.settings)

    def serialize(self, include_secrets: bool = False) -> dict[str, Any]:
        """Without anything secret, whoever asks."""
        return {
            "profile": {"name": "build", "settings": {}}, "settings": {"api": {"url": self.settings.api.url}},
        }  # fmt: skip
