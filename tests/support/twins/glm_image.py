"""GLM-Image: a language model that draws coarse tokens, a byte T5 for what is to be written, a transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import CHAT, DIMS, ascii_signs, autoencoder, numbered, save_pipeline, scheduler, seeded
from support.twins.parts import t5_encoder as byte_encoder

_CODES = 16
_SIGNS = ("<unk>", "<sop>", "<eop>", "<pad>", "<image>", "<grid>", "</grid>", "<|im_start|>", "<|im_end|>")


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from diffusers import GlmImagePipeline, GlmImageTransformer2DModel
        from transformers import ByT5Tokenizer, GlmImageProcessor
        from transformers.models.glm_image.image_processing_pil_glm_image import GlmImageImageProcessorPil

        transformer = GlmImageTransformer2DModel(
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=DIMS,
            time_embed_dim=16,
            condition_dim=8,
            prior_vq_quantizer_codebook_size=_CODES,
        )
        template = CHAT.replace("IMAGE", "'<image>'")
        processor = GlmImageProcessor(
            image_processor=GlmImageImageProcessorPil(),
            tokenizer=_tokenizer(template),
            chat_template=template,
        )
        pipeline = GlmImagePipeline(
            tokenizer=ByT5Tokenizer(),
            processor=processor,
            text_encoder=byte_encoder(384),
            vision_language_encoder=_painter(),
            vae=autoencoder(
                4,
                block_out_channels=(8, 8, 8, 8),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                latents_mean=[0.0] * 4,
                latents_std=[1.0] * 4,
            ),
            transformer=transformer,
            scheduler=scheduler(),
        )
        save_pipeline(folder, pipeline)


def _tokenizer(template: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*(f"<code {number}>" for number in range(_CODES)), *_SIGNS, *ascii_signs()]
    plain = Tokenizer(models.BPE(vocab=numbered(words), merges=[], unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        unk_token="<unk>",
        bos_token="<sop>",
        eos_token="<eop>",
        pad_token="<pad>",
        chat_template=template,
        model_specific_special_tokens={
            "image_token": "<image>",
            "grid_bos_token": "<grid>",
            "grid_eos_token": "</grid>",
        },
    )


def _painter() -> Any:
    from transformers import GlmImageConfig, GlmImageForConditionalGeneration

    text = {
        "vocab_size": 128,
        "vision_vocab_size": _CODES,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "pad_token_id": _CODES + 3,
        "eos_token_id": 127,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "num_heads": 2,
        "image_size": 32,
        "patch_size": 16,
        "intermediate_size": 16,
    }
    config = GlmImageConfig(
        text_config=text,
        vision_config=vision,
        vq_config={"embed_dim": 8, "num_embeddings": _CODES, "latent_channels": 16},
        image_token_id=_CODES + 4,
        image_start_token_id=_CODES + 1,
        image_end_token_id=_CODES + 2,
    )
    return GlmImageForConditionalGeneration(config)
