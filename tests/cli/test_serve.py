"""``panic-tda serve`` as a process: its address, its token, its log, and its end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx2
import pytest

from cli.command_line import CommandLine
from cli.serving import served


def test_it_serves_until_it_is_told_to_end_and_the_token_is_printed_once(tmp_path: Path) -> None:
    with served(tmp_path) as (said, process):
        assert said["pid"] == process.pid
        assert said["url"].startswith("http://127.0.0.1:")
        assert httpx2.get(f"{said['url']}/healthz", trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0
    lines = told.splitlines()
    [token] = [line.removeprefix("token: ") for line in lines if line.startswith("token: ")]
    assert len(token) >= 32
    [request] = [json.loads(line) for line in lines if line.startswith("{")]
    assert (request["path"], request["status"], token in json.dumps(request)) == ("/healthz", 200, False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_another_address_needs_a_token(command: CommandLine, host: str) -> None:
    ran = command("serve", "--host", host, "--port", "0")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no token" in ran.err


def test_a_token_that_cannot_be_read_or_is_short_is_refused(command: CommandLine) -> None:
    (command.folder / "short").write_text("abc")
    for name, words in (("nowhere", "No such file"), ("short", "at least 16 characters")):
        ran = command("serve", "--token-file", name)
        assert ran.code == 2
        assert words in ran.err


def test_the_token_of_the_environment_is_used_and_not_printed(tmp_path: Path) -> None:
    token = "the-token-of-the-environment"
    with served(tmp_path, PANIC_TDA_TOKEN=token) as (said, process):
        cancel = f"{said['url']}/experiments/x/cancel"
        refused = httpx2.post(cancel, trust_env=False)
        passed = httpx2.post(cancel, trust_env=False, headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, passed.status_code) == (401, 404)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0
    assert token not in told
