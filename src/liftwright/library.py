"""prompts/ and policies/ from disk as typed, hashed objects. Does not judge rules: `compliance.rules.check` binds their predicates.

Files ship inside the package; in a checkout they are found at its root. A file of the operator's own folder replaces the
shipped file of the same path, or adds to them.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785
import yaml
from pydantic import ValidationError

from liftwright.domain.errors import ConfigError, PolicyError
from liftwright.domain.policy import AGENTS, TOOL_MODES, PolicyBundle, Rule, RuleScope
from liftwright.domain.prompt import Prompt

_SCOPES: tuple[RuleScope, ...] = ("person", "content", "plan")
_TYPES = ("text", "integer", "number", "boolean", "date")
_PLACE = re.compile(r"(?<!\\)\{\{\s*([^{}]*?)\s*\}\}")
_FACTS, _AUTONOMY, _TOOLS = "schema/facts.yaml", "autonomy.yaml", "tools.yaml"
_TEMPLATES, _WORDING = "content/templates.yaml", "content/wording.yaml"


_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's where it is there: ten times as quick


class _Loader(_Parser):  # type: ignore[misc]
    """YAML as people read it: NO is Norway and 10:00 is a time of day, not False and 600; a key given twice is an error."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))


@dataclass(frozen=True)
class _Record:
    """One item of a policy file and where it stands."""

    data: Any
    where: str


_assembled: dict[object, tuple[PolicyBundle, dict[str, Any], dict[str, str]]] = {}
"""What was read from files, by their names, sizes and times of change, for every library of this process."""


class DiskLibrary:
    """Implements `ports.Library`. `directory` is the operator's folder with `prompts/` and `policies/` of their own, or None."""

    def __init__(self, directory: Path | None = None) -> None:
        self._roots: tuple[Path, ...] = (shipped(), *((directory,) if directory is not None else ()))
        self._cached: tuple[object, PolicyBundle, dict[str, Any], dict[str, str]] | None = None

    def prompt(self, name: str) -> Prompt:
        """The prompt `prompts/<name>.md`. Raises ConfigError when it is missing or does not fit its own front matter."""
        files = self._files("prompts", ".md")
        path = files.get(f"{name}.md")
        if path is None:
            known = sorted(relative.removesuffix(".md") for relative in files)
            raise ConfigError(
                "PROMPT-MISSING",
                f"There is no prompt '{name}'.{_nearest(name, known)}",
                next_step="Add the file or mend the name.",
            )
        return parse_prompt(path.read_text(encoding="utf-8"), name=name, where=f"prompts/{name}.md")

    def prompts(self) -> tuple[Prompt, ...]:
        """Every prompt, by name."""
        return tuple(self.prompt(relative.removesuffix(".md")) for relative in sorted(self._files("prompts", ".md")))

    def policies(self) -> PolicyBundle:
        """Every rule, the fact schema and the autonomy levels. Raises PolicyError naming the file and line of what is wrong."""
        return self._load()[0]

    def templates(self) -> dict[str, Any]:
        """`templates` (approved messages), `merge_tags`, and the lists of `wording.yaml`, as in `policies/content/`."""
        return self._load()[1]

    def where(self, rule_id: str) -> str:
        """File and line of a rule as they were last read, for messages; empty when unknown."""
        return (self._cached[1:] if self._cached else self._load())[2].get(rule_id, "")

    def directory(self, name: str) -> Path:
        """A shipped data folder (prompts, policies, evals); the operator's own where they have one."""
        return next((root / name for root in reversed(self._roots) if (root / name).is_dir()), self._roots[0] / name)

    def _files(self, folder: str, suffix: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for root in self._roots:
            for path in sorted((root / folder).rglob(f"*{suffix}")):
                found[path.relative_to(root / folder).as_posix()] = path
        return found

    def _load(self) -> tuple[PolicyBundle, dict[str, Any], dict[str, str]]:
        files = self._files("policies", ".yaml")
        state = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files.values())
        if self._cached is None or self._cached[0] != state:
            if state not in _assembled:
                _assembled[state] = _assemble(files)
                if len(_assembled) > 4:
                    _assembled.pop(next(iter(_assembled)))
            self._cached = (state, *_assembled[state])
        return self._cached[1:]


def shipped() -> Path:
    """The folder that holds the files that come with Liftwright: inside the package, or the root of a checkout."""
    inside = Path(__file__).parent / "_data"
    return inside if inside.is_dir() else Path(__file__).parents[2]


def parse_prompt(text: str, *, name: str, where: str) -> Prompt:
    """Front matter (name, version, inputs, output) and a body whose `{{places}}` are exactly the inputs.

    Write `\\{{first_name}}` for a merge tag that is not a place. Raises ConfigError naming the place.
    """
    parts = re.match(r"---\r?\n(.*?)\r?\n---\r?\n(.*)\Z", text, re.DOTALL)
    matter = _yaml(parts.group(1), where=where, error=ConfigError) if parts else None
    if parts is None or not isinstance(matter, dict):
        raise _bad_prompt("PROMPT-FORM", f"{where} does not start with front matter between two lines of '---'.")
    absent = [key for key in ("name", "version", "inputs", "output") if key not in matter]
    if absent or matter["name"] != name or not isinstance(matter["inputs"], list) or not isinstance(matter["version"], int):
        problem = f"misses {', '.join(absent)}" if absent else f"must have name: {name}, a whole version and a list of inputs"
        raise _bad_prompt("PROMPT-FORM", f"The front matter of {where} {problem}.")
    inputs, body = tuple(str(item) for item in matter["inputs"]), parts.group(2)
    places = dict.fromkeys(_PLACE.findall(body))
    for place in places:
        if place not in inputs:
            raise _bad_prompt(
                "PROMPT-PLACE", f"{where} uses {{{{{place}}}}}, which is not one of its inputs.{_nearest(place, inputs)}"
            )
    for wanted in inputs:
        if wanted not in places:
            raise _bad_prompt("PROMPT-INPUT", f"{where} names the input '{wanted}' and never uses it.")
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return Prompt(name=name, version=matter["version"], inputs=inputs, output=str(matter["output"]), body=body, digest=digest)


def _bad_prompt(code: str, says: str) -> ConfigError:
    return ConfigError(code, says, next_step="Mend the prompt file.")


def _assemble(files: dict[str, Path]) -> tuple[PolicyBundle, dict[str, Any], dict[str, str]]:
    special = {name: _read(files, name) for name in (_FACTS, _AUTONOMY, _TOOLS, _TEMPLATES, _WORDING)}
    facts, groups = _facts(special[_FACTS])
    rules: dict[str, Rule] = {}
    where: dict[str, str] = {}
    for record in (record for name in sorted(files.keys() - special.keys()) for record in _records(files[name], name)):
        rule = _rule(record, groups)
        if rule.id in rules:
            raise _bad("POLICY-DUPLICATE", f"{record.where}: the rule {rule.id} already stands in {where[rule.id]}.")
        rules[rule.id], where[rule.id] = rule, record.where
    ordered = tuple(rules[key] for key in sorted(rules))
    autonomy = _mapping(special[_AUTONOMY], "levels")
    templates = _mapping(special[_TEMPLATES], "templates").data | _mapping(special[_WORDING], "banned").data
    content = {
        "rules": [rule.model_dump(mode="json") for rule in ordered],
        "facts": facts,
        "autonomy": autonomy.data,
        "templates": templates,
        "tools": special[_TOOLS].data,
    }
    tools = _permissions(special[_TOOLS])
    digest = "sha256:" + hashlib.sha256(rfc8785.dumps(content)).hexdigest()
    return PolicyBundle(rules=ordered, facts=facts, autonomy=autonomy.data, tools=tools, digest=digest), templates, where


def _permissions(record: _Record) -> dict[str, tuple[str, ...]]:
    """Agent to tools. Refuses an agent or tool nobody declared, and a mode that does not exist: there is none that has an effect."""
    modes, rows = _mapping(record, "tools").data["tools"], _mapping(record, "agents").data["agents"]
    for tool, mode in modes.items():
        if mode not in TOOL_MODES:
            raise _bad("POLICY-TOOLS", f"{record.where}: '{mode}' is no mode of {tool}; a tool may {', '.join(TOOL_MODES)}.")
    for agent, tools in rows.items():
        if agent not in AGENTS:
            raise _bad("POLICY-TOOLS", f"{record.where}: there is no agent '{agent}'.{_nearest(agent, AGENTS)}")
        for tool in tools:
            if tool not in modes:
                raise _bad(
                    "POLICY-TOOLS",
                    f"{record.where}: {agent} has the tool '{tool}', which is not declared.{_nearest(tool, list(modes))}",
                )
    return {agent: tuple(tools) for agent, tools in rows.items()}


def _read(files: dict[str, Path], name: str) -> _Record:
    if name not in files:
        raise _bad("POLICY-FILE", f"policies/{name} is missing.")
    where = f"policies/{name}"
    return _Record(_yaml(files[name].read_text(encoding="utf-8"), where=where, error=PolicyError), where)


def _mapping(record: _Record, key: str) -> _Record:
    if not isinstance(record.data, dict) or not record.data.get(key):
        raise _bad("POLICY-FORM", f"{record.where} has no '{key}:'.")
    return record


def _records(path: Path, name: str) -> Iterator[_Record]:
    where = f"policies/{name}"
    text = path.read_text(encoding="utf-8")
    data = _yaml(text, where=where, error=PolicyError)
    if data is None:
        return
    if not isinstance(data, list):
        raise _bad("POLICY-FORM", f"{where} must be a list of rules, each starting with '- id:'.")
    node = yaml.compose(text, Loader=_Loader)
    lines = [item.start_mark.line + 1 for item in node.value] if node is not None else []
    yield from (_Record(item, f"{where}:{line}") for item, line in zip(data, lines, strict=True))


def _rule(record: _Record, groups: dict[str, list[str]]) -> Rule:
    if not isinstance(record.data, dict):
        raise _bad("POLICY-FORM", f"{record.where} is not a rule: a rule is a list of 'key: value' lines.")
    data = dict(record.data)
    name = f"{record.where}, rule {data.get('id', '(without an id)')}"
    effective = data.pop("effective", None) or {}
    if not isinstance(effective, dict) or effective.keys() - {"from", "until"}:
        raise _bad("POLICY-FORM", f"{name}: 'effective' takes 'from' and 'until'.")
    data |= {f"effective_{key}": value for key, value in effective.items()}
    for key in ("applies", "excepts"):
        data[key] = _applies(data.get(key) or {}, groups, where=name)
    try:
        rule = Rule.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        hint = _nearest(str(first["loc"][-1]), tuple(Rule.model_fields)) if first["type"] == "extra_forbidden" else ""
        raise _bad("POLICY-FORM", f"{name}: '{place}': {first['msg']}.{hint}") from error
    if rule.effective_until is not None and rule.effective_until < rule.effective_from:
        raise _bad("POLICY-DATES", f"{name}: it ends on {rule.effective_until}, before it starts on {rule.effective_from}.")
    if {test.violates for test in rule.tests} != {True, False}:
        raise _bad("POLICY-TESTS", f"{name}: it needs at least one test that violates and one that does not.")
    return rule


def _applies(applies: Any, groups: dict[str, list[str]], *, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(applies, dict):
        raise _bad("POLICY-FORM", f"{where}: 'applies' takes lines such as 'country: [US]'.")
    spread: dict[str, tuple[str, ...]] = {}
    for fact, values in applies.items():
        listed = [values] if isinstance(values, str) else values
        if not isinstance(listed, list) or not all(isinstance(value, str) for value in listed) or not listed:
            raise _bad("POLICY-FORM", f"{where}: 'applies: {fact}' must be a list of words.")
        spread[fact] = tuple(dict.fromkeys(code for value in listed for code in groups.get(value, [value])))
    return spread


def _facts(record: _Record) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Facts as `name: "type scope scope"` and the groups of codes."""
    data = _mapping(record, "facts").data
    facts: dict[str, str] = {}
    for item in data["facts"]:
        scopes = [scope for scope in _SCOPES if isinstance(item, dict) and scope in item.get("scope", [])]
        if not scopes or item.get("type") not in _TYPES or not re.fullmatch(r"[a-z][a-z0-9_]*", str(item.get("name"))):
            raise _bad("POLICY-FORM", f"{record.where}: a fact needs a name, a type ({', '.join(_TYPES)}) and scopes: {item}.")
        if item["name"] in facts:
            raise _bad("POLICY-DUPLICATE", f"{record.where}: the fact '{item['name']}' is declared twice.")
        facts[item["name"]] = " ".join([item["type"], *scopes])
    return facts, data.get("groups") or {}


def _yaml(text: str, *, where: str, error: type[ConfigError] | type[PolicyError]) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark is not None else where
        code = "POLICY-SYNTAX" if error is PolicyError else "PROMPT-FORM"
        raise error(code, f"{place}: {getattr(problem, 'problem', problem)}.", next_step="Mend the file.") from problem


def _bad(code: str, says: str) -> PolicyError:
    return PolicyError(code, says, next_step="Mend the file under policies/ and run `liftwright policy test`.")


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""
