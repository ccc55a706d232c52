"""What an optimization engine has found and done, as its document reports it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from offhours.optimize.patterns import Pattern

if TYPE_CHECKING:
    from offhours.faces.optimization import OptimizationEngine


def report(engine: OptimizationEngine) -> dict[str, Any]:
    """See `OptimizationEngine.get_optimization_report`."""
    patterns = engine.task_identifier.identify_repetitive_patterns()
    found = engine.findings
    every = [*found.routines, *patterns]
    threshold = engine.settings.automation_threshold
    automations = engine.automation_creator.list_automations()
    bottlenecks = engine.performance_analyzer.bottlenecks()
    return {
        "repetitive_patterns": len(patterns),
        "high_potential_patterns": sum(p.automation_potential >= threshold for p in every),
        "routines": [_told(routine) for routine in found.routines],
        "patterns": [_told(pattern) for pattern in patterns],
        "automations_created": len(automations),
        "automations_tested": sum(automation.tested for automation in automations),
        "automations_deployed": sum(automation.deployed for automation in automations),
        "automations_refused": dict(found.refused),
        "time_saved_ms": sum(automation.time_saved_ms for automation in automations),
        "tasks_recorded": len(engine.task_identifier.history),
        "metrics_recorded": len(engine.performance_analyzer.metrics()),
        "bottlenecks": len(bottlenecks),
        "slow_processes": engine.performance_analyzer.identify_slow_processes(
            engine.settings.slow_process_threshold_ms
        ),
        "suggestions": [str(suggestion) for suggestion in found.suggestions],
        "trials": [trial._asdict() for trial in engine.app.store.automations.trials()],
        "next_step": None if found.next_step is None else found.next_step.judgement._asdict(),
        "cycles": engine.cycles,
        "last_cycle": engine.last_cycle,
        "settings": asdict(engine.settings),
    }


def _told(pattern: Pattern) -> dict[str, Any]:
    return {
        "pattern_id": pattern.pattern_id,
        "task_type": pattern.task_type,
        "occurrences": pattern.occurrences,
        "automation_potential": pattern.automation_potential,
        "score_parts": asdict(pattern.potential),
        "average_duration_ms": pattern.average_duration_ms,
        "would_have_saved_ms": pattern.total_duration_ms,
        "inputs": [given.name for given in pattern.inputs],
    }
