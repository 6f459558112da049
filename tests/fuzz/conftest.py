"""How much is thrown at the readers: a little in every run of the tests, much by ``make fuzz``."""

import os

import pytest
from hypothesis import HealthCheck, settings

MORE = int(os.environ.get("FUZZ", "0"))
"""How many times as much as usual; 0 is the usual, the same in every run."""

settings.register_profile(
    "fuzz", derandomize=not MORE, deadline=None, database=None, max_examples=15 * max(1, MORE), print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A folder with nothing in it."""
    made = tmp_path / "folder"
    made.mkdir()
    return made
