"""Where ClickHouse's interface is, and the two ways to knock: the tests of each client go through both."""

import os
import uuid

HOST = os.environ["LOG_CENTER_ENGINE_HOST"]
PORT = int(os.environ["LOG_CENTER_ENGINE_PORT"])
PASSWORD = os.environ["LOG_CENTER_ENGINE_PASSWORD"]
# A project whose single event the phase has sent before the tests begin.
PROJECT = os.environ["LOG_CENTER_TEST_PROJECT"]

ADDRESS = f"http://{HOST}:{PORT}"


def new_name(kind: str) -> str:
    """A name that no other test has."""
    return f"{kind}_{uuid.uuid4().hex}"
