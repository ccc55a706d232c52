"""Every metric there is: its name, its help, and which events move it."""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "offhours_"

MOST_SERIES = 200
"""Pairs of a task and a queue that are told apart; all later ones are counted as `OTHER`."""

OTHER = "other"
UNKNOWN = "unknown"
LOCAL = "local"

BUCKETS = (0.001, 0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0)
"""Upper bounds of the histograms, in seconds; all else is in one more bucket."""


class Metric(NamedTuple):
    """A metric without the prefix; a counter also without its `_total`."""

    name: str
    help: str


JOB_COUNTERS = {
    "submitted": Metric("jobs_submitted", "Jobs stored, by hand or by a schedule."),
    "started": Metric("jobs_started", "Attempts that a worker took."),
    "succeeded": Metric("jobs_succeeded", "Jobs that succeeded."),
    "failed": Metric("jobs_failed", "Jobs that failed for good."),
    "retried": Metric("jobs_retried", "Attempts that failed and will be repeated."),
    "deferred": Metric("jobs_deferred", "Jobs moved to another time, by themselves or by hand."),
    "cancelled": Metric("jobs_cancelled", "Jobs that were cancelled, or expired."),
    "crashed": Metric("jobs_crashed", "Attempts that ended with their process."),
}
"""By task and queue; the key is what a job event is called after its dot."""

RUN = Metric("job_run_seconds", "From the start of an attempt to its recorded outcome.")
WAIT = Metric("job_wait_seconds", "From when a job could have started to its start.")

TOTALS = {
    "worker.lost": Metric("workers_lost", "Workers that died without a farewell."),
    "schedule.skipped": Metric("fires_skipped", "Instants of schedules that made no job."),
    "missed": Metric("events_missed", "Events that were pruned before they were counted."),
}
"""Without labels; the key is an event's kind, or what the reader itself counts."""

JOBS = Metric("jobs", "Jobs by where they stand.")
OLDEST = Metric("oldest_ready_job_age_seconds", "How long the longest waiting ready job waits.")
WORKERS = Metric("workers", "Worker processes that are alive.")
SLOTS = Metric("worker_slots", "Jobs that the living workers can run at once.")
FOREGROUND = Metric("foreground_active", "Foreground leases that hold background work.")
PAUSED = Metric("limits_paused", "Queues, tasks or all work that somebody has paused.")
LAG = Metric("events_lag", "Events that are stored and not counted yet.")
