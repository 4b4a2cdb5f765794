"""Keepers: which of several copies to keep, and why."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterable, Sequence, Set
from typing import TYPE_CHECKING

from videolib.catalogue.query import term_clause
from videolib.duplicates.preferences import DEFAULT_ORDER, parse_preferences, preferences_of
from videolib.duplicates.quality import CopyQuality

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.query import QueryTerm
    from videolib.duplicates.copies import VideoCopy


class Keepers:
    """The order in which copies are kept: those that the user names, then by preferences.

    Copies are given by their numbers. `preferred` are those that the user names.
    """

    def __init__(
        self, copies: Sequence[VideoCopy], names: Set[str], order: str, catalogue: Catalogue
    ) -> None:
        """`names`: of the videos to keep, relative to the library; `order`: what counts before
        DEFAULT_ORDER, in the same words. The catalogue is asked for what terms of queries find.
        """
        self.copies, self.catalogue = copies, catalogue
        self.preferred = {n for n, copy in enumerate(copies) if copy.video.rel in names}
        self.quality = functools.cache(lambda number: CopyQuality.of(copies[number]))
        terms = [*parse_preferences(order), *parse_preferences(DEFAULT_ORDER)]
        self.preferences = preferences_of(terms, self.quality, self.matching)

    def matching(self, term: QueryTerm) -> set[int]:
        """The copies that a term of a query finds."""
        clause = term_clause(term)
        rows = self.catalogue.ask(f"SELECT v.rel FROM videos v WHERE {clause.sql}", clause.values)
        names = {os.fsdecode(rel) for (rel,) in rows}
        return {number for number, copy in enumerate(self.copies) if copy.video.rel in names}

    def rank(self, number: int) -> tuple[float, ...]:
        """The key by which copies are ordered, the best last."""
        values = (preference.value(number) for preference in self.preferences)
        return (number in self.preferred, *values)

    def exact_rank(self, number: int) -> tuple[float, ...]:
        """The same for copies with the same bytes."""
        values = (p.value(number) for p in self.preferences if p.of_file)
        return (number in self.preferred, *values)

    def reason(self, keeper: int, others: Iterable[int], exact: Collection[int]) -> str:
        """Why that one is kept and not the best of the others; `exact` are its exact copies."""
        if keeper in self.preferred:
            return "chosen with --keep"
        best = max(others, key=self.rank)
        for preference in self.preferences:
            # Exact copies have all else in common, though only one of them may have metadata.
            comparable = preference.of_file or best not in exact
            if comparable and preference.value(keeper) != preference.value(best):
                return preference.reason(keeper, best)
        return "first: the next is as good"
