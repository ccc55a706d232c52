"""`manage.py offhours_worker`: work on the jobs of this project until told to stop."""

from __future__ import annotations

from offhours.integrations.django.management.commands.offhours import Command as Offhours


class Command(Offhours):
    """`manage.py offhours worker`, found by the name that deployments look for."""

    help = "Work on the jobs of this project; takes the options of `offhours worker`."
    first = ("worker",)
