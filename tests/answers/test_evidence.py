from __future__ import annotations

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.states.visited import visited
from support.builders import Lab
from support.hopping import hopping_lab


def test_what_several_analyses_read_is_computed_for_the_first_one_only() -> None:
    evidence, asked = Evidence(Lab().frames()), []

    def read(given: Evidence) -> int:
        asked.append(given)
        return len(asked)

    assert [evidence.once(read), evidence.once(read)] == [1, 1]
    assert asked == [evidence]
    assert Evidence(Lab().frames()).once(read) == 2


def test_states_and_what_decides_speak_of_the_very_same_states() -> None:
    evidence = Evidence(hopping_lab(runs=4).frames())
    assert evidence.once(visited) is evidence.once(visited)
