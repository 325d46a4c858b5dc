"""Text → image: the diffusion models of the catalogue. Sizes, steps and guidance are parameters of a node."""

from __future__ import annotations

from panic_tda.models.economies import CHOICES
from panic_tda.models.model import ModelSpec, Options, Parameter, ParameterValue
from panic_tda.models.repositories import Repository
from panic_tda.models.shelf import Added
from panic_tda.models.torch_entry import PATTERNS, Facts, facts_of, torch_entry

_SUBSET = (*PATTERNS, "*.jinja")
_ECONOMIES: Options = (("offload", "none"), ("quantisation", "none"))


def _row(
    name: str,
    pipeline: str,
    repository: Repository,
    summary: str,
    licence: str,
    *,
    size: int = 1024,
    multiple: int = 16,
    steps: int,
    guidance: float | None,
    gigabytes: float,
    twin: str,
    options: Options = (),
    dtype: str = "bfloat16",
    gated: bool = False,
    non_commercial: bool = False,
    requires: tuple[str, ...] = (),
) -> ModelSpec:
    return torch_entry(
        name,
        "diffusion",
        "text -> image",
        "diffusion.pipelines",
        Facts(repository, summary, licence, gigabytes),
        twin=twin,
        libraries=("diffusers", "transformers", *requires),
        parameters=_parameters(size, multiple, steps, guidance),
        dtype=dtype,
        batch_size=4,
        gated=gated,
        non_commercial=non_commercial,
        options=(*((("pipeline", pipeline),) if pipeline else ()), *_ECONOMIES, *options),
    )


def _parameters(size: int, multiple: int, steps: int, guidance: float | None) -> tuple[Parameter, ...]:
    sides = tuple(
        Parameter(name, size, "pixels", minimum=32, maximum=4096, multiple=multiple) for name in ("width", "height")
    )
    count = Parameter("steps", steps, "steps of denoising", minimum=1, maximum=1000)
    if guidance is None:
        return (*sides, count)
    return (*sides, count, Parameter("guidance", guidance, "weight of the text", minimum=0.0, maximum=100.0))


def _hub(name: str, variant: str = "") -> Repository:
    return Repository(name, variant=variant, subset=_SUBSET)


def added(name: str, entry: Added) -> ModelSpec:
    """A folder in the format of diffusers; options: pipeline, variant, size, steps, guidance, dtype, rows, offload."""
    given: dict[str, ParameterValue] = dict(entry.options)
    facts = facts_of(entry)
    return _row(
        name,
        str(given.get("pipeline", "")),
        Repository("", variant=str(given.get("variant", "")), folder=entry.path),
        facts.summary,
        facts.licence,
        size=int(given.get("size", 1024)),
        multiple=8,
        steps=int(given.get("steps", 20)),
        guidance=float(given.get("guidance", 5.0)),
        gigabytes=facts.gigabytes,
        twin="sdxl",
        dtype=str(given.get("dtype", "bfloat16")),
        options=tuple((key, given[key]) for key in ("rows", "prompt_tokens", *CHOICES) if key in given),
    )


MODELS: tuple[ModelSpec, ...] = (
    _row(
        "SDXLTurbo",
        "StableDiffusionXLPipeline",
        _hub("stabilityai/sdxl-turbo", "fp16"),
        "distilled SDXL, 3.5 B parameters; older databases used 256 pixels",
        "Stability AI non-commercial research community licence",
        size=512,
        multiple=8,
        steps=4,
        guidance=0.0,
        gigabytes=8,
        twin="sdxl",
        dtype="float16",
        non_commercial=True,
    ),
    _row(
        "FluxDev",
        "FluxPipeline",
        _hub("black-forest-labs/FLUX.1-dev"),
        "FLUX.1 dev, 12 B parameters",
        "FLUX.1 [dev] non-commercial licence",
        steps=20,
        guidance=3.5,
        gigabytes=36,
        twin="flux",
        gated=True,
        non_commercial=True,
        requires=("sentencepiece",),
    ),
    _row(
        "FluxSchnell",
        "FluxPipeline",
        _hub("black-forest-labs/FLUX.1-schnell"),
        "FLUX.1 schnell, distilled, 12 B parameters",
        "Apache-2.0",
        steps=6,
        guidance=3.5,
        gigabytes=36,
        twin="flux",
        options=(("prompt_tokens", 256),),
        requires=("sentencepiece",),
    ),
    _row(
        "ZImageTurbo",
        "ZImagePipeline",
        _hub("Tongyi-MAI/Z-Image-Turbo"),
        "Z-Image Turbo, 6 B parameters (12 GB) beside a text encoder of 4 B",
        "Apache-2.0",
        steps=8,
        guidance=0.0,
        gigabytes=22,
        twin="z_image",
    ),
    _row(
        "Sana",
        "SanaPipeline",
        _hub("Efficient-Large-Model/Sana_1600M_1024px_diffusers"),
        "Sana, 1.6 B parameters, beside a text encoder of 2.6 B",
        "NVIDIA licence, non-commercial; the text encoder under Gemma's terms",
        multiple=32,
        steps=20,
        guidance=4.5,
        gigabytes=9.5,
        twin="sana",
        non_commercial=True,
    ),
    _row(
        "SanaSprint",
        "SanaSprintPipeline",
        _hub("Efficient-Large-Model/Sana_Sprint_1.6B_1024px_diffusers"),
        "Sana distilled to 1 to 4 steps",
        "NVIDIA licence, non-commercial; the text encoder under Gemma's terms",
        multiple=32,
        steps=2,
        guidance=4.5,
        gigabytes=9.5,
        twin="sana_sprint",
        non_commercial=True,
    ),
    _row(
        "SD35Medium",
        "StableDiffusion3Pipeline",
        _hub("stabilityai/stable-diffusion-3.5-medium"),
        "Stable Diffusion 3.5 medium, 2.5 B parameters, without its third text encoder",
        "Stability AI community licence: commercial use up to a limit of revenue",
        steps=20,
        guidance=5.0,
        gigabytes=8.5,
        twin="sd3",
        options=(("without", "text_encoder_3 tokenizer_3"),),
        gated=True,
    ),
    _row(
        "Flux2Klein",
        "Flux2KleinPipeline",
        _hub("black-forest-labs/FLUX.2-klein-9B"),
        "FLUX.2 klein, distilled, 9 B parameters",
        "FLUX non-commercial licence",
        steps=4,
        guidance=1.0,
        gigabytes=38,
        twin="flux2_klein",
        options=(("rows", 2),),
        gated=True,
        non_commercial=True,
    ),
    _row(
        "Flux2Dev",
        "Flux2Pipeline",
        _hub("black-forest-labs/FLUX.2-dev"),
        "FLUX.2 dev, 32 B parameters; moved to the GPU piece by piece where that has less than 64 GB",
        "FLUX non-commercial licence",
        steps=15,
        guidance=3.5,
        gigabytes=120,
        twin="flux2",
        options=(("offload", "auto"), ("offload_below_gb", 64)),
        gated=True,
        non_commercial=True,
    ),
    _row(
        "QwenImage",
        "QwenImagePipeline",
        _hub("Qwen/Qwen-Image"),
        "Qwen-Image, 20 B parameters",
        "Apache-2.0",
        steps=50,
        guidance=4.0,
        gigabytes=60,
        twin="qwen_image",
        options=(("guidance", "true_cfg_scale"),),
    ),
    _row(
        "HunyuanImage",
        "HunyuanImagePipeline",
        _hub("hunyuanvideo-community/HunyuanImage-2.1-Diffusers"),
        "HunyuanImage 2.1, 17 B parameters",
        "Tencent Hunyuan community licence: not in the EU, the UK and South Korea",
        multiple=32,
        steps=25,
        guidance=3.25,
        gigabytes=56,
        twin="hunyuan_image",
        options=(("guidance", "distilled_guidance_scale"),),
    ),
    _row(
        "GLMImage",
        "GlmImagePipeline",
        _hub("zai-org/GLM-Image"),
        "GLM-Image, 9 B autoregressive and 7 B diffusion",
        "MIT",
        multiple=32,
        steps=25,
        guidance=7.5,
        gigabytes=38,
        twin="glm_image",
    ),
    _row(
        "Kolors",
        "KolorsPipeline",
        _hub("Kwai-Kolors/Kolors-diffusers", "fp16"),
        "Kolors, 2.6 B parameters, beside a text encoder of 6 B",
        "Kolors licence: commercial use after registration",
        multiple=8,
        steps=25,
        guidance=5.0,
        gigabytes=19,
        twin="kolors",
        dtype="float16",
        requires=("sentencepiece",),
    ),
    _row(
        "HunyuanDiT",
        "HunyuanDiTPipeline",
        _hub("Tencent-Hunyuan/HunyuanDiT-v1.2-Diffusers"),
        "Hunyuan-DiT 1.2, 1.5 B parameters",
        "Tencent Hunyuan community licence: not in the EU, the UK and South Korea",
        steps=25,
        guidance=5.0,
        gigabytes=9,
        twin="hunyuan_dit",
        dtype="float16",
        options=(("without", "safety_checker feature_extractor"),),
        requires=("sentencepiece",),
    ),
    _row(
        "PixArtSigma",
        "PixArtSigmaPipeline",
        _hub("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS"),
        "PixArt-Sigma, 0.6 B parameters, beside a text encoder of 4.7 B",
        "OpenRAIL++",
        steps=20,
        guidance=4.5,
        gigabytes=12,
        twin="pixart_sigma",
        dtype="float16",
        requires=("sentencepiece",),
    ),
)
