"""The application: its routes, and what every request passes."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from panic_tda import __version__
from panic_tda.server.access import require_token
from panic_tda.server.facilities import Facilities
from panic_tda.server.faults import answer_faults
from panic_tda.server.limits import BodyLimit, RateLimit
from panic_tda.server.logs import RequestLog, write_line
from panic_tda.server.routes import (
    calls,
    chat,
    completions,
    embeddings,
    experiments,
    finetunes,
    health,
    images,
    metrics,
    models,
    programs,
    recommendations,
    sessions,
    similarity,
    versions,
)
from panic_tda.server.shapes import FAULT_ANSWERS

_ROOMS = (
    *(models, recommendations, embeddings, similarity, chat, completions, images, calls),
    *(experiments, programs, sessions, versions, finetunes, metrics),
)


def make_app(facilities: Facilities, tell: Callable[..., None] = write_line) -> FastAPI:
    """The application over these facilities, which it does not close; ``tell`` takes the lines of the log."""
    app = FastAPI(
        title="panic-tda",
        version=__version__,
        description="Models in OpenAI's shapes, calls of other laboratories, experiments, sessions and tunings.",
    )
    app.state.facilities = facilities
    answer_faults(app)
    rules = facilities.rules
    from_afar = [] if rules.open_to_all else [Depends(require_token)]
    app.include_router(health.router, responses=FAULT_ANSWERS)
    for room in _ROOMS:
        app.include_router(room.router, dependencies=from_afar, responses=FAULT_ANSWERS)
    app.add_middleware(BodyLimit, largest=rules.largest_body)
    if rules.requests_per_s:
        app.add_middleware(RateLimit, per_s=rules.requests_per_s)
    if rules.hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(rules.hosts))
    app.add_middleware(RequestLog, tell=tell)
    return app
