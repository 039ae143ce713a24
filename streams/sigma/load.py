"""Load rule files to a RuleBook: YAML with one or many documents, rules and correlations, by
pySigma.

Base rules of a correlation do not alert by themselves unless it says `generate: true`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.rule import SigmaRule

from schemas.errors import BadInput
from schemas.pipeline.alert import Severity
from schemas.pipeline.plugin import Detector, load_plugins
from schemas.pipeline.rule import RuleInfo, RuleKind
from streams.sigma.bind import bind
from streams.sigma.options import read_options
from streams.sigma.rule_files import MEND, read_documents
from streams.sigma.rulebook import LoadedRule, RuleBook

__all__ = ["RuleBook", "load_rules"]


def load_rules(paths: Sequence[Path], *, behaviours: bool = True) -> RuleBook:
    """Read files and folders (every .yml and .yaml below them), and the Python behaviours.

    Raises BadInput naming file, rule and what is wrong; a book is whole or not at all.
    """
    loaded: dict[str, LoadedRule] = {}
    versions: dict[str, str] = {}
    for file in _iterate_files(paths):
        for one in _read(file):
            if one.id in loaded:
                raise BadInput(
                    f"rule id {one.id!r} is already in {loaded[one.id].origin}.",
                    place=one.place,
                    remedy="Give it another name.",
                )
            loaded[one.id] = one
            versions[one.id] = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    _resolve(list(loaded.values()))
    detectors: Mapping[str, Detector] = (
        load_plugins("streams.detectors", "DETECTOR") if behaviours else {}
    )
    rules, specs = bind(loaded, detectors)
    about = [_build_info(loaded[i], versions[i], specs[i]) for i in loaded if i in specs]
    about += [_build_behaviour_info(detector) for detector in detectors.values()]
    return RuleBook(
        rules=tuple(rules),
        specs=specs,
        detectors=detectors,
        loaded=loaded,
        about=sorted(about, key=lambda info: info.id),
    )


def _iterate_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in (".yml", ".yaml"))
        elif path.is_file():
            yield path
        else:
            raise BadInput("no such file or folder.", place=str(path), remedy="Check the path.")


def _read(file: Path) -> Iterator[LoadedRule]:
    location = SigmaRuleLocation(file)
    documents = read_documents(file)
    try:
        parsed = SigmaCollection.from_dicts(documents, source=location, resolve_references=False)
    except SigmaError as wrong:
        raise BadInput(f"{wrong.args[0]}.", place=str(file), remedy=MEND) from wrong
    for index, rule in enumerate(parsed.rules):
        rule_id = rule.name or (str(rule.id) if rule.id else None) or f"{file.stem}-{index + 1}"
        place = f"{file}, rule {rule_id}"
        yield LoadedRule(
            rule_id, rule, read_options(rule.custom_attributes, place), file.name, place
        )


def _resolve(loaded: Sequence[LoadedRule]) -> None:
    collection = SigmaCollection([one.rule for one in loaded], resolve_references=False)
    for one in loaded:
        if isinstance(one.rule, SigmaCorrelationRule):
            try:
                one.rule.resolve_rule_references(collection)
                one.rule.aliases.resolve_rule_references(collection)
            except SigmaError as wrong:
                raise BadInput(f"{wrong.args[0]}.", place=one.place, remedy=MEND) from wrong


def _build_info(one: LoadedRule, version: str, spec: Any) -> RuleInfo:
    rule = one.rule
    kind = RuleKind.EVENT if isinstance(rule, SigmaRule) else RuleKind(rule.type.name.lower())
    return RuleInfo(
        id=one.id,
        title=rule.title,
        description=(rule.description or "").strip(),
        severity=spec.severity,
        kind=kind,
        scope=one.options.scope,
        timespan=spec.timespan,
        quiet=spec.quiet,
        tags=tuple(str(tag) for tag in rule.tags),
        origin=one.origin,
        version=version,
    )


def _build_behaviour_info(detector: Detector) -> RuleInfo:
    source = Path(str(detector.signals.__code__.co_filename))
    return RuleInfo(
        id=detector.id,
        title=detector.title,
        description=detector.description,
        severity=Severity(detector.severity),
        kind=RuleKind.BEHAVIOUR,
        scope=detector.scope,
        timespan=detector.timespan,
        quiet=detector.quiet,
        tags=detector.tags,
        origin=source.name,
        version=hashlib.sha256(source.read_bytes()).hexdigest()[:12],
    )
