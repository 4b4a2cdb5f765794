"""The structure of the program as its source shows it: modules, floors, imports, names."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import symtable
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

# From the ground up. What shares a floor does not know each other.
FLOORS = (
    ("videolib.core",),
    ("videolib.storage",),
    ("videolib.media",),
    ("videolib.catalogue",),
    ("videolib.speech", "videolib.faces", "videolib.duplicates"),
    ("videolib.organize", "videolib.exports"),
    ("videolib",),
    ("index",),
    ("videoserver",),
    ("api",),
)


@functools.cache  # each patch of a test asks
def modules() -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    folders = (ROOT / "videolib", ROOT / "videoserver")
    files = [ROOT / "index.py", ROOT / "api.py"]
    files += [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return {_dotted(path): path for path in files}


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def room_of(module: str) -> str:
    """The room of FLOORS that a module is in."""
    rooms = [room for floor in FLOORS for room in floor]
    fitting = [room for room in rooms if module == room or module.startswith(f"{room}.")]
    return max(fitting, key=len)


def floor_of(module: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if room_of(module) in floor)


def imports() -> Iterator[tuple[str, int, str]]:
    """Every import of one of our modules by another, wherever it stands: the module, the line, and
    what it imports. Also those inside functions and under TYPE_CHECKING."""
    known = modules()
    for module, path in known.items():
        for node in ast.walk(tree_of(path)):
            for target in _imported(node, module, path):
                found = target if target in known else target.rpartition(".")[0]
                if found in known and found != module:
                    yield module, getattr(node, "lineno", 0), found


def _imported(node: ast.AST, module: str, path: Path) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    stem = ".".join([*base, *([node.module] if node.module else [])])
    return [f"{stem}.{alias.name}" for alias in node.names]


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components with more than one member (R. Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in edges.get(node, ()):
            if target not in order:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], order[target])
        if lowest[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                components.append(sorted(component))

    for node in edges:
        if node not in order:
            visit(node)
    return components


def looks_up(module: ModuleType, name: str) -> bool:
    """Whether code of a module reads one of its global names while it runs: only then does it help
    to put something else in its place."""
    return name in _looked_up_in(Path(inspect.getfile(module)))


@functools.cache
def _looked_up_in(path: Path) -> set[str]:
    return _looked_up(symtable.symtable(path.read_text(), path.name, "exec"))


def _looked_up(table: symtable.SymbolTable) -> set[str]:
    """The global names that the functions in a scope read."""
    names = set().union(*map(_looked_up, table.get_children()))
    if table.get_type() == "function":
        names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return names


def is_ours(module: ModuleType) -> bool:
    return module.__name__ in modules()


def thread_calls() -> Iterator[tuple[str, str]]:
    """Every call that gives a function to another thread: the module, and the call's source."""
    for module, path in modules().items():
        tree = tree_of(path)
        pools = {
            ast.unparse(target)
            for node in ast.walk(tree)
            for target, value in _bindings(node)
            if isinstance(value, ast.Call) and _called_name(value) == "ThreadPoolExecutor"
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _starts_thread(node, pools):
                yield module, ast.unparse(node)


def _bindings(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """The names that a statement binds, each with the expression of its value."""
    if isinstance(node, ast.With):
        return [(i.optional_vars, i.context_expr) for i in node.items if i.optional_vars]
    if not isinstance(node, ast.Assign):
        return []
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=False)  # one may be starred
        else:
            pairs.append((target, node.value))
    return pairs


def _starts_thread(call: ast.Call, pools: set[str]) -> bool:
    if _called_name(call) in ("map", "submit") and isinstance(call.func, ast.Attribute):
        owner = ast.unparse(call.func.value)
        return any(owner.rpartition(".")[2] == pool.rpartition(".")[2] for pool in pools)
    return _called_name(call) in ("Thread", "Timer", "to_thread", "run_sync", "run_in_executor")


def _called_name(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    return ast.unparse(call.func).rpartition(".")[2]


# === The page =====================================================================================

# Folders of web/ from the ground up; modules beside them stand above all.
PAGE_FLOORS = ("vendor", "data", "ui", "views", "")
_IMPORT = re.compile(r'(?:\bfrom|\bimport\(|\bimport)\s*"(\.{1,2}/[^"]+)"')


def page_imports() -> Iterator[tuple[str, str]]:
    """Every import of a module of the page by another, as their paths in web/."""
    web = ROOT / "web"
    for path in sorted(web.rglob("*.js")):
        if "vendor" not in path.parts:
            for target in _IMPORT.findall(path.read_text()):
                imported = (path.parent / target).resolve()
                yield str(path.relative_to(web)), str(imported.relative_to(web))


def page_floor(path: str) -> int:
    """The floor of PAGE_FLOORS that a module of the page is on."""
    return PAGE_FLOORS.index(path.rpartition("/")[0].partition("/")[0])
