"""`manage.py offhours COMMAND ...`: the commands of `offhours`, on this project's app."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from offhours.cli.main import run
from offhours.cli.session import Host
from offhours.integrations.django.project import project_app


class Command(BaseCommand):
    """Hands over all that follows, as it stands."""

    help = "Background work: the commands of `offhours`, on this project's app."
    requires_system_checks: list[str] = []  # noqa: RUF012  (Django's own way)
    first: tuple[str, ...] = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """From a shell: nothing of the line is Django's."""
        sys.exit(self._run(argv[2:], " ".join([Path(argv[0]).name, argv[1]])))

    def add_arguments(self, parser: CommandParser) -> None:
        """From `call_command`."""
        parser.add_argument("args", nargs=argparse.REMAINDER)

    def handle(self, *args: str, **options: Any) -> None:
        """From `call_command`: a failure is an error."""
        if code := self._run(args, "offhours"):
            raise CommandError(f"offhours ended with {code}", returncode=code)

    def _run(self, args: list[str] | tuple[str, ...], name: str) -> int:
        return run(Host("this project", project_app()), [*self.first, *args], name)
