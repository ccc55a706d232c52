"""English for schedules: `every weekday at 9am` to a plan, and a plan back to one sentence.

Nothing is guessed and no word is skipped: what is ambiguous or not understood is a `PhraseError`
with the word, the reason and phrases that can be used instead.

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 6, 1, 10, tzinfo=UTC)
>>> plan = parse("every weekday at 9am", now)
>>> plan.triggers[0].expression, describe(plan)
('0 9 * * 1-5', 'every weekday at 09:00')
"""

from __future__ import annotations

from offhours.core.phrases.describe import describe
from offhours.core.phrases.parse import parse

__all__ = ["describe", "parse"]
