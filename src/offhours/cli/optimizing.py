"""The optimizer of a database: what it keeps. What repeats now, its program has in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from offhours.cli.codes import CommandError, Exit

if TYPE_CHECKING:
    from offhours.app import Offhours


class StoredOptimizer:
    """Automations and trials of a database, in the words of a server's `RemoteOptimizer`."""

    def __init__(self, app: Offhours) -> None:
        from offhours.optimize.creator import MicroAutomationCreator

        self._app = app
        self._creator = MicroAutomationCreator(app.store.automations, clock=app.clock)

    def report(self) -> dict[str, Any]:
        """What repeats, what was made of it, and what is compared."""
        from offhours.optimize.telling import automation_dict, trial_dict

        table = self._app.store.automations
        return {
            "last_cycle": None,
            "patterns": [],
            "automations": [automation_dict(each) for each in table.all()],
            "refused": {},
            "trials": [trial_dict(each) for each in table.trials(False, 50)],
        }

    def show(self, automation_id: str) -> dict[str, Any]:
        """One automation with its script and tests."""
        from offhours.optimize.telling import whole_automation

        record = self._creator.get(automation_id).record
        told = whole_automation(record, self._app.store.automations.trials())
        return told | {"refused": None}

    def deploy(self, automation_id: str) -> dict[str, Any]:
        """Let it run, if it was tested as it is, and passed."""
        self._creator.deploy(automation_id)
        return self.show(automation_id)

    def withdraw(self, automation_id: str, reason: str) -> dict[str, Any]:
        """Take it out of use."""
        self._creator.withdraw(automation_id, reason)
        return self.show(automation_id)

    def test(self, automation_id: str) -> NoReturn:
        """Its tests are run by the program whose engine knows its sandbox."""
        self._creator.get(automation_id)
        raise in_a_program("an automation is tested by the program that optimizes, in its sandbox")

    def look(self) -> int:
        """Ask for a look: the number of the job, which waits already if there is one."""
        from offhours.faces.optimization import CYCLE

        asked = self._app.submit_by_name(CYCLE, unique=CYCLE, priority="background", retries=0)
        return asked.id


def in_a_program(why: str) -> CommandError:
    """The error for what only the memory of a program has."""
    return CommandError(f"{why}: ask its server, with --url", Exit.USAGE, "only_over_url")
