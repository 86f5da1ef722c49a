"""The job queue: Procrastinate finds the tasks in each room's ``jobs.py``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from procrastinate import App


def on_app_ready(app: App) -> None:
    """Import every room's ``jobs`` so that its tasks are known to the worker."""
    for config in apps.get_app_configs():
        if config.name.startswith("spilno.") and find_spec(f"{config.name}.jobs"):
            import_module(f"{config.name}.jobs")
