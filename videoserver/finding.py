"""What helps to find one's way in a library: suggestions, the tree of folders, words in subtitles,
saved searches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from index import ListVideos, SubtitleSearch
from videolib.catalogue.folder_tree import FolderTree
from videolib.catalogue.pool import LONG_WAIT
from videolib.catalogue.query import QUERY_FIELDS, compile_query
from videolib.catalogue.saved_searches import SavedSearches
from videolib.catalogue.suggestions import suggested_filters, suggested_keys, suggested_titles
from videolib.core.errors import (
    CorruptError,
    NotFoundError,
    ParameterError,
    UsageError,
    VideoError,
    reason_of,
)
from videolib.core.text import fold, printable, utf8
from videolib.speech.search import search_expression
from videolib.storage.artifacts import ARTIFACTS
from videoserver.files import video_url

if TYPE_CHECKING:
    from videolib.catalogue.saved_searches import SavedSearch
    from videoserver.commands import CommandBuilder

SUGGESTIONS = 20  # tags, and performers, that are suggested at most
NO_SUGGESTIONS: Mapping[str, list[Any]]
NO_SUGGESTIONS = {"tags": [], "performers": [], "words": [], "filters": [], "titles": []}


def check_query(q: str) -> None:
    """Raises ParameterError for a wrong query."""
    try:
        compile_query(q)
    except UsageError as error:
        raise ParameterError([("q", str(error).removeprefix("query: "))]) from None


class FindingService:
    """The answers of the API that help to find videos; see Service for `directory`."""

    def __init__(self, commands: CommandBuilder) -> None:
        self.commands, self.catalogue_pool = commands, commands.catalogue_pool

    def suggest(
        self, directory: str, prefix: str, fields: Sequence[str], ext: str
    ) -> dict[str, Any]:
        """How a word of a query may go on: {tags, performers, words, filters, titles}.

        Tags and performers come with the most frequent first; `words` are those of the query
        language, `filters` terms that find something, `titles` the cards of videos with that name.
        `prefix` may be as in a query: `-tag:"ni`. With `fields` there are only their filters, all
        of them from one answer.
        """
        library = self.commands.build(ListVideos, directory, recursive=True, ext=ext).library()
        catalogue = self.catalogue_pool.catalogue(library, LONG_WAIT)
        view = catalogue.view(library)
        if fields:
            of_fields = (suggested_filters(catalogue, view, fold(name), "") for name in fields)
            rows = [suggestion._asdict() for suggestion in itertools.chain(*of_fields)]
            return {**NO_SUGGESTIONS, "filters": rows}
        field, colon, rest = fold(utf8(prefix.removeprefix("-"))).rpartition(":")
        begin = rest.removeprefix('"').strip()
        names: dict[str, list[str]] = {"tags": [], "performers": []}
        for kind in ("tag", "performer"):
            if field in ("", kind):
                names[f"{kind}s"] = catalogue.completions(kind, begin, SUGGESTIONS)
        words = [f"{name}:" for name in QUERY_FIELDS] if not colon else []
        if field in ("has", "missing", "fresh", "stale"):
            words = [f"{field}:{kind}" for kind in ARTIFACTS]
        words = [word for word in words if word.startswith(f"{field}{colon}{begin}")]
        words += suggested_keys(catalogue, begin) if begin and not colon else []
        filters = suggested_filters(catalogue, view, field, begin)
        cards = suggested_titles(catalogue, view, begin) if field in ("", "name") else []
        terms = [suggestion._asdict() for suggestion in filters]
        return {**names, "words": words, "filters": terms, "titles": list(map(json.loads, cards))}

    def folders(
        self, directory: str, below: str, q: str, page: Mapping[str, int], ext: str
    ) -> dict[str, Any]:
        """A folder below the listed one, with how many videos for which the query `q` holds are in
        it, and a page of the tree below it. `page`: {depth, offset, limit}.

        Raises ParameterError for a wrong query.
        """
        library = self.commands.build(ListVideos, directory, recursive=True, ext=ext).library()
        check_query(q)
        catalogue = self.catalogue_pool.catalogue(library, LONG_WAIT)
        refreshing = catalogue.refreshing
        tree, path = FolderTree(catalogue, catalogue.view(library, q)), below.strip("/")
        rows = tree.below(path, page["depth"])
        offset, limit = page["offset"], page["limit"]
        listed = [folder.as_json() for folder in rows[offset : offset + limit]]
        answer = tree.counts(path).as_json() | {"count": len(rows), "offset": offset}
        state = {"complete": catalogue.complete, "refreshing": refreshing}
        return answer | {"limit": limit, **state, "tree": listed}

    def search(self, directory: str, text: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the videos in whose subtitles some words are, with the matching lines;
        `refreshing` is whether some of the subtitles were not looked at yet.

        Raises ParameterError for a text that is no valid search.
        """
        command = self.commands.build(SubtitleSearch, directory, text=text, **options)
        expression, library = search_expression(text), command.library()
        catalogue = self.catalogue_pool.catalogue(library, LONG_WAIT)
        refreshing = not self.catalogue_pool.indexed(library)
        page = command.search(catalogue, expression).as_json(command.lines)
        for row in page["results"]:
            row["url"] = video_url(row["video"])
        head = {"limit": command.limit, "refreshing": refreshing}
        return head | page | {"left_out": catalogue.other_types(library)}

    def saved_searches(self, directory: str) -> dict[str, Any]:
        """The saved searches of a folder: {searches}. Raises CorruptError, OutsideError."""
        try:
            searches = self._searches(directory).all()
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        return {"searches": [search._asdict() for search in searches]}

    def save_search(self, directory: str, search: SavedSearch) -> dict[str, Any]:
        """Keep a search: {search, previous}, the latter being the one that it replaces, or None.

        Raises ParameterError for a wrong one, CorruptError, OutsideError.
        """
        try:
            previous = self._searches(directory).put(search)
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        return {"search": search._asdict(), "previous": previous and previous._asdict()}

    def delete_search(self, directory: str, name: str) -> dict[str, Any]:
        """Forget a search: {search: None, previous}. Raises NotFoundError, CorruptError,
        OutsideError."""
        try:
            previous = self._searches(directory).delete(name)
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        if previous is None:
            raise NotFoundError(f"{printable(name)}: no search has that name")
        return {"search": None, "previous": previous._asdict()}

    def _searches(self, directory: str) -> SavedSearches:
        return SavedSearches(self.commands.build(ListVideos, directory).library())
