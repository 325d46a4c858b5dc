"""One server for most tests: real models of the catalogue, a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from panic_tda.settings import Settings
from support.servers import Running, running


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on this machine with models in this process."""
    database = tmp_path_factory.mktemp("server") / "record.sqlite"
    with running(Settings(db=str(database), executor="inprocess", threads=1)) as opened:
        yield opened


@pytest.fixture(scope="package")
def openai(server: Running) -> Iterator[OpenAI]:
    """OpenAI's own client, which never repeats a request."""
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client
