"""The wall around a worker process: what a decoder that was taken over by a hostile file can reach.

On Linux a worker shuts itself in before it opens anything. Landlock leaves it the files and folders
of its Access and what Python and ffmpeg need; seccomp takes away sockets and the system calls that
change what belongs to others. Neither can be taken back, and both hold for every program it starts.

Numbers are those of the kernel's headers: linux/landlock.h, linux/seccomp.h, linux/filter.h,
linux/bpf_common.h, linux/audit.h, and asm/unistd.h of each machine.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ctypes

DISABLE = "SANDBOX_DISABLE"  # the environment variable that, at 1, leaves workers without the wall


class Access(NamedTuple):
    """What a worker may reach beside what Python and ffmpeg need: files and folders to read,
    folders to write in, and programs to start. A folder stands for all that is in and below it."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


def obstacle() -> str:
    """Why workers get no wall on this machine, or an empty string."""
    if os.environ.get(DISABLE) == "1":
        return f"turned off by {DISABLE}=1"
    if sys.platform != "linux":
        return "only Linux has what it takes"
    version = landlock_version()
    if version < OLDEST_LANDLOCK:
        has = f"version {version} of Landlock" if version else "no Landlock"
        return f"this kernel has {has}: it takes Linux 6.2 with Landlock among its LSMs"
    if os.uname().machine not in MACHINES or sys.maxsize < 1 << 32:
        return f"the system calls of {os.uname().machine} are not known here"
    return "" if has_seccomp() else "this kernel has no filters of seccomp"


class Wall:
    """The wall around this process, once there is one."""

    access: Access | None = None

    def refused(self, error: OSError) -> bool:
        """Whether an error on files is the wall's doing: their own rights would allow what was
        tried."""
        if self.access is None or error.errno not in (errno.EACCES, errno.EPERM):
            return False
        return any(map(self._forbids, filter(None, (error.filename, error.filename2))))

    def _forbids(self, name: str | bytes | int) -> bool:
        """Whether it is the wall that forbids what has that name; False of a name in a folder that
        was opened before, and of a descriptor."""
        path = Path(os.fsdecode(name) if isinstance(name, str | bytes) else "")
        access = self.access or Access()
        if not path.is_absolute() or is_below(path, access.writes):
            return False
        existing = next(p for p in (path, *path.parents) if os.access(p, os.F_OK))
        is_readable = is_below(path, (*SYSTEM_FILES, *python_paths(), *access.reads))
        wanted = os.W_OK if is_readable or existing != path else os.R_OK
        return os.access(existing, wanted)


wall = Wall()
ADVICE = f"if it has to, {DISABLE}=1 runs without the sandbox: docs/safety.md"


def is_below(path: Path, folders: Iterable[str]) -> bool:
    """Whether a path is one of these, or below one of them."""
    return any(path.is_relative_to(folder) for folder in folders)


def advice_on(message: str) -> str:
    """What to do where a program behind the wall of this process ended with that message, to be put
    after it."""
    refused = wall.access is not None and os.strerror(errno.EACCES) in message
    return f"; {ADVICE}" if refused else ""


def enter(access: Access) -> None:
    """Shut this thread, and what it starts from now on, in for good. Raises OSError.

    It has to be the only thread of its process: others would stay outside.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    with ruleset() as rules:
        for path in (*SYSTEM_FILES, *python_paths(), *access.reads):
            rules.allow(path, READ)
        for path in devices():
            rules.allow(path, READ | WRITE_FILE | IOCTL_DEV)
        for path in access.writes:
            rules.allow(path, READ | WRITE)
        for path in executables(access.programs):
            rules.allow(path, READ | EXECUTE)
        for program in access.programs:  # libraries that came with it
            rules.allow(str(Path(program).resolve().parent.parent / "lib"), READ)
        rules.restrict()
    forbid_system_calls()
    wall.access = access


# === What Python and ffmpeg need ==================================================================

SYSTEM_FILES = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store", "/gnu/store"),
    *("/home/linuxbrew/.linuxbrew", "/snap", "/run/opengl-driver", "/run/current-system", "/sys"),
    # Of /proc nothing of other processes: root reads their environment, where secrets are.
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/devices"),
    *("/proc/driver", "/proc/filesystems", "/proc/modules", "/proc/version"),
    *("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d"),
    *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/etc/alternatives", "/etc/fonts", "/etc/mime.types", "/etc/OpenCL", "/etc/vulkan"),
    *("/etc/glvnd", "/etc/drirc", "/etc/libva.conf", "/etc/pki/tls/openssl.cnf"),
    "/etc/ssl/openssl.cnf",
)
DEVICES = (  # in /dev
    *("null", "zero", "full", "random", "urandom"),
    *("dri", "kfd", "nvidia*", "dma_heap", "video1[0-9]"),  # encoders, most of graphics cards
)


def python_paths() -> Iterator[str]:
    """Where the interpreter, its packages and this program are."""
    yield from {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    yield str(Path(__file__).parents[2])
    yield from filter(None, sys.path)
    for name in ("LD_LIBRARY_PATH", "LD_PRELOAD"):
        yield from os.environ.get(name, "").replace(":", " ").split()


def devices() -> Iterator[str]:
    """Devices without memory of their own, and those that encode and compute."""
    for pattern in DEVICES:
        yield from map(str, Path("/dev").glob(pattern))


def executables(programs: Iterable[str]) -> Iterator[str]:
    """These programs, each with the loader that it names.

    A script in the place of one starts others, wherever they are: then all may be started.
    """
    for program in filter(os.path.exists, programs):
        yield program
        loader = loader_of(program)
        yield from [loader] if loader else [*SYSTEM_FILES, *python_paths()]


def media_programs() -> Iterator[str]:
    """The paths of ffmpeg and ffprobe, and of the ffmpeg of imageio-ffmpeg, which is not run."""
    import importlib.util
    import shutil

    yield from filter(None, map(shutil.which, ("ffmpeg", "ffprobe")))
    spec = importlib.util.find_spec("imageio_ffmpeg")
    for location in (spec and spec.submodule_search_locations) or ():
        yield from map(str, Path(location, "binaries").glob("ffmpeg*"))
    yield str(Path(sys.prefix, "bin", "ffmpeg"))  # that of Conda, which it looks for there
    yield from filter(None, [os.environ.get("IMAGEIO_FFMPEG_EXE")])


def loader_of(program: str) -> str:
    """The loader that a program names (ELF, program header PT_INTERP), itself where it names none;
    "" of what is no 64-bit program."""
    pt_interp = 3
    broken = (OSError, struct.error, UnicodeError)
    with contextlib.suppress(*broken), Path(program).open("rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            return ""
        (table,) = struct.unpack_from("=Q", header, 32)
        size, count = struct.unpack_from("=HH", header, 54)
        file.seek(table)
        entries = file.read(size * count)
        for at in range(0, size * count, size):
            kind, _, offset, _, _, length = struct.unpack_from("=IIQQQQ", entries, at)
            if kind == pt_interp:
                file.seek(offset)
                return file.read(length).rstrip(b"\0").decode()
        return program
    return ""


# === Landlock =====================================================================================

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on all machines
OLDEST_LANDLOCK = 3  # the first that guards truncating, and allows renames between folders

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
OF_FILES = (
    EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
)  # what a rule on a file can allow

BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1  # scopes


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library, whose calls keep their errno."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *args: int | bytes | None) -> int:
    """The result of a system call. Raises OSError."""
    import ctypes

    converted = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in args]
    result = int(libc().syscall(ctypes.c_long(number), *converted))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@functools.cache
def landlock_version() -> int:
    """The version of the kernel's Landlock; 0 where it has none, or a container forbids it."""
    version_flag = 1
    try:
        return system_call(CREATE_RULESET, None, 0, version_flag)
    except OSError:
        return 0


class Ruleset:
    """Rules of Landlock before they hold: everything is refused but what is allowed."""

    def __init__(self) -> None:
        version = landlock_version()
        self.handled = (IOCTL_DEV << (version >= 5)) - 1  # all rights on files that it knows
        attributes = [self.handled]
        if version >= 4:
            attributes.append(BIND_TCP | CONNECT_TCP)
        if version >= 6:
            attributes.append(ABSTRACT_SOCKETS | SIGNALS)
        packed = struct.pack(f"={len(attributes)}Q", *attributes)
        self.descriptor = system_call(CREATE_RULESET, packed, len(packed), 0)

    def allow(self, path: str, rights: int) -> None:
        """Allow these rights on a file, or on all that is in a folder; nothing where it is not.

        Nor where no rule can be about it, as in file systems that have no paths.
        """
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
            rights &= self.handled & (-1 if is_folder else OF_FILES)
            path_beneath = 1
            rule = struct.pack("=Qi", rights, opened)
            with contextlib.suppress(OSError):
                system_call(ADD_RULE, self.descriptor, path_beneath, rule, 0)
        finally:
            os.close(opened)

    def restrict(self) -> None:
        """Let the rules hold for this thread and what it starts."""
        system_call(RESTRICT_SELF, self.descriptor, 0)


@contextlib.contextmanager
def ruleset() -> Iterator[Ruleset]:
    """A new Ruleset, closed at the end."""
    rules = Ruleset()
    try:
        yield rules
    finally:
        os.close(rules.descriptor)


# === seccomp ======================================================================================

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
RETURN_ALLOW, RETURN_ERRNO = 0x7FFF0000, 0x00050000
LOAD_WORD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of BPF
NUMBER_AT, MACHINE_AT = 0, 4  # bytes into struct seccomp_data
X32_CALLS = 0x40000000  # from this number on, calls of another ABI of x86_64


class Machine(NamedTuple):
    """A processor's name in linux/audit.h, and its numbers of the calls that are forbidden."""

    audit_name: int
    calls: tuple[int, ...]


# Landlock does not guard modes, owners and extended attributes, which no worker changes.
SAME_EVERYWHERE = {
    "io_uring_setup": 425,
    "pidfd_getfd": 438,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
}
X86_64 = {
    "socket": 41,
    "chmod": 90,
    "fchmod": 91,
    "chown": 92,
    "fchown": 93,
    "lchown": 94,
    "ptrace": 101,
    "pivot_root": 155,
    "chroot": 161,
    "mount": 165,
    "umount2": 166,
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "setxattr": 188,
    "lsetxattr": 189,
    "fsetxattr": 190,
    "removexattr": 197,
    "lremovexattr": 198,
    "fremovexattr": 199,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "fchownat": 260,
    "fchmodat": 268,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "finit_module": 313,
    "bpf": 321,
    "userfaultfd": 323,
}
AARCH64 = {
    "setxattr": 5,
    "lsetxattr": 6,
    "fsetxattr": 7,
    "removexattr": 14,
    "lremovexattr": 15,
    "fremovexattr": 16,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "fchmod": 52,
    "fchmodat": 53,
    "fchownat": 54,
    "fchown": 55,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "ptrace": 117,
    "reboot": 142,
    "socket": 198,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "perf_event_open": 241,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
}
MACHINES = {
    "x86_64": Machine(0xC000003E, (*X86_64.values(), *SAME_EVERYWHERE.values())),
    "aarch64": Machine(0xC00000B7, (*AARCH64.values(), *SAME_EVERYWHERE.values())),
}


@functools.cache
def has_seccomp() -> bool:
    """Whether the kernel takes filters: one at no address it finds bad, not unknown."""
    try:
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER)
    except OSError as error:
        return error.errno == errno.EFAULT
    return True


def prctl(option: int, value: int, argument: int = 0) -> None:
    """Change an attribute of this thread. Raises OSError."""
    import ctypes

    arguments = [ctypes.c_ulong(a) for a in (value, argument, 0, 0)]
    if libc().prctl(ctypes.c_int(option), *arguments):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def forbid_system_calls() -> None:
    """Have the calls of this machine's table, and all of other ABIs, refused with EPERM."""
    import ctypes

    program = filter_program(MACHINES[os.uname().machine])
    buffer = ctypes.create_string_buffer(program, len(program))
    count = len(program) // struct.calcsize("=HBBI")
    header = struct.pack("@HP", count, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(header, len(header))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(held))


def filter_program(machine: Machine) -> bytes:
    """The filter as instructions of classic BPF: code, jumps where true and false, operand."""
    rest = len(machine.calls)  # instructions between a test and the two ends, less those before it
    instructions = [
        (LOAD_WORD, 0, 0, MACHINE_AT),
        (JUMP_EQUAL, 0, rest + 3, machine.audit_name),
        (LOAD_WORD, 0, 0, NUMBER_AT),
        (JUMP_AT_LEAST, rest + 1, 0, X32_CALLS),
        *((JUMP_EQUAL, rest - i, 0, call) for i, call in enumerate(machine.calls)),
        (RETURN, 0, 0, RETURN_ALLOW),
        (RETURN, 0, 0, RETURN_ERRNO | errno.EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
