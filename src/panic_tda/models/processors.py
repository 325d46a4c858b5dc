"""What prepares inputs for a model of transformers, from the model's folder.

Two processors ask for torchvision, which they need for films or not at all, and which cannot be installed beside the
other libraries. Qwen's is taken without its part for films; Pixtral's is replaced by one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panic_tda.models.files import read_object


def load_processor(folder: Path) -> Any:
    """The processor a folder names."""
    from transformers import AutoProcessor

    kind = processor_class(folder)
    if kind == "PixtralProcessor":
        return PixtralInputs(folder)
    return (
        _without_films(folder)
        if kind == "Qwen2_5_VLProcessor"
        else AutoProcessor.from_pretrained(folder, local_files_only=True)
    )


def processor_class(folder: Path) -> str:
    """``processor_class`` in the settings of the folder, or nothing."""
    names = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
    found = (str(read_object(folder / name).get("processor_class", "")) for name in names)
    return next((name for name in found if name), "")


class PixtralInputs:
    """Conversations with images for Pixtral: each image becomes rows of image tokens, one token for each patch."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer
        from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

        facts = read_object(folder / "processor_config.json")
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._images = PixtralImageProcessorPil.from_pretrained(folder, local_files_only=True)
        self._template = _chat_template(folder)
        self._patch = int(facts.get("patch_size", 16)) * int(facts.get("spatial_merge_size", 1))

    def apply_chat_template(self, conversations: Sequence[Any], *, add_generation_prompt: bool, **_: Any) -> Any:
        """Tokens, pixels and sizes of one conversation; the keywords that follow are always as they are elsewhere."""
        from transformers import BatchFeature

        [conversation] = conversations
        text = self.tokenizer.apply_chat_template(
            conversation, chat_template=self._template, add_generation_prompt=add_generation_prompt, tokenize=False
        )
        pictures = [part["image"] for message in conversation for part in message["content"] if part["type"] == "image"]
        pixels = self._images(pictures, patch_size=self._patch, return_tensors="pt")
        for height, width in pixels["image_sizes"]:
            text = text.replace("[IMG]", self._rows(int(height), int(width)), 1)
        begins = bool(self.tokenizer.bos_token) and text.startswith(self.tokenizer.bos_token)
        tokens = self.tokenizer(text.replace("<image>", "[IMG]"), add_special_tokens=not begins, return_tensors="pt")
        return BatchFeature({"input_ids": tokens.input_ids, "attention_mask": tokens.attention_mask, **pixels})

    def batch_decode(self, ids: Any, **how: Any) -> list[str]:
        """Texts of tokens."""
        return list(self.tokenizer.batch_decode(ids, **how))

    def _rows(self, height: int, width: int) -> str:
        # Another sign for the time being, so that the next image finds its own place.
        row = "<image>" * (width // self._patch)
        return "[IMG_BREAK]".join([row] * (height // self._patch)) + "[IMG_END]"


def _without_films(folder: Path) -> Any:
    from transformers import AutoTokenizer
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    class ImagesOnly(Qwen2_5_VLProcessor):  # type: ignore[misc]
        """Qwen's processor without its part for films."""

        def check_argument_for_proper_class(self, name: str, argument: Any) -> Any:
            """Lets the missing part be missing."""
            return type(None) if argument is None else super().check_argument_for_proper_class(name, argument)

    return ImagesOnly(
        image_processor=Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True),
        tokenizer=AutoTokenizer.from_pretrained(folder, local_files_only=True),
        chat_template=_chat_template(folder),
    )


def _chat_template(folder: Path) -> str | None:
    for name in ("chat_template.jinja", "chat_template.json"):
        file = folder / name
        if file.is_file() and file.suffix == ".jinja":
            return file.read_text(encoding="utf-8")
        if file.is_file():
            return read_object(file).get("chat_template")
    template = read_object(folder / "tokenizer_config.json").get("chat_template")
    return template if isinstance(template, str) else None
