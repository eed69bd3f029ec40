"""Roles that users bring along, as `package.module:Class`: imported, and checked before any work is done."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from taskcraft_core.errors import ConfigError
from taskcraft_core.roles import Author, Judge, Solver

PROTOCOLS: Mapping[str, type] = {"author": Author, "solver": Solver, "judge": Judge}


def is_own(spec: str) -> bool:
    """Whether a spec has the form `package.module:Class`."""
    module, colon, name = spec.partition(":")
    return bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def own_class(role: str, spec: str) -> type:
    """The class that a spec names.

    Raises:
        ConfigError: The module cannot be imported, or has no such class.
    """
    module, _, name = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever the user's module does while it is imported
        raise ConfigError(
            f"The {role} {spec!r} cannot be imported: {type(error).__name__}: {error}; "
            "it has to be installed, or its folder be on PYTHONPATH."
        ) from error
    if not isinstance(found, type):
        raise ConfigError(f"The {role} {spec!r}: the module {module!r} has no class {name!r}.")
    return found


def make_own(role: str, spec: str) -> Any:
    """One of the class that a spec names, which keeps the Protocol of the role.

    Raises:
        ConfigError: It cannot be imported or made, or says what the class lacks.
    """
    kind = own_class(role, spec)
    try:
        made = kind()
    except Exception as error:  # whatever the user's class does while it is made
        raise ConfigError(
            f"The {role} {spec!r} cannot be made without arguments: {type(error).__name__}: {error}."
        ) from error
    fault = fault_of(made, role)
    if fault:
        raise ConfigError(f"{spec!r} is no {role}: {fault} (see {PROTOCOLS[role].__name__} in taskcraft_core/roles).")
    return made


def fault_of(made: object, role: str) -> str | None:
    """The first thing that an object lacks to be an author, a solver or a judge; None if it lacks nothing."""
    if not isinstance(getattr(made, "spec", None), str):
        return "it lacks `spec`, a text that names it"
    panel = getattr(made, "panel", None)
    if role == "judge" and (not isinstance(panel, int) or panel < 1):
        return "it lacks `panel`, how many of its votes a score may take: 1 or 3"
    methods = inspect.getmembers(PROTOCOLS[role], inspect.isfunction)
    faults = (_method_fault(made, name, method) for name, method in methods if not name.startswith("_"))
    return next((fault for fault in faults if fault), None)


def _method_fault(made: object, name: str, wanted: Any) -> str | None:
    method = getattr(made, name, None)
    if not callable(method):
        return f"it lacks the method {name}"
    if inspect.iscoroutinefunction(wanted) and not inspect.iscoroutinefunction(method):
        return f"its method {name} is not a coroutine; write `async def {name}`"
    if not inspect.iscoroutinefunction(wanted) and not inspect.isasyncgenfunction(method):
        return f"its method {name} is no async generator; write `async def {name}` with `yield`"
    asked = list(inspect.signature(wanted).parameters)[1:]
    given = list(inspect.signature(method).parameters.values())
    optional = all(parameter.default is not parameter.empty for parameter in given[len(asked) :])
    if [parameter.name for parameter in given[: len(asked)]] != asked or not optional:
        return f"its method {name} takes ({', '.join(one.name for one in given)}) instead of ({', '.join(asked)})"
    return None
