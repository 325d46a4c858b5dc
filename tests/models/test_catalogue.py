from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from panic_tda.errors import UnknownModel
from panic_tda.models import catalogue as module
from panic_tda.models.catalogue import catalogue, find, nearest_names, published

ROOT = Path(__file__).parents[2]
PLUGIN = """
from dataclasses import replace
from panic_tda.models.dummy import MODELS as ours
MODELS = (replace(ours[0], name="Stranger"),)
TAKEN = ours[:1]
NONSENSE = 3
"""


@pytest.fixture(autouse=True)
def fresh_catalogue() -> Iterator[None]:
    published.cache_clear()
    module._deployed.cache_clear()
    yield
    published.cache_clear()
    module._deployed.cache_clear()


def plug_in(folder: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with an entry point, as a plug-in has it."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[panic_tda.models]\nstranger = {target}\n")
    (folder / "stranger_models.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "stranger_models", raising=False)


def test_the_embedded_models_are_there() -> None:
    assert {"Glyph", "RapidOCR", "SmolLM2", "MiniLM", "PixelStats", "DummyT2I", "DummyVision2"} <= catalogue().keys()


def test_every_model_names_a_test_file_that_exists() -> None:
    assert all((ROOT / spec.twin).is_file() for spec in catalogue().values())


def test_every_model_with_a_repository_has_a_twin_that_can_be_built() -> None:
    rows = [spec for spec in catalogue().values() if spec.repository is not None]
    assert len(rows) > 40
    for spec in rows:
        twin = ROOT / spec.twin
        assert twin.parent == ROOT / "tests" / "support" / "twins"
        assert "def build(folder: Path" in twin.read_text(encoding="utf-8")


def test_every_model_with_a_repository_says_where_it_comes_from_and_on_what_terms() -> None:
    for spec in published().values():
        if spec.repository is not None:
            assert spec.source == f"https://huggingface.co/{spec.repository.id}"
            assert spec.licence
            assert spec.extra == "torch"
            assert spec.requires[:2] in (("torch", "diffusers"), ("torch", "transformers"))
            assert "*.safetensors" in spec.repository.subset
            assert not any("bin" in pattern for pattern in spec.repository.subset)


def test_only_models_that_may_bring_code_fetch_code() -> None:
    for spec in catalogue().values():
        if spec.repository is not None and spec.family in ("diffusion", "torch_lm"):
            assert not spec.repository.remote_code
            assert "*.py" not in spec.repository.subset


def test_every_default_is_a_value_its_parameter_accepts() -> None:
    for spec in catalogue().values():
        for parameter in spec.parameters:
            assert parameter.fault(parameter.default) is None


def test_only_embedders_have_dims() -> None:
    assert all(spec.signature.is_generator == (spec.dims is None) for spec in catalogue().values())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match="unknown model 'gliph'") as unknown:
        find("gliph")
    assert "Glyph" in unknown.value.hint
    assert find("Glyph").name == "Glyph"


def test_a_name_like_no_other_is_answered_with_the_command_that_lists_them() -> None:
    assert nearest_names("qqqqqqq", catalogue()) == "panic-tda model list shows every model"


def test_case_does_not_hide_the_nearest_name() -> None:
    assert nearest_names("MINILM", ["MiniLM", "Glyph"]) == "did you mean MiniLM?"


def test_a_plug_in_adds_its_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, "stranger_models:MODELS", monkeypatch)
    assert find("Stranger").family == "dummy"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module_here:MODELS", "No module named"),
        ("stranger_models:NONSENSE", "does not name a tuple of ModelSpec"),
        ("stranger_models:TAKEN", "the name DummyT2I is taken"),
    ],
)
def test_a_broken_plug_in_is_a_warning_that_names_it(
    target: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, target, monkeypatch)
    with pytest.warns(UserWarning, match=f"plug-in stranger .*{reason}"):
        names = catalogue().keys()
    assert "Glyph" in names
    assert "Stranger" not in names


def test_listing_the_models_imports_no_heavy_library() -> None:
    heavy = [
        "numpy",
        "PIL",
        "onnxruntime",
        "rapidocr",
        "cv2",
        "xllamacpp",
        "tokenizers",
        "torch",
        "transformers",
        "httpx2",
    ]
    code = f"""
import sys
from panic_tda.models.catalogue import catalogue
catalogue()
print([name for name in {heavy} if name in sys.modules])
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
