"""Saved searches: queries that the users of a library keep by name, beside its videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.catalogue.query import compile_query
from videolib.core.documents import EDITED_JSON, json_bytes, read_json
from videolib.core.errors import OutsideError, ParameterError, UsageError, VideoError
from videolib.core.files import flush_names, make_folder, remove, replace_file
from videolib.core.locks import locked
from videolib.core.text import fold, natural_key, printable, utf8
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import SIDECARS
from videolib.storage.sidecars import remove_abandoned

if TYPE_CHECKING:
    from videolib.storage.folders import Library

MOST_SEARCHES, LONGEST_NAME = 200, 100  # of one library; characters


class SavedSearch(NamedTuple):
    """A query by name, with the order and the look of its listing; texts may be empty.

    `sort` is one of ORDERS, `order` asc or desc, `seed` numbers a shuffle, and `view` is a word of
    the page's own.
    """

    name: str
    q: str = ""
    sort: str = ""
    order: str = ""
    seed: int = 0
    view: str = ""

    @classmethod
    def of(cls, entry: Any) -> SavedSearch | None:
        """The search in an entry of the file; None where that is none."""
        values = entry if isinstance(entry, dict) else {}
        if not isinstance(values.get("name"), str) or not values["name"].strip():
            return None
        kinds = {field: type(default) for field, default in cls._field_defaults.items()}
        facts = {f: values[f] for f, kind in kinds.items() if type(values.get(f)) is kind}
        return cls(values["name"], **facts)

    def check(self) -> None:
        """Raises ParameterError for a name or a query that is none."""
        name = self.name
        if not name.strip() or name != name.strip() or printable(name) != name:
            raise ParameterError([("name", "is empty, or has spaces around it or odd characters")])
        if len(name) > LONGEST_NAME:
            raise ParameterError([("name", f"has more than {LONGEST_NAME} characters")])
        try:
            compile_query(self.q)
        except UsageError as error:
            raise ParameterError([("q", str(error).removeprefix("query: "))]) from None


class SavedSearches:
    """The saved searches of a folder, kept in its `.artifacts/.searches.json`.

    Names that differ in case only are one. Entries that are no searches, and what other programs
    add to the file, stay there.
    """

    NAME: ClassVar = ".searches.json"

    def __init__(self, library: Library) -> None:
        """Raises OutsideError where the file lies outside the roots, if there are any."""
        self.sidecar_dir = Path(library.sidecar_dir())
        self.path = self.sidecar_dir / self.NAME
        if library.roots and not library.roots.contains(self.path):
            raise OutsideError(f"{self.NAME}: {LEADS_OUT}")

    def all(self) -> list[SavedSearch]:
        """The searches, sorted as people sort names. Raises VideoError for a corrupt file."""
        searches = filter(None, map(SavedSearch.of, self._document()["searches"]))
        return sorted(searches, key=lambda search: natural_key(utf8(search.name)))

    def put(self, search: SavedSearch) -> SavedSearch | None:
        """Keep a search; gives the one of that name which it replaces, if any.

        Raises ParameterError for a wrong one, and for one too many; VideoError, OSError.
        """
        search.check()
        make_folder(self.sidecar_dir)

        def edit(entries: list[Any], at: int | None) -> None:
            if at is not None:
                entries[at] = {**entries[at], **search._asdict()}
            elif len(entries) >= MOST_SEARCHES:
                reason = f"{MOST_SEARCHES} searches are kept already: delete one that is not needed"
                raise ParameterError([("name", reason)])
            else:
                entries.append(search._asdict())

        return self._edit(search.name, edit)

    def delete(self, name: str) -> SavedSearch | None:
        """Forget the search of a name; gives it, None where there is none. Raises VideoError,
        OSError."""

        def edit(entries: list[Any], at: int | None) -> None:
            if at is not None:
                del entries[at]

        return self._edit(name, edit) if self.path.exists() else None

    def _edit(self, name: str, edit: Callable[[list[Any], int | None], None]) -> SavedSearch | None:
        """Change the entries, given the place of a name; gives the search that was there."""
        with locked(self.sidecar_dir):
            remove_abandoned(str(self.sidecar_dir))
            document = self._document()
            entries = document["searches"]
            searches = [SavedSearch.of(entry) for entry in entries]
            names = [fold(search.name) if search else None for search in searches]
            at = names.index(fold(name)) if fold(name) in names else None
            edit(entries, at)
            if entries or document.keys() - {"schema", "searches"}:
                replace_file(self.path, json_bytes(document))
            else:
                remove(self.path)
            flush_names(self.sidecar_dir, f"{self.NAME} is stored")
        return None if at is None else searches[at]

    def _document(self) -> dict[str, Any]:
        """The content of the file, with empty `searches` where there is none. Raises VideoError
        where it is corrupt: it holds work of the user, who has to mend it."""
        document = read_json(self.path, EDITED_JSON) if self.path.exists() else {}
        if document is None or not isinstance(document.get("searches", []), list):
            raise VideoError(f"{SIDECARS}/{self.NAME} is corrupt: mend it or move it away")
        return {"schema": 1, "searches": []} | document
