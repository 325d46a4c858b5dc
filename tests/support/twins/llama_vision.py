"""Llama 3.2 Vision: a language model with layers that look at the tiles of an image."""

from __future__ import annotations

from pathlib import Path

from support.twins.llama import byte_tokenizer, loud
from support.twins.parts import CHAT, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import MllamaConfig, MllamaForConditionalGeneration
        from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
        from transformers.models.mllama.processing_mllama import MllamaProcessor

        config = MllamaConfig(
            vision_config={
                "hidden_size": 16,
                "num_hidden_layers": 2,
                "num_global_layers": 1,
                "attention_heads": 2,
                "intermediate_size": 16,
                "vision_output_dim": 32,
                "image_size": 28,
                "patch_size": 14,
                "max_num_tiles": 2,
                "intermediate_layers_indices": [0],
                "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
            },
            text_config={
                "vocab_size": 112,
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "intermediate_size": 32,
                "cross_attention_layers": [1],
                "max_position_embeddings": 1024,
                "rope_theta": 10000.0,
                "rope_scaling": {"rope_type": "default"},
                "bos_token_id": 1,
                "eos_token_id": 2,
                "pad_token_id": 3,
            },
            image_token_index=4,
        )
        model = loud(MllamaForConditionalGeneration(config))
        for name, weights in model.named_parameters():
            if name.endswith("gate") or "gate_" in name or "_gate" in name:
                weights.data.fill_(1.0)  # a model starts with the eyes shut
        model.save_pretrained(folder)
        template = "{{ bos_token }}" + CHAT.replace("IMAGE", "'<|image|>'")
        tokenizer = byte_tokenizer("<|image|>", "<|python_tag|>", "<|im_start|>", "<|im_end|>")
        tokenizer.chat_template = template
        MllamaProcessor(
            image_processor=MllamaImageProcessorPil(size={"height": 28, "width": 28}, max_image_tiles=2),
            tokenizer=tokenizer,
            chat_template=template,
        ).save_pretrained(folder)
