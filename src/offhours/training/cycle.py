"""One learning cycle: collect, quality, train, validate, judge, promote; each step once."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from offhours.core import points
from offhours.core.clock import Clock
from offhours.core.errors import ConfigError, InputError
from offhours.core.outcomes import clean_text
from offhours.core.ports import Store
from offhours.core.training import (
    CHAMPION,
    CycleEnd,
    CycleState,
    Hold,
    Model,
    NewVersion,
    Version,
)
from offhours.training.artefacts import Artefacts
from offhours.training.endings import Enough, Finished, Rules, code_of, skipped
from offhours.training.golden import GoldenSet
from offhours.training.judge import Judgement, judge
from offhours.training.learner import Caller, Learner, Predict, metrics_of

STEPS = ("collect", "quality", "train", "validate", "judge", "promote")
_REJUDGED = 5

_log = logging.getLogger("offhours.training")


class CycleRun:
    """Does the steps of a cycle that are not done yet, and ends it.

    progress: told the share that is done, and the step
    checkpoint: called between steps; raises when the job should stop
    """

    def __init__(
        self,
        store: Store,
        artefacts: Artefacts,
        clock: Clock,
        learner: Learner,
        golden: GoldenSet,
        model: Model,
        hold: Hold,
        rules: Rules,
        *,
        correlation: str = "",
        progress: Callable[[float, str], None] = lambda share, step: None,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self._models = store.models
        self._cycles = store.cycles
        self._artefacts = artefacts
        self._clock = clock
        self._learner = learner
        self._golden = golden
        self._model = model
        self._hold = hold
        self._rules = rules
        self._controls = rules.controls
        self._correlation = correlation
        self._progress = progress
        self._checkpoint = checkpoint
        self._done: dict[str, dict[str, Any]] = {}
        self._report: dict[str, Any] = {"seconds": {}}
        self._data: Any = None
        self._champion: int | None = None
        self._call = Caller()

    @property
    def seed(self) -> int:
        """The same for each attempt of this cycle."""
        text = f"{self._model.tenant}\x1f{self._model.name}\x1f{self._hold.cycle_id}"
        return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")

    def run(self, last: bool = True) -> Finished:
        """Work until the cycle has ended. What the learner raises ends it as failed and is raised,
        if this is the job's last attempt."""
        found = self._cycles.steps(self._hold)
        self._done = {step: json.loads(data) for step, data in found.items()}
        try:
            with self._call:
                return self._work()
        except Enough as enough:
            return self._end(enough.state, enough.code, enough.reason)
        except Exception as error:
            if last:
                reason = clean_text(f"{type(error).__name__}: {error}")
                self._end(CycleState.FAILED, code_of(error), reason)
            raise

    def _work(self) -> Finished:
        self._check_golden()
        if "validate" not in self._done:
            self._collect()
        body = self._step("train", self._train)
        trained = self._artefacts.get(body["digest"])
        predict = self._load(trained)
        told = self._step("validate", lambda: self._validate(predict))
        self._data = None
        for _ in range(_REJUDGED):
            self._enter("judge")
            version = self._register(body, told, trained)
            judgement = self._judge(predict, version)
            self._enter("promote")
            promote = version.id if judgement.state is CycleState.PROMOTED else None
            if self._finish(judgement.state, judgement.code, judgement.reason, promote):
                return self._told(judgement.state, judgement.code, judgement.reason, version)
        raise Enough(
            CycleState.KEPT, "champion_moves", "the champion changed each time it was judged by"
        )

    # -- steps --------------------------------------------------------------------------------

    def _enter(self, step: str) -> None:
        self._checkpoint()
        self._cycles.enter(self._hold, step)
        self._progress(STEPS.index(step) / len(STEPS), step)
        _log.info(
            "%s", step,
            extra={
                "correlation_id": self._correlation, "tenant": self._model.tenant,
                "model": self._model.name, "cycle": self._hold.cycle_id, "step": step,
            },
        )  # fmt: skip
        points.reach("in training step")

    def _step(self, step: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do a step, unless an earlier attempt has; what it left behind."""
        if step not in self._done:
            self._enter(step)
            started = self._clock.monotonic()
            self._done[step] = work()
            self._report["seconds"][step] = round(self._clock.monotonic() - started, 3)
            text = json.dumps(self._done[step])
            self._cycles.save(self._hold, step, text, self._clock.micros())
            points.reach("after training step")
        self._report |= {k: v for k, v in self._done[step].items() if k not in ("digest", "size")}
        return self._done[step]

    def _collect(self) -> None:
        """Collect the data, also again when an earlier attempt died with it, and look at it."""
        self._enter("collect")
        controls, forced = self._controls, self._rules.forced
        self._data = self._call(
            self._learner.collect, self._model.tenant, controls.max_data_threshold
        )
        rows = len(self._data)
        self._report["rows"] = rows
        least, most = controls.min_data_threshold, controls.max_data_threshold
        if rows < least:
            raise skipped("too_little_data", f"{rows:,} pieces of data (at least {least:,})")
        if rows > most:
            raise skipped("too_much_data", f"{rows:,} pieces of data (at most {most:,})")
        before = self._rows_before()
        if before and not forced and rows < before * (1 - controls.max_data_drop):
            raise skipped(
                "data_shrunk",
                f"{rows:,} pieces of data, the champion was trained on {before:,} (a drop of "
                f"{controls.max_data_drop:.0%} at most)",
            )
        self._check_quality(forced)

    def _check_quality(self, forced: bool) -> None:
        self._enter("quality")
        quality = float(self._call(self._learner.quality, self._data))
        self._report["quality"] = round(quality, 6) if math.isfinite(quality) else None
        least = self._controls.quality_threshold
        if not math.isfinite(quality):
            raise skipped("low_quality", "the quality of the data is not a number")
        if quality < least and not forced:
            raise skipped(
                "low_quality", f"the data's quality is {quality:.3f} (at least {least:g})"
            )

    def _rows_before(self) -> int:
        champion = self._models.aliases(self._model).get(CHAMPION)
        if champion is None:
            return 0
        version = self._models.version_by_id(self._model, champion.version_id)
        return 0 if version is None else int(json.loads(version.metadata).get("rows") or 0)

    def _train(self) -> dict[str, Any]:
        previous = self._champion_predict()
        model = self._call(self._learner.train, self._data, previous, self.seed)
        body = self._call(self._learner.export, model)
        if not isinstance(body, bytes | bytearray | memoryview) or len(body) == 0:
            raise InputError(f"export: expected some bytes, got {type(body).__name__}")
        body = bytes(body)
        told = {name: self._report.get(name) for name in ("rows", "quality")}
        return {"digest": self._artefacts.put(body), "size": len(body), **told}

    def _load(self, body: bytes) -> Predict:
        predict = self._call(self._learner.load, body)
        if not callable(predict):
            raise InputError(f"load: expected a function, got {type(predict).__name__}")
        return lambda inputs: self._call(predict, inputs)

    def _champion_predict(self) -> Predict | None:
        """What serves now; None also when it cannot be read any more."""
        champion = self._models.aliases(self._model).get(CHAMPION)
        self._champion = None if champion is None else champion.version_id
        if champion is None:
            return None
        version = self._models.version_by_id(self._model, champion.version_id)
        assert version is not None
        try:
            return self._load(self._artefacts.get(version.digest))
        except Exception as error:
            self._report["champion_lost"] = clean_text(f"{type(error).__name__}: {error}")
            return None

    def _validate(self, predict: Predict) -> dict[str, Any]:
        told = metrics_of(self._call(self._learner.validate, predict, self._data))
        return {"claimed": {name: v for name, v in told.items() if math.isfinite(v)}}

    def _register(self, body: dict[str, Any], told: dict[str, Any], trained: bytes) -> Version:
        self._artefacts.put(trained)  # should another one have given up the same bytes
        metadata = {
            "rows": body.get("rows"), "quality": body.get("quality"), "seed": self.seed,
            "golden": self._golden.digest, "correlation": self._correlation,
        }  # fmt: skip
        new = NewVersion(
            body["digest"], body["size"], json.dumps(told["claimed"]), json.dumps(metadata)
        )
        return self._cycles.add_version(self._hold, new, self._clock.micros())

    # -- judging ------------------------------------------------------------------------------

    def _check_golden(self) -> None:
        found = self._models.freeze(
            self._model, self._golden.digest, f"cycle {self._hold.cycle_id}", self._clock.micros()
        )
        if found != self._golden.digest:
            raise ConfigError([
                f"golden: {self._model.name} of {self._model.tenant} is judged on another set "
                f"({found[:12]}, this is {self._golden.digest[:12]}); bring it back, or freeze "
                "the new one"
            ])  # fmt: skip

    def _judge(self, predict: Predict, version: Version) -> Judgement:
        champion = self._champion_predict()
        scores = self._golden.scores(predict)
        before: list[float] | None = None
        if champion is not None:
            try:
                before = self._golden.scores(champion)
            except Exception as error:
                self._report["champion_lost"] = clean_text(f"{type(error).__name__}: {error}")
        if not self._golden.is_unchanged():
            raise Enough(
                CycleState.REFUSED, "golden_changed", "the model changed the golden set it saw"
            )
        seed = self.seed ^ int(version.digest[:8], 16)
        judgement = judge(scores, before, self._controls, seed)
        self._report |= judgement.figures
        return judgement

    # -- the end ------------------------------------------------------------------------------

    def _finish(
        self, state: CycleState, code: str, reason: str, promote: int | None = None
    ) -> bool:
        report = json.dumps(self._report)
        end = CycleEnd(state, code, clean_text(reason), report, promote, self._champion)
        return self._cycles.finish(self._hold, end, self._clock.micros())

    def _end(self, state: CycleState, code: str, reason: str) -> Finished:
        self._finish(state, code, reason)
        cycle = self._cycles.cycle(self._hold.cycle_id)
        made = None if cycle is None else cycle.version_id
        version = None if made is None else self._models.version_by_id(self._model, made)
        return self._told(state, code, reason, version)

    def _told(self, state: CycleState, code: str, reason: str, version: Version | None) -> Finished:
        """What became of it; what has no part to play any more is given up."""
        number = None if version is None else version.number
        keep, former = self._rules.keep, self._controls.backup_models
        now = self._clock.micros()
        self._artefacts.drop(self._models.drop(self._model, keep, former, now))
        return Finished(str(state), code, reason, self._hold.cycle_id, number, self._report)
