"""Z-Image: the last but one hidden states of a Qwen3, a transformer that takes both streams at once."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import DIMS, autoencoder, qwen_tokenizer, save_pipeline, scheduler, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    with seeded():
        config = Qwen3Config(
            vocab_size=512,
            hidden_size=DIMS,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
        )
        transformer = ZImageTransformer2DModel(
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=DIMS,
            axes_dims=[8, 4, 4],
            axes_lens=[1024, 64, 64],
        )
        # Nothing fills these when a model is made: published weights do.
        for name in ("x_pad_token", "cap_pad_token"):
            getattr(transformer, name).data.normal_()
        pipeline = ZImagePipeline(
            scheduler=scheduler(),
            vae=autoencoder(16, shift_factor=0.0, scaling_factor=1.0),
            text_encoder=Qwen3Model(config),
            tokenizer=qwen_tokenizer(),
            transformer=transformer,
        )
        save_pipeline(folder, pipeline)
