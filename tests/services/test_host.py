"""Where the services' models run: one request at a time for each model, errors of their own, nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from panic_tda.content import Content, Image, Text
from panic_tda.errors import ExecutionTimeout, InvalidOutput, ModelCallFailed, RequestError
from panic_tda.models.catalogue import find
from panic_tda.models.language import Emit, Ending, Prompt, Sampling, Usage
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.services.host import Host
from panic_tda.settings import Settings
from support.models import fake_spec, load

SPEC = fake_spec("Writer")


@dataclass
class Writing:
    """Writes the words of its prompt; ``before`` is called with each of them."""

    before: Callable[[str], None] = lambda _: None
    busy: int = 0
    together: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
        self.busy += 1
        self.together = max(self.together, self.busy)
        try:
            for word in str(prompt).split():
                self.before(word)
                if not emit(word):
                    return Ending("cancelled", Usage())
            return Ending("stop", Usage(1, 1))
        finally:
            self.busy -= 1

    def embed(self, inputs: Sequence[Content]) -> list[object]:
        raise AssertionError("nobody asks for vectors")

    def close(self) -> None:
        self.closed.set()


def hosting(model: object, **settings: int) -> Host:
    def give(_: ModelSpec, __: Placement) -> Model:
        return model  # type: ignore[return-value]

    return Host(Settings(**settings), load=give)  # type: ignore[arg-type]


def test_pieces_wait_for_a_slow_reader_and_the_model_does_not() -> None:
    model = Writing()
    with hosting(model) as host:
        answer = host.write(SPEC, "a b c", 1, Sampling())
        with host.turn(SPEC):  # free, though nobody has read a piece
            pass
        assert list(answer) == ["a", "b", "c"]
        assert answer.ending == Ending("stop", Usage(1, 1))
        assert list(answer) == []
    assert model.closed.is_set()


def test_a_closed_answer_stops_at_the_next_piece() -> None:
    heard: list[str] = []
    at_b, go_on = threading.Event(), threading.Event()

    def wait_at_b(word: str) -> None:
        heard.append(word)
        if word == "b":
            at_b.set()
            assert go_on.wait(30)

    with hosting(Writing(wait_at_b)) as host:
        answer = host.write(SPEC, "a b c d", 1, Sampling())
        assert next(answer) == "a"
        assert at_b.wait(30)
        answer._closed.set()
        go_on.set()
        answer.close()
        assert heard == ["a", "b"]
        assert answer.ending == Ending("cancelled", Usage())
        assert list(answer) == []


def test_who_waits_for_a_model_and_leaves_is_not_written_for() -> None:
    heard: list[str] = []
    at_a, go_on = threading.Event(), threading.Event()

    def wait_at_a(word: str) -> None:
        heard.append(word)
        at_a.set()
        assert go_on.wait(30)

    with hosting(Writing(wait_at_a)) as host:
        first = host.write(SPEC, "a", 1, Sampling())
        assert at_a.wait(30)
        host.write(SPEC, "b", 2, Sampling()).close()  # would wait for the first one, which waits for this
        go_on.set()
        assert list(first) == ["a"]
    assert heard == ["a"]


def test_requests_of_several_threads_take_turns_on_one_model() -> None:
    model = Writing()
    with hosting(model) as host:
        answers = [host.write(SPEC, f"{number} x y z", number, Sampling()) for number in range(8)]
        assert [next(answer) for answer in answers] == [str(number) for number in range(8)]
        assert [len(list(answer)) for answer in answers] == [3] * 8
        assert host.loads == 1
    assert model.together == 1


def test_two_models_serve_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=30)

    def meet(_: str) -> None:
        meeting.wait()

    with hosting(Writing(meet)) as host:
        answers = [host.write(fake_spec(name), "x", 1, Sampling()) for name in ("One", "Other")]
        assert [list(answer) for answer in answers] == [["x"], ["x"]]


def test_what_a_model_raises_is_raised_to_who_reads_and_nobody_else() -> None:
    def refuse(word: str) -> None:
        if word == "bad":
            raise ValueError("no such word")

    with hosting(Writing(refuse)) as host:
        answer = host.write(SPEC, "good bad", 1, Sampling())
        assert next(answer) == "good"
        with pytest.raises(ModelCallFailed, match="Writer raised ValueError: no such word"):
            next(answer)
        assert list(answer) == []
        assert list(host.write(SPEC, "good", 1, Sampling())) == ["good"]


def test_an_answer_that_takes_longer_than_a_call_may_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("panic_tda.services.host.time.perf_counter", lambda: float(next(clock)))
    with hosting(Writing(), call_timeout=5) as host:
        answer = host.write(SPEC, "a b c", 1, Sampling())
        assert next(answer) == "a"
        with pytest.raises(ExecutionTimeout, match="within 5 s"):
            list(answer)


def test_a_model_for_experiments_only_says_so() -> None:
    with Host(load=load) as host, pytest.raises(RequestError, match="for experiments"):
        list(host.write(SPEC, "a", 1, Sampling()))


def test_vectors_are_checked_and_faults_stay_in_their_place() -> None:
    spec = fake_spec("Measure", "text -> vector")
    texts = [Text(text) for text in ("a", "nan", "error", "b", "a")]
    with Host(load=load) as host:
        measured, timings = host.measure(spec, texts, Purpose.DOCUMENT)
    first, nan, error, _, again = measured
    assert isinstance(first, Measured)
    assert isinstance(again, Measured)
    assert (first.vector == again.vector).all()
    assert first.truncated is None
    assert isinstance(nan, InvalidOutput)
    assert isinstance(error, ModelCallFailed)
    assert timings.run_s >= 0


def test_images_are_measured_by_models_that_take_them() -> None:
    image = Image("RGB", 2, 1, bytes(6))
    with Host() as host:
        [measured], _ = host.measure(find("PixelStats"), [image], Purpose.DOCUMENT)
    assert isinstance(measured, Measured)
    assert np.linalg.norm(measured.vector) == pytest.approx(1.0, abs=1e-5)


def test_a_plain_call_goes_to_the_executor_of_the_settings() -> None:
    with Host() as host:
        result = host.run(find("DummyT2I"), [Text("x")], [1], {})
        assert (result.worker, host.loads) == ("inprocess", 0)
