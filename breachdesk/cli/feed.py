"""Steps 1–3 by hand: ingest, parse, detect."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import orjson
import typer

from breachdesk.bootstrap.house import Premises, holding, system_now
from breachdesk.bootstrap.settings import data_dir_or_default, load_settings
from breachdesk.bootstrap.upkeep import carry_gaps, check_tail
from breachdesk.cli.options import AsJson, Bar, DataDir, err, out, premises, print_json
from schemas.errors import BadInput, NotFound
from schemas.settings import Settings, SourceSettings
from streams.detect import detect as detect_events
from streams.intake.files import IngestReport, ingest_file
from streams.intake.framing import split_records
from streams.observed import SilentReadingMeter
from streams.parse_lines import as_json, parse_lines
from streams.parser_loading import load_parsers
from streams.parser_process.adapter import ParserProcess
from streams.sigma.load import load_rules

NO_EVENT = {"error", "folded"}
"""What `parse` prints of a line that became no event: `detect` passes over it."""
GZIP = b"\x1f\x8b"
FORMATS = "auto or a parser's id"


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    app.command()(ingest)
    app.command()(parse)
    app.command()(detect)


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…")],
    source: Annotated[str, typer.Option(help="Name of the source; default the file's name.")] = "",
    format: Annotated[str, typer.Option("--format", help=FORMATS)] = "auto",  # noqa: A002
    follow: Annotated[bool, typer.Option(help="Go on as the file grows.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Feed log files: kept as received, then parsed, matched and folded into alerts."""
    for file in files:
        if not file.is_file():
            raise NotFound("no such file", place=str(file), remedy="Check the path.")
    with premises(data_dir) as house:
        if format != "auto":
            _pin_format(house, [source or source_name(f) for f in files], format)
        shared = bool(house.settings.kafka.servers)
        if not shared:
            check_tail(house)
        for file in files:
            _ingest_one(house, file, source or source_name(file), follow=follow, as_json=as_json)
        if shared:
            err.print("Kafka has the records; the workers take them from there.")
            return
        with holding(house.settings.data_dir, "pipeline") as alone:
            if alone:
                names = {source or source_name(file) for file in files}
                _drain(house, names, as_json=as_json)
            else:
                err.print("breachdesk run serves this folder and takes the records from here.")


def source_name(file: Path) -> str:
    """`m365.ndjson.gz` → `m365`."""
    return file.name.split(".")[0] or file.name


def _pin_format(house: Premises, names: list[str], format_id: str) -> None:
    """These sources are read by one parser in this run."""
    if house.settings.kafka.servers:
        raise BadInput(
            "the workers read the records, and they follow the settings alone",
            place="--format",
            remedy="Name the source's parser under [[sources]] in breachdesk.toml.",
        )
    settings = house.settings
    _known_format(format_id, settings)
    pinned = tuple(settings.source(n).model_copy(update={"parser": format_id}) for n in names)
    others = tuple(s for s in settings.sources if s.name not in names)
    house.settings = settings.model_copy(update={"sources": (*others, *pinned)})


def _known_format(format_id: str, settings: Settings) -> None:
    known = ("auto", *load_parsers(settings.reading.parsers))
    if format_id not in known:
        raise BadInput(
            f"no format {format_id}", place="--format", remedy=f"Use one of {', '.join(known)}."
        )


def _ingest_one(
    house: Premises, file: Path, source: str, *, follow: bool, as_json: bool
) -> IngestReport:
    with Bar(f"reading {file.name}") as bar:
        report = ingest_file(
            file,
            house.log,
            source=source,
            now=house.now,
            backfill=not follow,
            follow=follow,
            max_line_bytes=house.settings.intake.max_line_bytes,
            progress=lambda done, total, _records: bar.to(done, total),
        )
    if as_json:
        print_json(
            {"file": str(file), "source": source, "records": report.records, "bytes": report.bytes}
        )
    else:
        out.print(f"{file.name}: {report.records:,} records kept as source {source}")
    return report


def _drain(house: Premises, names: set[str], *, as_json: bool) -> None:
    """Drive the pipeline until all is drained, and say what became of these sources' lines."""
    carry_gaps(house)
    before = _counts(house, names)
    alerts = house.store.look(lambda uow: uow.alerts.count())
    with Bar("detecting") as bar:
        house.worker().drain(progress=bar.to)
    became = {k: v - before[k] for k, v in _counts(house, names).items()}
    became["new_alerts"] = house.store.look(lambda uow: uow.alerts.count()) - alerts
    if as_json:
        print_json({"became": became})
    else:
        out.print("became " + ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in became.items()))
    _say_what_nobody_knows(house, names)


def _counts(house: Premises, names: set[str]) -> dict[str, int]:
    views = [v for v in house.store.look(lambda uow: uow.sources.list()) if v.name in names]
    fields = ("parsed", "folded", "dead_letters", "not_understood")
    return {("events" if f == "parsed" else f): sum(getattr(v, f) for v in views) for f in fields}


def _say_what_nobody_knows(house: Premises, names: set[str]) -> None:
    views, unknown = house.store.look(
        lambda uow: (uow.sources.list(), uow.customers.unattributed())
    )
    for view in views:
        if view.not_understood and view.name in names:
            lines = f"{view.not_understood:,} line{'s' if view.not_understood > 1 else ''}"
            err.print(f"source {view.name} seen, not understood: {lines}, kept")
    for each in unknown:
        err.print(f"{each.key}, {each.events:,} events: whose? Bind it in the console.")


def parse(
    file: Annotated[Path, typer.Argument(help="One raw line a line; - is stdin.")],
    format: Annotated[str, typer.Option("--format", help=FORMATS)] = "auto",  # noqa: A002
    zone: Annotated[str, typer.Option(help="Zone of stamps that carry none.")] = "UTC",
    source: Annotated[str, typer.Option(help="Name of the source.")] = "",
) -> None:
    """Raw lines in, one ECS JSON object a line out, in order."""
    settings = load_settings(data_dir_or_default(None))
    _known_format(format, settings)
    named = SourceSettings(name=source or source_name(file), parser=format, zone=zone)
    settings = settings.model_copy(update={"sources": (named,)})
    lines = split_records(read_bytes(file))
    write = sys.stdout.buffer.write
    with closing(ParserProcess(settings, SilentReadingMeter())) as reader:
        for document in parse_lines(lines, reader=reader, source=named.name, arrived=system_now()):
            write(as_json(document))
    sys.stdout.buffer.flush()


def read_bytes(file: Path) -> bytes:
    """The file's bytes, or stdin's for `-`, unpacked if gzip. Raises NotFound."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        raise NotFound(
            f"cannot be read ({error})", place=str(file), remedy="Check the path."
        ) from error


def detect(
    rules: Annotated[list[Path], typer.Option("--rules", help="Files or folders of rules.")],
    events: Annotated[Path, typer.Option(help="ECS JSON, one a line; - is stdin.")] = Path("-"),
) -> None:
    """ECS events in, findings out, by the same code path as live, in event time."""
    book = load_rules(rules, behaviours=False)
    for finding in detect_events(book, _documents(read_bytes(events), str(events))):
        print_json(finding)


def _documents(data: bytes, place: str) -> Iterator[dict[str, object]]:
    lines: Iterable[bytes] = data.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadInput(
                f"not JSON ({error.msg})",
                place=f"{place}, line {number}",
                remedy="Give one ECS JSON object a line (breachdesk parse makes them).",
            ) from None
        if not isinstance(document, dict):
            raise BadInput(
                "JSON, but no object",
                place=f"{place}, line {number}",
                remedy="Give one ECS JSON object a line (breachdesk parse makes them).",
            )
        if not NO_EVENT & document.keys() or "@timestamp" in document:
            yield document
