"""The agents' part of the store: goals, the inbox of thoughts, and the ledger of deferrals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core.agents import (
    Deferral,
    DeferredOften,
    Deliver,
    Executions,
    Goal,
    GoalCount,
    GoalStatus,
    NewGoal,
    NewThought,
    StoredThought,
    ThoughtState,
)
from offhours.core.model import NewJob
from offhours.core.schedules import NewSchedule, Schedule, ScheduleMove
from offhours.core.states import Move, Value
from offhours.core.times import Micros
from offhours.store.budgets import SqlBudgets
from offhours.store.connection import Connection, Database
from offhours.store.rows import as_json

Insert = Callable[[Connection, NewJob, Micros], int]
AddSchedule = Callable[[Connection, NewSchedule, Micros, Micros], tuple[Schedule, bool]]
ChangeSchedule = Callable[[Connection, ScheduleMove, Micros], bool]
Tell = Callable[..., None]
Handle = Callable[[StoredThought, str], NewJob]

_EXPIRED_AT_ONCE = 1_000


class SqlAgents:
    """Implements `core.ports.Agents` beside the jobs and schedules of the same database."""

    def __init__(
        self,
        database: Database,
        sql: Mapping[str, str],
        budgets: SqlBudgets,
        *,
        insert: Insert,
        add_schedule: AddSchedule,
        change_schedule: ChangeSchedule,
        tell: Tell,
    ) -> None:
        self._db = database
        self._sql = sql
        self._budgets = budgets
        self._insert = insert
        self._add_schedule = add_schedule
        self._change_schedule = change_schedule
        self._tell = tell

    # -- goals ------------------------------------------------------------------------------

    def add_goal(
        self,
        new: NewGoal,
        schedule: NewSchedule,
        next_at: Micros,
        now: Micros,
        deferral: Deferral | None = None,
    ) -> Goal | None:
        """Store a goal with its schedule; None when there is one of that id.

        `QuotaExceeded` when its agent or its tenant may have no more.
        """

        def unit(db: Connection) -> Goal | None:
            stored, created = self._add_schedule(db, schedule, next_at, now)
            if not created:
                return None
            db.execute(self._sql["insert_goal"], (stored.id, *new))
            self._budgets.check_goals(db, new.agent, new.tenant)
            self._bump(db, "goals.created")
            if deferral is not None:
                self._note_deferral(db, stored.id, deferral)
            return self._goal(db, stored.id)

        return self._db.write(unit)

    def defer_goal(self, goal: Goal, move: ScheduleMove, deferral: Deferral, now: Micros) -> bool:
        """Move a goal to later; false when its schedule was changed meanwhile."""

        def unit(db: Connection) -> bool:
            if not self._change_schedule(db, move, now):
                return False
            self._note_deferral(db, goal.schedule_id, deferral)
            return True

        return self._db.write(unit)

    def cancel_goal(self, goal: Goal, move: ScheduleMove | None, now: Micros) -> bool:
        """Cancel a goal; false when its schedule was changed meanwhile, or it is cancelled."""

        def unit(db: Connection) -> bool:
            if move is not None and not self._change_schedule(db, move, now):
                return False
            db.execute(self._sql["cancel_goal"], (now, goal.schedule_id))
            return db.changes() == 1

        return self._db.write(unit)

    def goal(self, schedule_id: int) -> Goal | None:
        """The goal of a schedule."""
        rows = self._db.read(self._sql["goal"], (schedule_id,))
        return Goal(*rows[0]) if rows else None

    def goal_of_task(self, task_id: str, tenant: str | None = None) -> Goal | None:
        """A goal by its own id; with a `tenant`, if it is that one's."""
        rows = self._db.read(self._sql["goal_of_task"], (task_id, tenant))
        return Goal(*rows[0]) if rows else None

    def goals(
        self, agent: str | None = None, after: int = 0, limit: int = 50, tenant: str | None = None
    ) -> list[Goal]:
        """A page of goals; `after` is the schedule's number of the last one before."""
        rows = self._db.read(self._sql["goals"], (after, agent, tenant, limit))
        return [Goal(*row) for row in rows]

    def _goal(self, db: Connection, schedule_id: int) -> Goal | None:
        row = db.execute(self._sql["goal"], (schedule_id,)).fetchone()
        return None if row is None else Goal(*row)

    def goal_counts(self) -> list[GoalCount]:
        """How many goals there are, by how they stand and whether they recur."""
        return [
            GoalCount(GoalStatus(status), bool(recurring), goals, int(deferrals), int(fires))
            for status, recurring, goals, deferrals, fires in self._db.read(
                self._sql["goal_counts"]
            )
        ]

    def size(self) -> int:
        """The bytes of all goals, and of the thoughts that wait."""
        [(size,)] = self._db.read(self._sql["size_of_goals"])
        return int(size)

    def tallies(self) -> dict[str, int]:
        """What was counted of goals since the store was made, those that are gone included."""
        return {key: int(value) for key, value in self._db.read(self._sql["tallies"])}

    def count(self, key: str) -> None:
        """Count one more of something."""
        self._db.write(lambda db: self._bump(db, f"goals.{key}"))

    def executions(self, since: Micros, recurring: bool | None = None) -> Executions:
        """What became of the fires of goals from a moment on."""
        kind = None if recurring is None else int(recurring)
        [row] = self._db.read(self._sql["executions"], (since, kind))
        total, good, bad, mean, most, on_time, length = row
        return Executions(
            total, int(good), int(bad), None if mean is None else float(mean), most, int(on_time),
            None if length is None else float(length) / 1e6,
        )  # fmt: skip

    def _bump(self, db: Connection, key: str, by: int = 1) -> None:
        db.execute(self._sql["bump"], (key, by))

    # -- deferrals --------------------------------------------------------------------------

    def _note_deferral(self, db: Connection, schedule_id: int, deferral: Deferral) -> None:
        db.execute(self._sql["goal_deferred"], (schedule_id,))
        db.execute(self._sql["insert_goal_deferral"], (schedule_id, *deferral))

    def after_moves(self, db: Connection, moves: Sequence[Move], now: Micros) -> None:
        """What moves of a goal's jobs mean for it: their deferrals are the goal's."""
        for move in moves:
            if move.schedule_id is None or move.kind != "job.deferred":
                continue
            if self._goal(db, move.schedule_id) is None:
                continue
            told: dict[str, Any] = dict(move.data or ())
            self._note_deferral(
                db, move.schedule_id,
                Deferral(now, told["until"], told["reason"], move.job_id, told.get("gate")),
            )  # fmt: skip

    def deferrals_of_goal(self, schedule_id: int) -> list[Deferral]:
        """Where a goal, or a job of it, was moved to, in order."""
        rows = self._db.read(self._sql["deferrals_of_goal"], (schedule_id,))
        return [Deferral(*row) for row in rows]

    def deferrals_of_job(self, job_id: int) -> list[Deferral]:
        """Where a job was moved to, in order, as far back as events are kept."""
        rows = self._db.read(self._sql["deferrals_of_job"], (job_id,))
        return [Deferral(*row) for row in rows]

    def reasons(self, since: Micros, limit: int = 10) -> list[tuple[str, int]]:
        """Why work was moved to later, most often first; gates by their names."""
        rows = self._db.read(self._sql["reasons"], (since, limit))
        return [(str(reason), int(count)) for reason, count in rows]

    def deferred_often(self, limit: int = 10) -> list[DeferredOften]:
        """The jobs and goals that were moved to later most often."""
        rows = self._db.read(self._sql["deferred_often"], (limit,))
        return [DeferredOften(*row) for row in rows]

    def deferrals_since(self, since: Micros) -> int:
        """How often work was moved to later."""
        [(count,)] = self._db.read(self._sql["deferrals_since"], (since,))
        return int(count)

    # -- thoughts ---------------------------------------------------------------------------

    def deliver(self, new: NewThought, handle: Handle, now: Micros) -> Deliver:
        """Leave a thought once, with the job of the agent's handler, if it has one."""

        def unit(db: Connection) -> Deliver:
            db.execute(self._sql["insert_thought"], (*new, now))
            made = db.changes() == 1
            row = db.execute(self._sql["thought_of_key"], (new.key,)).fetchone()
            thought = StoredThought(*row)
            if not made:
                return Deliver(thought, False, thought.handler_job)
            told: dict[str, Value] = {"thought": thought.id, "agent": new.agent, "goal": new.goal}
            if new.delivery is not None:
                told["delivery"] = new.delivery
            self._tell(db, now, "thought.created", new.job_id, new.attempt, **told)
            return Deliver(thought, True, self._hand_over(db, thought, handle, now))

        return self._db.write(unit)

    def _hand_over(
        self, db: Connection, thought: StoredThought, handle: Handle, now: Micros
    ) -> int | None:
        task = db.execute(self._sql["handler"], (thought.agent,)).get
        if task is None:
            return None
        job_id = self._insert(db, handle(thought, str(task)), now)
        db.execute(self._sql["thought_handled"], (job_id, thought.id))
        return job_id

    def set_handler(self, agent: str, task: str, handle: Handle, now: Micros) -> int:
        """Have a task work on an agent's thoughts, also on those that wait; how many do."""

        def unit(db: Connection) -> int:
            known = db.execute(self._sql["handler"], (agent,)).get
            if known != task:
                db.execute(self._sql["put_handler"], (agent, task))
            rows = db.execute(
                self._sql["unhandled_thoughts"], (agent, now, _EXPIRED_AT_ONCE)
            ).fetchall()
            for row in rows:
                self._hand_over(db, StoredThought(*row), handle, now)
            return len(rows)

        return self._db.write(unit)

    def take(self, agent: str, until: Micros, limit: int, now: Micros) -> list[StoredThought]:
        """The visible thoughts of an agent, oldest first. Nobody else gets them before `until`."""
        self.expire(now)
        next_at = self.next_thought(agent, now)
        if next_at is None or next_at > now:
            return []

        def unit(db: Connection) -> list[StoredThought]:
            rows = db.execute(self._sql["visible_thoughts"], (agent, now, limit)).fetchall()
            found = [StoredThought(*row) for row in rows]
            if found:
                ids = as_json([thought.id for thought in found])
                db.execute(self._sql["take_thoughts"], (until, ids))
            return [each._replace(visible_at=until, taken=each.taken + 1) for each in found]

        return self._db.write(unit)

    def next_thought(self, agent: str, now: Micros) -> Micros | None:
        """When the next thought of an agent is, or was, visible."""
        [(visible_at,)] = self._db.read(self._sql["next_thought"], (agent, now))
        return None if visible_at is None else int(visible_at)

    def acknowledge(self, thought: StoredThought, answer: str | None, now: Micros) -> bool:
        """It was seen to; false when it was before, or has expired."""
        return self._db.write(
            lambda db: self._close(
                db, thought.id, thought.agent, ThoughtState.ACKNOWLEDGED, answer, now
            )
        )

    def _close(
        self,
        db: Connection,
        number: int,
        agent: str,
        state: ThoughtState,
        answer: str | None,
        now: Micros,
    ) -> bool:
        db.execute(self._sql["close_thought"], (state, now, answer, number))
        closed = db.changes() == 1
        if closed:
            self._tell(db, now, f"thought.{state}", thought=number, agent=agent)
        return closed

    def snooze(self, thought: StoredThought, until: Micros, now: Micros) -> bool:
        """Show it again later; false when it was acknowledged, or has expired."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["snooze_thought"], (until, thought.id))
            changed = db.changes() == 1
            if changed:
                told: dict[str, Value] = {"agent": thought.agent, "until": until}
                self._tell(db, now, "thought.snoozed", thought=thought.id, **told)
            return changed

        return self._db.write(unit)

    def expire(self, now: Micros) -> int:
        """Close the thoughts whose time is over; how many."""
        due = self._db.read(self._sql["overdue_thoughts"], (now, _EXPIRED_AT_ONCE))
        if not due:
            return 0

        def unit(db: Connection) -> int:
            return sum(
                self._close(db, number, agent, ThoughtState.EXPIRED, None, now)
                for number, agent in due
            )

        return self._db.write(unit)

    def thought(self, thought_id: int, tenant: str | None = None) -> StoredThought | None:
        rows = self._db.read(self._sql["thought"], (thought_id, tenant))
        return StoredThought(*rows[0]) if rows else None

    def thoughts_of_job(self, job_id: int) -> list[StoredThought]:
        """What the runs of a job have put into inboxes, in order."""
        rows = self._db.read(self._sql["thoughts_of_job"], (job_id,))
        return [StoredThought(*row) for row in rows]

    def thoughts(
        self,
        agent: str | None = None,
        state: ThoughtState | None = None,
        before: int | None = None,
        limit: int = 50,
        tenant: str | None = None,
    ) -> list[StoredThought]:
        """A page of thoughts, newest first; `before` is the last number of the page before."""
        rows = self._db.read(self._sql["thoughts"], (agent, state, before, tenant, limit))
        return [StoredThought(*row) for row in rows]

    # -- housekeeping -----------------------------------------------------------------------

    def prune(self, db: Connection, before: Micros, limit: int) -> None:
        """Forget what is over since long; goals are counted before they go."""
        db.execute(self._sql["prune_thoughts"], (before, limit))
        gone = [Goal(*row) for row in db.execute(
            self._sql["old_goals"], (before, limit)).fetchall()]  # fmt: skip
        if not gone:
            return
        tally: Counter[str] = Counter()
        for goal in gone:
            kind = "recurring" if goal.recurring else "one_time"
            tally[f"goals.{goal.status.lower()}"] += 1
            tally[f"goals.{kind}"] += 1
            tally["goals.deferrals"] += goal.deferrals
            tally["goals.fires"] += goal.runs if goal.recurring else 0
        for key, count in tally.items():
            self._bump(db, key, count)
        ids = as_json([goal.schedule_id for goal in gone])
        db.execute(self._sql["forget_goals"], (ids,))
        db.execute(self._sql["forget_goal_deferrals"], (ids,))
        db.execute(self._sql["forget_goal_fires"], (ids,))
        db.execute(self._sql["forget_goal_schedules"], (ids,))
