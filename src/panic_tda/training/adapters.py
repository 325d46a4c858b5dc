"""Low-rank adapters, by peft: a large model learns through small matrices, which are then added to its weights."""

from __future__ import annotations

from typing import Any

from panic_tda.errors import PrerequisiteError


def put_adapter(model: Any, rank: int) -> None:
    """Freezes a ``SentenceTransformer`` and puts an adapter beside every linear layer; raises ``PrerequisiteError``."""
    try:
        from peft import LoraConfig, TaskType
    except ImportError as fault:
        raise PrerequisiteError("peft is not installed", hint="pip install 'panic-tda[train]'") from fault

    task = TaskType.FEATURE_EXTRACTION
    model.add_adapter(LoraConfig(task_type=task, r=rank, lora_alpha=2 * rank, target_modules="all-linear"))


def merge_adapter(model: Any) -> None:
    """Adds what the adapter learned to the weights and takes it away: the model is then one without peft again."""
    from peft.tuners.lora import LoraLayer

    words = model[0].auto_model
    layers = [(name, layer) for name, layer in words.named_modules() if isinstance(layer, LoraLayer)]
    for name, layer in layers:
        layer.merge()
        parent, _, own = name.rpartition(".")
        setattr(words.get_submodule(parent), own, layer.get_base_layer())
    words._hf_peft_config_loaded = False
    del words.peft_config
    for parameter in words.parameters():
        parameter.requires_grad_(True)
