"""The connection of a run to the scheduler of a cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import MissingDependencyError, UsageError, VideoError
from videolib.core.program import install_command, program_name
from videolib.core.text import printable

if TYPE_CHECKING:
    from distributed import Client, Security

ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})")
CONNECT_TIMEOUT = 5.0  # seconds
SILENCE = 8.0  # seconds without an answer after which a scheduler counts as gone
# Of distributed, which watches itself for its dashboard: that takes 2 to 3 % of a core of each
# process at rest, and a thousand of the latest messages of each run, for as long as it lives.
SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.low-level-log-length": 20,
    "distributed.scheduler.active-memory-manager.start": False,
    # Nor does anybody learn over HTTP, which is not encrypted, what is done.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
NO_DASHBOARD = "127.0.0.1:0"  # where it listens that answers nothing: only here, at any free port


class ClusterSettings(NamedTuple):
    """Which scheduler to use. `tls_files`: of the authority, the certificate and its key, in PEM;
    `insecure`: strangers may be on the network, and it is not encrypted."""

    address: str
    tls_files: tuple[str, ...] = ()
    insecure: bool = False

    @classmethod
    def of(cls, address: str, tls_files: Sequence[str], insecure: bool) -> ClusterSettings | None:
        """As options say, else the environment; None for `none`, which is this machine alone."""
        address = address or os.environ.get("VIDEO_CLUSTER", "")
        if address in ("", "none"):
            return None
        files = tls_files or filter(None, os.environ.get("VIDEO_CLUSTER_TLS", "").split(","))
        return cls(address, tuple(files), insecure)

    @property
    def host(self) -> str:
        """The host of the scheduler. Raises UsageError where the address is none."""
        match = ADDRESS.fullmatch(self.address)
        if not match or int(match[3]) > 65535:
            reason = "is no scheduler's address: should be like tcp://HOST:8786 or tls://HOST:8786"
            raise UsageError(f"{printable(self.address)}: {reason}")
        return match[2].strip("[]")

    @property
    def encrypted(self) -> bool:
        return self.address.startswith("tls:")

    def check(self) -> None:
        """Raise UsageError for an address that is none, for files that are missing, and for a
        scheduler that anybody on the network could use, unless that was allowed."""
        if not (self.encrypted or is_loopback(self.host) or self.insecure):
            raise UsageError(
                f"{self.address} is not encrypted, and whoever reaches it can run programs on every"
                " machine: use tls:// (docs/cluster.md), or say --insecure on a network of your own"
            )
        check_tls_files(self.tls_files)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by a name or address that no other can reach."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_tls_files(files: Sequence[str]) -> None:
    """Raise UsageError where these are not three files that are there."""
    if files and len(files) != 3:
        raise UsageError("--tls-files should name three: CA.pem,CERTIFICATE.pem,KEY.pem")
    for file in files:
        if not Path(file).is_file():
            raise UsageError(f"--tls-files {printable(file)}: no such file")


def need_distributed() -> None:
    """Raise MissingDependencyError where the package is not installed."""
    import importlib.util

    if not importlib.util.find_spec("distributed"):
        raise MissingDependencyError(
            f"a cluster needs the package distributed: {install_command('distributed')}"
        )


def configure() -> None:
    """Keep distributed, which was imported, from measuring itself, and from writing what it does:
    what matters is said."""
    import logging

    import dask

    dask.config.set(SETTINGS)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def security(files: Sequence[str]) -> Security:
    """How connections are encrypted: by these files, else as dask's configuration says."""
    from distributed import Security

    if not files:
        return Security()
    authority, certificate, key = files
    names = {
        f"tls_{role}_{part}": path
        for role in ("client", "scheduler", "worker")
        for part, path in (("cert", certificate), ("key", key))
    }
    return Security(tls_ca_file=authority, require_encryption=True, **names)


def connect(settings: ClusterSettings) -> Client:
    """A client of the scheduler. Raises VideoError where it does not answer."""
    import socket

    need_distributed()
    try:  # which distributed would try again and again, and not say what was wrong
        port = int(settings.address.rpartition(":")[2])
        socket.create_connection((settings.host, port), CONNECT_TIMEOUT).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        raise VideoError(f"{settings.address}: no scheduler answers there: {reason}") from None
    from distributed import Client

    configure()
    try:
        return Client(
            settings.address,
            timeout=CONNECT_TIMEOUT,
            security=security(settings.tls_files),
            set_as_default=False,
        )
    except (OSError, TypeError, ValueError) as error:
        cause = error.__cause__ or error
        raise VideoError(f"{settings.address}: no scheduler answers there: {cause}") from None


def need_program(client: Client, address: str) -> None:
    """Raise VideoError where the scheduler has another version of distributed, or cannot import
    this program."""
    from videolib.core.cluster.facts import package_version
    from videolib.core.cluster.remote import describe

    try:
        answer = client.run_on_scheduler(describe)
    except ImportError as error:
        raise VideoError(
            f"{address}: the scheduler does not find this program ({error}): start it by"
            f" {program_name()} scheduler, or with the program's folder in PYTHONPATH"
        ) from None
    if (other := answer["distributed"]) != (own := package_version("distributed")):
        name = printable(answer["name"])
        raise VideoError(f"{address}: {name} has distributed {other}, this machine {own}")
