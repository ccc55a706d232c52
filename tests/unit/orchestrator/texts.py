"""Words of which texts are made that nobody would write."""

from __future__ import annotations

from hypothesis import strategies as st

_TEXT = (
    "build a an the parser shop with that which and , . ; : - * using based on to no tests docs "
    "without in Python Flask should it users can cart 1. ?"
)
WORDS = st.sampled_from([*_TEXT.split(), "\n", "\x00", "\ue000", "Ä"])
