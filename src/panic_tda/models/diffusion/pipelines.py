"""Text → image through diffusers: one generator of noise for each item, made on the CPU from its seed alone.

Noise is drawn on the CPU whatever the device, so that a seed means the same picture everywhere, as far as arithmetic
allows. Batches have one fixed number of rows, and prompts are padded to one length, so that neighbours change nothing.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput, ModelError, ModelLoadError, PrerequisiteError
from panic_tda.models.economies import is_quantised, offload_of, require_gpu
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.processors import processor_class
from panic_tda.models.repositories import require_folder
from panic_tda.models.torch_place import (
    computing,
    four_bits,
    in_rows,
    loading,
    quiet,
    release,
    torch_device,
    torch_dtype,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Whatever optional packages are installed, captions are taken as they are and sizes as they are asked for.
_LARGE = ("transformer", "unet", "text_encoder")
_FIXED = {"use_resolution_binning": False, "clean_caption": False}


class DiffusionModel:
    """Paints each text."""

    def __init__(self, spec: ModelSpec, pipeline: Any, threads: int) -> None:
        self._spec = spec
        self._pipeline = pipeline
        self._threads = threads
        self._takes = set(inspect.signature(pipeline.__call__).parameters)

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Image | ModelError]:
        """One RGB image for each text; numbers that are not finite are an ``InvalidOutput`` for their item."""
        items = [(cast("Text", text).value, seed) for text, seed in zip(inputs, seeds, strict=True)]
        rows = int(self._spec.option("rows", 1))
        with computing(self._threads), quiet():
            return in_rows(items, rows, lambda part: self._paint(part, parameters))

    def close(self) -> None:
        """Frees the weights."""
        del self._pipeline
        release()

    def _paint(self, items: Sequence[tuple[str, int]], parameters: Parameters) -> list[Image | ModelError]:
        import torch

        prompts = [text for text, _ in items]
        noise = [torch.Generator("cpu").manual_seed(seed) for _, seed in items]
        one = len(items) == 1
        with torch.random.fork_rng():  # a pipeline may seed the process itself
            pictures = self._pipeline(
                prompt=prompts[0] if one else prompts,
                generator=noise[0] if one else noise,
                output_type="np",
                **self.arguments(parameters),
            ).images
        return [self._image(picture) for picture in pictures]

    def arguments(self, parameters: Parameters) -> dict[str, Any]:
        """What the pipeline is called with besides prompts and noise."""
        asked: dict[str, Any] = {
            "num_inference_steps": parameters["steps"],
            "width": parameters["width"],
            "height": parameters["height"],
        }
        if "guidance" in parameters:
            asked[str(self._spec.option("guidance", "guidance_scale"))] = parameters["guidance"]
        if self._spec.option("guidance") == "true_cfg_scale":
            asked["negative_prompt"] = " "
        if "intermediate_timesteps" in self._takes and parameters["steps"] != 2:
            asked["intermediate_timesteps"] = None
        asked |= {name: value for name, value in _FIXED.items() if name in self._takes}
        if tokens := self._spec.option("prompt_tokens", 0):
            asked["max_sequence_length"] = tokens
        return asked

    def _image(self, picture: NDArray[np.float32]) -> Image | ModelError:
        import numpy as np

        if not np.isfinite(picture).all():
            return InvalidOutput(f"{self._spec.name} made a picture with numbers that are not finite")
        pixels = (picture * 255).round().astype(np.uint8)
        return Image("RGB", pixels.shape[1], pixels.shape[0], pixels.tobytes())


def load(spec: ModelSpec, placement: Placement) -> DiffusionModel:
    """Loads a pipeline from its folder; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    device = torch_device(spec, placement)
    offload = _offload(spec, device)
    import diffusers
    import transformers  # noqa: F401  # so that what it says while diffusers imports it is hushed

    kind = pipeline_class(spec, folder)
    with loading(spec):
        found = getattr(diffusers, kind, None)
        if found is None:
            raise PrerequisiteError(
                f"{spec.name} needs {kind}, which diffusers {diffusers.__version__} does not have",
                hint="install another version of diffusers",
            )
        pipeline = found.from_pretrained(
            folder,
            dtype=torch_dtype(spec),
            variant=spec.repository.variant if _has_variant(folder, spec.repository.variant) else None,
            use_safetensors=True,
            local_files_only=True,
            **_left_out(spec, found, folder),
            **_four_bits(spec, folder),
        )
        if tokenizer := _tokenizer(folder):
            pipeline.register_modules(tokenizer=tokenizer)
        _place(pipeline, device, offload)
    pipeline.set_progress_bar_config(disable=True)
    return DiffusionModel(spec, pipeline, placement.threads)


def pipeline_class(spec: ModelSpec, folder: Path) -> str:
    """The class the catalogue names, else the one the folder names."""
    return str(spec.option("pipeline")) or class_of(folder, spec.name)


def class_of(folder: Path, model: str) -> str:
    """``_class_name`` in ``model_index.json``; raises ``ModelLoadError``."""
    try:
        return str(json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise ModelLoadError(
            f"{model}: {folder} has no model_index.json that names a pipeline: {fault}",
            hint="name a folder in the format of diffusers, with model_index.json in it",
        ) from None


def _has_variant(folder: Path, variant: str) -> bool:
    return bool(variant) and any(folder.rglob(f"*.{variant}*.safetensors"))


def _left_out(spec: ModelSpec, found: Any, folder: Path) -> dict[str, Any]:
    """Parts that are not loaded (``without``), and the watermark, which would depend on what is installed."""
    parts: dict[str, Any] = dict.fromkeys(str(spec.option("without")).split())
    if _asks_for_torchvision(folder):
        parts["tokenizer"] = None
    if "add_watermarker" in inspect.signature(found.__init__).parameters:
        parts["add_watermarker"] = False
    return parts


def _asks_for_torchvision(folder: Path) -> bool:
    """Whether the tokenizer is the processor of FLUX.2, which could read images too."""
    return processor_class(folder / "tokenizer") == "PixtralProcessor"


def _tokenizer(folder: Path) -> Any:
    """The part of that processor that reads texts, or None where the pipeline has its own."""
    if not _asks_for_torchvision(folder):
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)


def _offload(spec: ModelSpec, device: str) -> str:
    """How parts move to the device; raises ``PrerequisiteError`` where they cannot."""
    import torch

    of_device = torch.cuda.get_device_properties(device).total_memory if device.startswith("cuda") else 0
    offload = offload_of(spec, of_device)
    require_gpu(spec, device, offload)
    return offload


def _place(pipeline: Any, device: str, offload: str) -> None:
    """Onto the device at once, or in its large parts or single layers while these work."""
    if offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


def _four_bits(spec: ModelSpec, folder: Path) -> dict[str, Any]:
    """How diffusers makes the weights of the large parts smaller while it loads them."""
    if not is_quantised(spec):
        return {}
    from diffusers import PipelineQuantizationConfig

    large = [place.name for place in sorted(folder.iterdir()) if place.name.startswith(_LARGE)]
    config = PipelineQuantizationConfig(
        quant_backend="bitsandbytes_4bit", quant_kwargs=four_bits(spec), components_to_quantize=large
    )
    return {"quantization_config": config}
