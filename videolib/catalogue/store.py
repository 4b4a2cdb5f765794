"""The SQLite database of a catalogue: opening, transactions, and a new one where it fails.

`CatalogueStore` knows nothing of what is stored; `Catalogue` (in catalogue) is one with tables.
`CatalogueExtension` declares further tables, as those of the search in subtitles.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import time
import typing
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.files import stat_if_any

if TYPE_CHECKING:
    import sqlite3

    from videolib.core.errors import Params, Returned
    from videolib.core.runs import Job
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video

UNUSED_LIFETIME = 90 * 86400  # seconds after which a catalogue that nobody used is removed


class CatalogueExtension(NamedTuple):
    """Tables beside the catalogue's own, filled from certain files of each video when needed.

    `schema` creates them (IF NOT EXISTS); their rows of a video should be deleted with its row in
    `videos`, by ON DELETE CASCADE or a trigger. `files` gives the paths they are made of, among the
    sidecars and the subtitle files beside the video. `read(video, paths)` reads these, and
    `store(database, id, content)` replaces the rows of a video by what was read. Both are called
    again when one of the files comes, changes or goes, with no paths where none is left. See
    Catalogue.fill.
    """

    name: str
    schema: str
    files: Callable[[Video, SidecarDir], Iterable[str]]
    read: Callable[[Video, list[str]], Any]
    store: Callable[[sqlite3.Connection, int, Any], None]


def database_errors() -> tuple[type[Exception], ...]:
    """The classes of all failures of the database; sqlite3 is imported only when one is caught.

    Where a text in a damaged one is no UTF-8, or a size in it is absurd, sqlite3 raises none of its
    own.
    """
    import sqlite3

    return sqlite3.DatabaseError, UnicodeDecodeError, MemoryError


def is_mistake(error: Exception) -> bool:
    """Whether an exception of sqlite3 is due to a statement or its values, not to the database."""
    import sqlite3

    failures = (sqlite3.OperationalError, sqlite3.DataError)
    is_other = isinstance(error, sqlite3.DatabaseError) and type(error) is not sqlite3.DatabaseError
    return is_other and not isinstance(error, failures)


def is_refusal(error: Exception) -> bool:
    """Whether the machine or another process is why the database cannot be used: another file
    would do no better."""
    import sqlite3

    refusals = {
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL),
    }
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return isinstance(error, OSError) or code & 0xFF in refusals  # the rest of it are details


def stored_path(value: object) -> str:
    """A path that a database stores. Raises sqlite3.DatabaseError for what only a damaged one has
    there."""
    import sqlite3

    if isinstance(value, bytes):
        return os.fsdecode(value)
    raise sqlite3.DatabaseError(f"a path is {value!r}: the database is damaged")


def close_connections(connections: list[sqlite3.Connection]) -> None:
    """Close connections to a database, and forget them."""
    while connections:
        connections.pop().close()


class CatalogueStore:
    """A database in the user's cache folder that can be lost at any time.

    One that is damaged is replaced by an empty file, one that cannot be written by an empty
    database in memory; `refresh` fills it. Each replacement begins a new generation. Threads may
    share a store, processes a database.
    """

    def __init__(self, about: Sequence[object], schema: Sequence[str], version: object) -> None:
        """`about` identifies what the database describes, `schema` are the scripts that create its
        tables; the name of the file depends on both, and on `version`."""
        self.about, self.schema = repr(about), schema
        self.version = zlib.crc32(repr((schema, version)).encode())
        self._lock, self._write_lock = threading.RLock(), threading.Lock()
        self._open_lock = threading.Lock()  # threads that made a new file at once would be refused
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        # Whoever lets go of a catalogue closes it, as its threads do not know who is the last.
        weakref.finalize(self, close_connections, self._connections)
        self._generation = 0  # of the database; another one begins empty
        self._memory: sqlite3.Connection | None = None

    def refresh(self, job: Job | None = None) -> object:
        """Fill the database; the subclass says of what."""
        raise NotImplementedError

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query in SQL, all at once."""
        generation = self._generation
        with self._replacing_on_failure():
            rows = self.database.execute(sql, values).fetchall()
            if generation == self._generation:
                return rows  # not of a database that was replaced meanwhile
        self.refresh()
        return self.database.execute(sql, values).fetchall()

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one at a time; after a failure they continue from a new database,
        whose ids differ."""
        generation, count = self._generation, 0
        with self._replacing_on_failure():
            for row in self.database.execute(sql, values):
                yield row
                count += 1
            if generation == self._generation:
                return
        self.refresh()
        yield from itertools.islice(self.database.execute(sql, values), count, None)

    def _with_retry(
        self, work: Callable[Params, Returned], *args: Params.args, **named: Params.kwargs
    ) -> Returned:
        """The result of `work` with the database, done again with a new one if it fails."""
        with self._lock:
            with self._replacing_on_failure():
                return work(*args, **named)
            return work(*args, **named)

    def write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do work in one transaction, once more in a new database if it fails."""

        def transaction() -> None:
            with self._writing() as database:
                work(database)

        self._with_retry(transaction)

    @functools.cached_property
    def path(self) -> Path:
        """The file of the database; another version of its tables has another name."""
        import hashlib

        import platformdirs

        digest = hashlib.sha256(os.fsencode(self.about)).hexdigest()[:16]
        folder = Path(platformdirs.user_cache_dir("video-library"))
        return folder / f"{digest}-{self.version:08x}.sqlite"

    @property
    def database(self) -> sqlite3.Connection:
        """This thread's connection; where there is no file, the one in memory for all of them."""
        if self._memory:
            return self._memory
        if getattr(self._local, "generation", None) != self._generation:
            generation = self._generation
            failures: tuple[type[Exception], ...] = (OSError, *database_errors())
            try:
                with self._open_lock:
                    self._local.connection = self._open()
            except failures as error:
                self._replace_database(error, generation)
                return self.database
            self._local.generation = generation
        return typing.cast("sqlite3.Connection", self._local.connection)

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for path in self.path.parent.glob("*.sqlite"):
                status = stat_if_any(str(path))  # None: another process was faster
                if status and time.time() - status.st_mtime > UNUSED_LIFETIME:
                    self._remove(path)
        database = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._connections.append(database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        return self._prepared(database)

    def _prepared(self, database: sqlite3.Connection) -> sqlite3.Connection:
        database.execute("PRAGMA foreign_keys = ON")
        with database:  # all tables or none; what fails is rolled back, and holds no lock
            database.executescript(";\n".join(("BEGIN IMMEDIATE", *self.schema, "COMMIT;")))
        return database

    @staticmethod
    def _remove(path: Path) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _replacing_on_failure(self) -> Iterator[None]:
        """A context in which a failure of the database replaces it by an empty one. The failure
        only ends the body: the caller does its work again."""
        generation = self._generation
        try:
            yield
        except database_errors() as error:
            self._replace_database(error, generation)

    def _replace_database(self, error: Exception, generation: int) -> None:
        """Begin an empty database: a new file for a damaged one, else one in memory. Where what
        failed may be the file or a statement, this process takes one in memory, later ones a file.

        Nothing happens where another thread has done so since `generation`. Raises `error` again
        where it is a mistake in a statement, not a failure of the database.
        """
        import sqlite3

        with self._lock:
            if generation != self._generation:
                return
            if is_mistake(error):
                raise error
            # Connections stay open until `close`: another thread may be in the midst of a query,
            # which closing would make read freed memory.
            self._generation += 1
            self._memory = None
            with contextlib.suppress(OSError):  # in a folder that is read-only by now
                if not is_refusal(error):
                    self._remove(self.path)
                    if not isinstance(error, sqlite3.OperationalError):
                        return
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self._connections.append(memory)
            self._memory = self._prepared(memory)

    def close(self) -> None:
        """Close all connections; the next query opens the database again."""
        with self._lock:
            self._generation += 1
            close_connections(self._connections)
            self._memory = None

    @contextlib.contextmanager
    def _writing(self, counted: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction, committed where the body succeeds; it waits for others only at its
        beginning. One that is not `counted` changes nothing that is kept in memory."""
        database = self.database
        with self._write_lock:  # threads share the one that is in memory
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                if counted:
                    database.execute("UPDATE changes SET count = count + 1")
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
