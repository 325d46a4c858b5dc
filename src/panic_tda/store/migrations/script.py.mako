"""${message}"""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import FloatVector, UtcTimestamp

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
