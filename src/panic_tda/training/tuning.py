"""Training by sentence-transformers: contrast each anchor's positive with those of the other pairs in its batch.

Loss: Henderson et al., "Efficient natural language response suggestion for smart reply", arXiv:1705.00652 (2017); in
parts, for large batches: Gao et al., "Scaling deep contrastive learning batch size under memory limited setup",
RepL4NLP 2021. Adapters, for large models: Hu et al., "LoRA", ICLR 2022.
"""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from panic_tda.models.torch_place import quiet, sampling
from panic_tda.training.adapters import merge_adapter, put_adapter
from panic_tda.training.config import Training
from panic_tda.training.pairs import Pair

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of what is done, how much of it, and how much there is."""

_MINI_BATCH = 32
_STATE = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth")


def tune(
    model: Any,
    pairs: Sequence[Pair],
    parameters: Training,
    folder: Path,
    *,
    prompt: str | None = None,
    report: Report,
    stop: threading.Event,
    threads: int = 1,
) -> bool:
    """Trains a ``SentenceTransformer`` in place; False when ``stop`` was set before the end.

    Checkpoints lie in ``folder``; what is there is gone on with, and an interrupted training leaves one. The same
    seed, pairs and number of threads give the same weights.
    """
    use_adapter = parameters.uses_adapter(sum(each.numel() for each in model.parameters()))
    with _alone(parameters.seed, str(model.device), threads), _as_in_training(model, parameters), quiet():
        if use_adapter:
            put_adapter(model, parameters.lora_rank)
        trainer = _trainer(model, pairs, parameters, folder, prompt, report, stop)
        trainer.train(resume_from_checkpoint=_checkpoint(folder))
        finished = int(trainer.state.global_step) >= int(trainer.state.max_steps)
        if use_adapter and finished:
            merge_adapter(model)
    model.eval()
    return finished


def _trainer(
    model: Any,
    pairs: Sequence[Pair],
    parameters: Training,
    folder: Path,
    prompt: str | None,
    report: Report,
    stop: threading.Event,
) -> Any:
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=parameters.epochs,
        per_device_train_batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        warmup_steps=parameters.warmup,
        seed=parameters.seed,
        data_seed=parameters.seed,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        prompts=prompt,
        use_cpu=str(model.device) == "cpu",
        dataloader_pin_memory=False,
        save_strategy="steps",
        save_steps=parameters.checkpoint_steps,
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )

    class WithoutCard(SentenceTransformerTrainer):  # type: ignore[misc]
        """No card is written; choosing examples for one draws a bar."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """Adds none."""

    trainer = WithoutCard(
        model=model, args=arguments, train_dataset=_rows(pairs), loss=_loss(model, parameters.batch_size)
    )
    for spoken in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(spoken)
    trainer.add_callback(_watching(report, stop))
    return trainer


def _rows(pairs: Sequence[Pair]) -> Any:
    """Columns anchor, positive and, where every pair has at least as many, negatives."""
    from datasets import Dataset

    columns = {"anchor": [pair.anchor for pair in pairs], "positive": [pair.positive for pair in pairs]}
    for index in range(min(len(pair.negatives) for pair in pairs)):
        columns[f"negative_{index + 1}"] = [pair.negatives[index] for pair in pairs]
    return Dataset.from_dict(columns)


def _loss(model: Any, batch_size: int) -> Any:
    from sentence_transformers.sentence_transformer import losses

    if batch_size > 2 * _MINI_BATCH:
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=_MINI_BATCH)
    return losses.MultipleNegativesRankingLoss(model)


def _watching(report: Report, stop: threading.Event) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        """Tells how far the training is, and ends it with a checkpoint when it is to stop."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            report("train", state.global_step, state.max_steps)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            report("train", state.global_step, state.max_steps)
            if stop.is_set() and state.global_step < state.max_steps:
                control.should_save = control.should_training_stop = True
            elif state.global_step >= state.max_steps and state.max_steps <= args.save_steps:
                control.should_save = False  # so short a training is sooner repeated than written down
            return control

    return Watching()


def _checkpoint(folder: Path) -> str | None:
    """The last checkpoint that is whole."""
    found = [path for path in folder.glob("checkpoint-*") if all((path / name).is_file() for name in _STATE)]
    return str(max(found, key=lambda path: int(path.name.rpartition("-")[2]))) if found else None


@contextmanager
def _as_in_training(model: Any, parameters: Training) -> Iterator[None]:
    """Inside the block the model reads as many tokens, and drops out as much, as a training is to."""
    import torch

    tokens = model.max_seq_length
    shares = {module: module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    model.max_seq_length = min(tokens or parameters.max_tokens, parameters.max_tokens)
    for module in shares:
        module.p = parameters.dropout
    try:
        yield
    finally:
        model.max_seq_length = tokens
        for module, share in shares.items():
            module.p = share


@contextmanager
def _alone(seed: int, device: str, threads: int) -> Iterator[None]:
    """Inside the block everything is drawn from this seed, with this many threads; afterwards all is as before."""
    import torch

    before = torch.get_num_threads(), random.getstate(), np.random.get_state()
    torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings(), sampling(seed, device):
            yield
    finally:
        torch.set_num_threads(before[0])
        random.setstate(before[1])
        np.random.set_state(before[2])
