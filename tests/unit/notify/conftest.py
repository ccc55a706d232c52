"""One certificate authority for all: making keys takes time."""

from __future__ import annotations

import pytest
from tests.unit.notify.doubles import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))
