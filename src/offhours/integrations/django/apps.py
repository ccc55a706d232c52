"""What Django loads."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules

from offhours.core.errors import ConfigError
from offhours.integrations.django.checks import check_page, check_settings
from offhours.integrations.django.project import project_settings


class OffhoursConfig(AppConfig):
    """Finds the tasks of all applications: their modules `tasks`."""

    name = "offhours.integrations.django"
    label = "offhours"
    verbose_name = "Offhours"

    def ready(self) -> None:
        """Register the checks; then the tasks, unless the checks have something to say."""
        checks.register(check_settings)
        checks.register(check_page)
        try:
            project_settings()
        except ConfigError:
            return  # `manage.py check` tells all of it
        autodiscover_modules("tasks")
