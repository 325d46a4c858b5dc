from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from panic_tda.errors import RequestError
from panic_tda.training.schedule import nightly

COMMAND = ["/opt/a b/python", "-m", "panic_tda", "finetune", "run", "--config", '/data/100%/"t".yaml']


def test_the_cron_line_is_a_shell_command_with_its_percent_signs_escaped() -> None:
    found = nightly(COMMAND, Path("/data/100% mine"), "2:05").cron
    minute, hour, *stars, rest = found.split(" ", 5)
    assert (minute, hour, stars) == ("5", "2", ["*", "*", "*"])
    assert "%" not in rest.replace(r"\%", "")
    folder, command = rest.replace(r"\%", "%").split(" && ")
    assert shlex.split(folder) == ["cd", "/data/100% mine"]
    assert shlex.split(command) == COMMAND


def test_the_units_start_the_command_at_that_time_and_make_up_for_a_missed_night() -> None:
    found = nightly(COMMAND, Path("/data"), "23:59")
    assert "OnCalendar=*-*-* 23:59:00\n" in found.timer
    assert "Persistent=true\n" in found.timer
    assert 'ExecStart="/opt/a b/python" "-m"' in found.service
    assert r'"/data/100%%/\"t\".yaml"' in found.service


@pytest.mark.parametrize("at", ["24:00", "2", "2:5", "12:60", "noon"])
def test_what_is_no_time_of_day_is_refused(at: str) -> None:
    with pytest.raises(RequestError, match="time of day"):
        nightly(COMMAND, Path("/data"), at)
