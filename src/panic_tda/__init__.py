"""panic-tda: a laboratory for feedback loops of generative models.

    import panic_tda

    with panic_tda.open_record("panic-tda.sqlite") as record:
        experiment = panic_tda.load_config("experiment.yaml")
        outcome = panic_tda.perform(record, experiment, progress=print)
        frame = panic_tda.invocations(record, [outcome.id])

Every name below is imported when it is first used, so ``import panic_tda`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from panic_tda.answers.answer import Answer
    from panic_tda.answers.answering import analyse
    from panic_tda.content import Image, Text
    from panic_tda.errors import ConfigurationError, PanicError
    from panic_tda.lab.experiment import Experiment
    from panic_tda.lab.laboratory import extend, load_config, perform, resume
    from panic_tda.lab.perform import Outcome
    from panic_tda.lab.programs import Programs
    from panic_tda.lab.progress import Progress
    from panic_tda.models.catalogue import catalogue
    from panic_tda.services.embedding import embed, similarity
    from panic_tda.services.host import Host
    from panic_tda.services.language import generate, stream
    from panic_tda.settings import Settings, load_settings
    from panic_tda.store.database import Record, open_record
    from panic_tda.store.frames import bars_frame as bars
    from panic_tda.store.frames import diagrams_frame as persistence_diagrams
    from panic_tda.store.frames import embeddings_frame as embeddings
    from panic_tda.store.frames import invocations_frame as invocations
    from panic_tda.store.frames import runs_frame as runs

_HOMES = {
    "Answer": "answers.answer:Answer",
    "ConfigurationError": "errors:ConfigurationError",
    "Experiment": "lab.experiment:Experiment",
    "Host": "services.host:Host",
    "Image": "content:Image",
    "Outcome": "lab.perform:Outcome",
    "PanicError": "errors:PanicError",
    "Programs": "lab.programs:Programs",
    "Progress": "lab.progress:Progress",
    "Record": "store.database:Record",
    "Settings": "settings:Settings",
    "Text": "content:Text",
    "analyse": "answers.answering:analyse",
    "bars": "store.frames:bars_frame",
    "catalogue": "models.catalogue:catalogue",
    "embed": "services.embedding:embed",
    "embeddings": "store.frames:embeddings_frame",
    "extend": "lab.laboratory:extend",
    "generate": "services.language:generate",
    "invocations": "store.frames:invocations_frame",
    "load_config": "lab.laboratory:load_config",
    "load_settings": "settings:load_settings",
    "open_record": "store.database:open_record",
    "perform": "lab.laboratory:perform",
    "persistence_diagrams": "store.frames:diagrams_frame",
    "resume": "lab.laboratory:resume",
    "runs": "store.frames:runs_frame",
    "similarity": "services.embedding:similarity",
    "stream": "services.language:stream",
}

__all__ = [
    "Answer",
    "ConfigurationError",
    "Experiment",
    "Host",
    "Image",
    "Outcome",
    "PanicError",
    "Programs",
    "Progress",
    "Record",
    "Settings",
    "Text",
    "__version__",
    "analyse",
    "bars",
    "catalogue",
    "embed",
    "embeddings",
    "extend",
    "generate",
    "invocations",
    "load_config",
    "load_settings",
    "open_record",
    "perform",
    "persistence_diagrams",
    "resume",
    "runs",
    "similarity",
    "stream",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'panic_tda' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(import_module(f"panic_tda.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
