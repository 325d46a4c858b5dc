"""The file of measurements, and the catalogue entries it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import ConfigurationError
from panic_tda.models.catalogue import find
from panic_tda.models.machine import host, place_of
from panic_tda.models.measurements import as_measured, measured_here, measurements_file, read_measurements, remember
from panic_tda.models.model import MemorySource, Tier
from support.measurements import measurement


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that was measured elsewhere, and nothing left behind."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))


def test_what_is_remembered_is_read_again_as_it_was() -> None:
    kept = [
        measurement(find("Glyph"), out_of_memory_at=8),
        measurement(find("MiniLM"), tier=Tier.SEEDED, tier_reason="a batch"),
    ]
    for each in kept:
        remember(each)
    assert list(read_measurements().values()) == kept
    assert [path.name for path in measurements_file().parent.iterdir()] == ["measurements.json"]


def test_a_newer_measurement_replaces_the_older_one_and_no_other() -> None:
    glyph, other = find("Glyph"), find("MiniLM")
    for each in (measurement(glyph), measurement(other), measurement(glyph, load_seconds=9.0)):
        remember(each)
    found = measured_here(glyph.name, glyph.version)
    assert found is not None
    assert (found.load_seconds, len(read_measurements())) == (9.0, 2)


@pytest.mark.parametrize("change", [{"version": "2"}, {"machine": "another machine"}, {"model": "MiniLM"}])
def test_a_measurement_of_another_version_machine_or_model_changes_nothing(change: dict[str, str]) -> None:
    before = find("Glyph")
    remember(replace(measurement(before), **change))  # type: ignore[arg-type]
    assert find("Glyph") == before


@given(claimed=st.sampled_from(Tier), found=st.sampled_from(Tier))
def test_a_tier_is_weakened_by_a_measurement_and_never_strengthened(claimed: Tier, found: Tier) -> None:
    spec = replace(find("Glyph"), tier=claimed)
    taken = measurement(spec, tier=found)
    order = [Tier.EXACT, Tier.SEEDED, Tier.FREE]
    assert as_measured(spec, {taken.identity: taken}).tier is max(claimed, found, key=order.index)


def test_memory_is_the_peak_at_the_batch_size_to_use() -> None:
    remember(measurement(find("Glyph"), batch_size=2, peak_bytes={1: 110, 2: 123_000_000, 4: 999_000_000}))
    spec = find("Glyph")
    assert (spec.memory_bytes, spec.memory_source, spec.batch_size) == (123_000_000, MemorySource.MEASURED, 2)


@pytest.mark.parametrize("content", ["{", "[3]", '[{"model": "Glyph"}]', '{"Glyph": {}}'])
def test_a_damaged_file_is_named_with_what_to_do(content: str) -> None:
    measurements_file().parent.mkdir(parents=True)
    measurements_file().write_text(content)
    with pytest.raises(ConfigurationError, match=r"measurements\.json cannot be read: \w+") as caught:
        find("Glyph")
    assert caught.value.hint == "remove it and measure anew"


def test_without_a_gpu_every_device_is_at_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert place_of("cuda") == place_of("cpu") == host()
