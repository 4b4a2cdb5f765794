"""Commands of index.py as the API runs them: confined to the roots, with the configuration of their
folder; which of them may be jobs, and with which parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index import (
    COMMANDS,
    JOB_COMMANDS,
    Config,
    Context,
    RunCommand,
    Subtitles,
    VideoTask,
    build,
    command_names,
    summary_line,
)
from videolib.core.errors import ParameterError
from videolib.core.options import names_path
from videolib.core.text import printable
from videolib.storage.artifacts import ARTIFACTS

if TYPE_CHECKING:
    from index import Command, CommandType
    from videolib.catalogue.pool import CataloguePool
    from videolib.core.options import Option
    from videolib.storage.artifacts import Artifact
    from videolib.storage.folders import Roots
    from videoserver.settings import ServerSettings


OUTPUT_FOLDERS = ("dest",)  # parameters that name a folder outside that of the job


class CommandBuilder:
    """Builds the commands that answer requests; they share the open catalogues of the pool."""

    def __init__(self, roots: Roots, catalogue_pool: CataloguePool) -> None:
        self.roots, self.catalogue_pool = roots, catalogue_pool

    def build(self, command: type[CommandType], directory: str, **options: Any) -> CommandType:
        """A command on the folder of a request; options that are None or "" stay as configured.

        Raises OutsideError, NotFoundError, or ParameterError for a wrong value.
        """
        folder = self.roots.folder(directory)
        values: dict[str, Any] = {"directory": folder}
        values |= {name: value for name, value in options.items() if value not in (None, "")}
        context = Context(Config.load(None, folder), self.roots, self.catalogue_pool)
        return build(command, values, context)


def job_tasks() -> dict[str, type[Command]]:
    """The commands that may run as jobs, by every name and alias of theirs."""
    return {
        name: command
        for name, command in COMMANDS.items()
        if issubclass(command, RunCommand) or name in JOB_COMMANDS
    }


def job_parameters(command: type[Command]) -> dict[str, Option]:
    """The options of a command that `params` of a job may set; the others are fields of the job, or
    for the command line only."""
    fields = ("directory", "recursive", "force", "output_format")
    options = command.options().items()
    return {n: o for n, o in options if n not in fields and (o.by_name or not o.local)}


def model_names(models: Iterable[str], folder: Path) -> dict[str, str]:
    """Name of each Whisper model that jobs in a folder may choose -> the model itself, by name or
    folder; the first is the default there."""
    default = Subtitles(**Config.load(None, folder).settings(Subtitles)).model_
    return {Path(model).name: model for model in (default, *models)}


def made_kind(command: type[Command]) -> str | None:
    """The kind of artifact that a command makes, one per video; None where it makes none."""
    return command.artifact.kind if issubclass(command, VideoTask) else None


def kind_details() -> dict[str, dict[str, Any]]:
    """Kind of artifact -> what people choose it by, as GET /config has it."""
    commands = {made_kind(command): command for command in job_tasks().values()}
    return {kind: kind_json(artifact, commands.get(kind)) for kind, artifact in ARTIFACTS.items()}


def kind_json(artifact: Artifact, command: type[Command] | None) -> dict[str, Any]:
    """A kind of artifact and the command that makes it, None for no command: a KindOut."""
    task = command if command and issubclass(command, VideoTask) else None
    return {
        "label": artifact.label,
        "task": command_names(task)[0] if task else None,
        "on_request": task is not None and not task.by_default,
        "slow": task is not None and task.batch_limit == 1,
        "finds_faults": artifact.finds_faults,
        "entries": artifact.entries and dict(zip(("list", "word"), artifact.entries, strict=True)),
    }


def task_json(command: type[Command], models: Sequence[str]) -> dict[str, Any]:
    """A command as GET /tasks has it: {task, aliases, kind, summary, takes, params}, where `params`
    is the JSON schema of its parameters; `models`: the names of those that jobs may choose."""
    names, parameters = command_names(command), job_parameters(command)
    schema = command.model().model_json_schema()
    schema["properties"] = {n: p for n, p in schema["properties"].items() if n in parameters}
    for name, declared in parameters.items():
        if declared.by_name:
            schema["properties"][name] |= {"enum": models, "default": models[0]}
    return {
        "task": names[0],
        "aliases": names[1:],
        "kind": made_kind(command),
        "summary": summary_line(command),
        "takes": [name for name in ("recursive", "force") if name in command.options()],
        "params": schema,
    }


def task_defaults(folder: Path, models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name of each task -> the values of its parameters where a job in that folder sets none;
    `models` as in `task_json`."""
    config, defaults = Config.load(None, folder), {}
    for name, command in job_tasks().items():
        parameters = job_parameters(command)
        values = {n: option.default for n, option in parameters.items()}
        values |= {n: v for n, v in config.settings(command).items() if n in values}
        values |= {n: models[0] for n, option in parameters.items() if option.by_name}
        defaults[name] = jsonable(values)
    return defaults


def job_command(
    task: str,
    directory: str,
    switches: Mapping[str, bool],
    params: Mapping[str, Any],
    settings: ServerSettings,
) -> Command:
    """The command of a job, confined to the roots and models of the settings; `switches` are
    `recursive` and `force`.

    Raises ParameterError, which names the fields of the job, OutsideError, NotFoundError or
    UsageError.
    """
    command = job_tasks().get(task)
    if command is None:
        raise ParameterError([("task", f"no such task; there are {', '.join(job_tasks())}")])
    roots = settings.roots
    folder = roots.folder(directory)
    if errors := unknown_parameters(task, command, switches, params):
        raise ParameterError(errors)
    values: dict[str, Any]
    values = {name: value for name, value in switches.items() if name in command.options()}
    values |= {name: confined(command, name, v, folder, roots) for name, v in params.items()}
    for name in values:
        if command.options()[name].by_name:
            values[name] = chosen_model(name, values[name], model_names(settings.models, folder))
    if "directory" in command.options():
        values["directory"] = folder
    try:
        return build(command, values, Context(Config.load(None, folder), roots))
    except ParameterError as error:
        fields = [(f"params.{name}", message) for name, message in error.fields]
        raise ParameterError(fields) from None


def unknown_parameters(
    task: str, command: type[Command], switches: Mapping[str, bool], params: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """(field, message) of each parameter and switch that a job sets and its command lacks."""
    parameters = job_parameters(command)
    errors = [
        (f"params.{printable(name)}", "no such parameter")
        for name in params
        if name not in parameters
    ]
    errors += [
        (name, f"{task} has no such parameter")
        for name, is_on in switches.items()
        if is_on and name not in command.options()
    ]
    return errors


def confined(command: type[Command], name: str, value: Any, folder: Path, roots: Roots) -> Any:
    """The value of a parameter; one that is a path is made absolute, from the folder, or from its
    root where it is to be outside the folder.

    Raises OutsideError where it is not in a root.
    """
    if names_path(command.hints()[name]) and value and isinstance(value, str):
        base = roots.root_of(folder) if name in OUTPUT_FOLDERS else folder
        return str(roots.resolve(value, base))
    return value


def chosen_model(parameter: str, name: object, models: Mapping[str, str]) -> str:
    """The model of that name. Raises ParameterError where the server allows none."""
    if isinstance(name, str) and name in models:
        return models[name]
    names = " or ".join(map(printable, models))
    message = f"should be {names}, which this server allows; got {printable(str(name)[:100])}"
    raise ParameterError([(f"params.{parameter}", message)])


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON has them, paths as text."""
    return {n: str(v) if isinstance(v, Path) else v for n, v in values.items()}
