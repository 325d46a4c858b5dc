from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from panic_tda.answers.finding import Finding
from panic_tda.answers.telling import most_telling

FINDINGS = st.lists(
    st.builds(
        Finding,
        kind=st.sampled_from("abc"),
        sentence=st.text(max_size=3),
        value=st.just(0.5),
        low=st.sampled_from([None, 0.1]),
        n=st.sampled_from([None, 3, 9]),
        cautions=st.sampled_from([(), ("few",), ("few", "odd")]),
    ),
    max_size=12,
)


def finding(kind: str, sentence: str, *cautions: str, n: int = 5, low: float | None = 0.1) -> Finding:
    return Finding(kind, sentence, 0.5, low=low, n=n, cautions=cautions)


def test_the_surest_of_each_kind_comes_first() -> None:
    found = [
        finding("a", "doubtful", "few"),
        finding("a", "no interval", low=None),
        finding("a", "few runs"),
        finding("a", "many runs", n=50),
        finding("b", "another kind", "few", "odd"),
    ]
    assert [each.sentence for each in most_telling(found, 3)] == ["many runs", "another kind", "few runs"]
    assert [each.sentence for each in most_telling(found, 9)][-2:] == ["no interval", "doubtful"]


@given(FINDINGS, st.integers(0, 14))
def test_nothing_is_invented_and_each_kind_has_its_turn(found: list[Finding], most: int) -> None:
    told = most_telling(found, most)
    assert len(told) == min(most, len(found))
    assert all(each in found for each in told)
    kinds = {each.kind for each in found}
    assert len({each.kind for each in told}) == min(most, len(kinds))
    assert most_telling(found, most + 1)[: len(told)] == told
