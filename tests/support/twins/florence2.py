"""Florence-2: a vision encoder of windows, and BART."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.llama import loud
from support.twins.parts import ascii_signs, numbered, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import Florence2Config, Florence2ForConditionalGeneration, Florence2Processor
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        config = Florence2Config(
            vision_config={
                "depths": [1, 1],
                "patch_size": [7, 3],
                "patch_stride": [4, 2],
                "patch_padding": [3, 1],
                "patch_prenorm": [False, True],
                "embed_dim": [16, 32],
                "num_heads": [2, 2],
                "num_groups": [2, 2],
                "window_size": 4,
                "projection_dim": 32,
                "drop_path_rate": 0.0,
            },
            text_config={
                "model_type": "bart",
                "vocab_size": 112,
                "d_model": 32,
                "encoder_layers": 1,
                "decoder_layers": 1,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
                "encoder_ffn_dim": 32,
                "decoder_ffn_dim": 32,
                "max_position_embeddings": 1200,
                "bos_token_id": 0,
                "pad_token_id": 1,
                "eos_token_id": 2,
                "decoder_start_token_id": 2,
                "forced_eos_token_id": 2,
            },
            image_token_id=5,
        )
        model = loud(Florence2ForConditionalGeneration(config))
        for name, weights in model.named_parameters():
            if "encoder_attn" in name and weights.dim() > 1:
                weights.data.mul_(16.0)  # what it sees outweighs what it said
        model.save_pretrained(folder)
        # Without this the processor does not know how many tokens stand for an image.
        picture = CLIPImageProcessorPil(
            size={"height": 32, "width": 32}, do_center_crop=False, do_resize=True, image_seq_length=17
        )
        Florence2Processor(image_processor=picture, tokenizer=_tokenizer()).save_pretrained(folder)


def _tokenizer() -> Any:
    from transformers import BartTokenizer

    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<image>", *ascii_signs()]
    return BartTokenizer(
        vocab=numbered(words),
        merges=[],
        model_max_length=1024,
        model_specific_special_tokens={"image_token": "<image>"},
    )
