"""What failed once, and is tried first: films with recipes of their mutation."""

from __future__ import annotations

from campaign.mutations import Recipe

ONCE_FAILED: tuple[tuple[str, Recipe], ...] = ()
