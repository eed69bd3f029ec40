from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A real Prefect server and result storage of its own."""
    with prefect_test_harness(server_startup_timeout=180):
        yield
