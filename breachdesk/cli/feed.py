"""Commands for steps 1–3: ingest, parse, detect."""

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

from breachdesk.bootstrap.container import Container, hold_lock, read_system_clock
from breachdesk.bootstrap.settings import get_data_dir, load_settings
from breachdesk.bootstrap.upkeep import check_tail, store_gaps
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    ProgressBar,
    err,
    opened_container,
    out,
    print_json,
)
from schemas.errors import BadInput, NotFound, UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import Settings, SourceSettings
from streams.intake.files.reader import IngestReport, ingest_file
from streams.intake.splitting.record_splitter import split_records
from streams.normalise.explain import RecordExplainer
from streams.normalise.parse_lines import parse_lines, render_json
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import read_one
from streams.parser_loading import load_parsers
from streams.parser_process.adapter import MOST_MIXED_RECORDS, ParserProcess
from streams.ports.metrics import NullParserMetrics
from streams.process.detect import detect as detect_events
from streams.sigma.load import load_rules

NO_EVENT = {"error", "folded", "ignored"}
"""What `parse` prints of a line that became no event: `detect` passes over it."""
GZIP = b"\x1f\x8b"
FORMATS = "auto or a parser's id"


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    app.command("ingest")(ingest_files)
    app.command("parse")(parse_file)
    app.command("detect")(detect_in_events)


def ingest_files(
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
    with opened_container(data_dir) as container:
        if format != "auto":
            _set_format(container, [source or derive_source_name(f) for f in files], format)
        shared = bool(container.settings.kafka.servers)
        if not shared:
            check_tail(container)
        for file in files:
            _ingest_one(
                container, file, source or derive_source_name(file), follow=follow, as_json=as_json
            )
        if shared:
            err.print("Kafka has the records; the workers take them from there.")
            return
        with hold_lock(container.settings.data_dir, "pipeline") as alone:
            if alone:
                names = {source or derive_source_name(file) for file in files}
                _run_until_drained(container, names, as_json=as_json)
            else:
                err.print("breachdesk run serves this folder and takes the records from here.")


def derive_source_name(file: Path) -> str:
    """Derive the source's name from the file's, as `m365` from `m365.ndjson.gz`."""
    return file.name.split(".")[0] or file.name


def _set_format(container: Container, names: list[str], format_id: str) -> None:
    """Set one parser for all these sources in this run."""
    if container.settings.kafka.servers:
        raise BadInput(
            "the workers read the records, and they follow the settings alone",
            place="--format",
            remedy="Name the source's parser under [[sources]] in breachdesk.toml.",
        )
    settings = container.settings
    _check_format(format_id, settings)
    pinned = tuple(settings.get_source(n).model_copy(update={"parser": format_id}) for n in names)
    others = tuple(s for s in settings.sources if s.name not in names)
    container.settings = settings.model_copy(update={"sources": (*others, *pinned)})


def _check_format(format_id: str, settings: Settings) -> None:
    known = ("auto", *load_parsers(settings.reading.parsers))
    if format_id not in known:
        raise BadInput(
            f"no format {format_id}", place="--format", remedy=f"Use one of {', '.join(known)}."
        )


def _ingest_one(
    container: Container, file: Path, source: str, *, follow: bool, as_json: bool
) -> IngestReport:
    with ProgressBar(f"reading {file.name}") as bar:
        report = ingest_file(
            file,
            container.log,
            source=source,
            now=container.now,
            backfill=not follow,
            follow=follow,
            max_line_bytes=container.settings.intake.max_line_bytes,
            progress=lambda position, total, _records: bar.set_progress(position, total),
        )
    if as_json:
        print_json(
            {"file": str(file), "source": source, "records": report.records, "bytes": report.bytes}
        )
    else:
        out.print(f"{file.name}: {report.records:,} records kept as source {source}")
    return report


def _run_until_drained(container: Container, names: set[str], *, as_json: bool) -> None:
    """Drive the pipeline until it is drained, then print how many lines of these sources became
    events."""
    store_gaps(container)
    before = _count_outcomes(container, names)
    alerts = container.store.read(lambda uow: uow.alerts.count())
    with ProgressBar("detecting") as bar:
        container.build_worker().process_all(progress=bar.set_progress)
    became = {k: v - before[k] for k, v in _count_outcomes(container, names).items()}
    became["new_alerts"] = container.store.read(lambda uow: uow.alerts.count()) - alerts
    if as_json:
        print_json({"became": became})
    else:
        out.print("became " + ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in became.items()))
    _print_unknown(container, names)


def _count_outcomes(container: Container, names: set[str]) -> dict[str, int]:
    views = [v for v in container.store.read(lambda uow: uow.sources.list()) if v.name in names]
    fields = ("parsed", "ignored", "dead_letters", "not_understood")
    return {("events" if f == "parsed" else f): sum(getattr(v, f) for v in views) for f in fields}


def _print_unknown(container: Container, names: set[str]) -> None:
    views, unknown = container.store.read(
        lambda uow: (uow.sources.list(), uow.customers.list_unattributed())
    )
    for view in views:
        if view.not_understood and view.name in names:
            lines = f"{view.not_understood:,} line{'s' if view.not_understood > 1 else ''}"
            err.print(f"source {view.name} seen, not understood: {lines}, kept")
    for each in unknown:
        err.print(f"{each.key}, {each.events:,} events: whose? Bind it in the console.")


def parse_file(
    file: Annotated[Path, typer.Argument(help="One raw line a line; - is stdin.")],
    format: Annotated[str, typer.Option("--format", help=FORMATS)] = "auto",  # noqa: A002
    zone: Annotated[str, typer.Option(help="Zone of stamps that carry none.")] = "UTC",
    source: Annotated[str, typer.Option(help="Name of the source.")] = "",
    explain: Annotated[
        bool, typer.Option(help="Say which parsers were asked, and what each expected where.")
    ] = False,
) -> None:
    """Parse raw lines and print one ECS JSON object a line, in order."""
    settings = load_settings(get_data_dir(None))
    _check_format(format, settings)
    configured = settings.get_source(source or derive_source_name(file))
    named = configured.model_copy(update={"parser": format, "zone": zone})
    settings = settings.model_copy(update={"sources": (named,)})
    lines = split_records(read_bytes(file))
    if explain:
        _print_explanations(lines, settings, named)
        return
    write = sys.stdout.buffer.write
    with closing(
        ParserProcess(settings, NullParserMetrics(), most_records=MOST_MIXED_RECORDS)
    ) as reader:
        for document in parse_lines(
            lines, reader=reader, source=named.name, arrived=read_system_clock()
        ):
            write(render_json(document))
    sys.stdout.buffer.flush()


def _print_explanations(lines: Iterable[bytes], settings: Settings, source: SourceSettings) -> None:
    recogniser = FormatRecogniser(load_parsers(settings.reading.parsers))
    explainer, arrived = RecordExplainer(recogniser), read_system_clock()
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        record = RawRecord(RecordPosition("parse", number), source.name, raw, arrived)
        outcome = read_one(recogniser, record, source)
        if isinstance(outcome, UnparseableRecord):
            out.print(f"line {number}: {outcome}", markup=False, highlight=False, soft_wrap=True)
        else:
            out.print(f"line {number}: read by {outcome[0]}", markup=False, highlight=False)
        for text in explainer.explain(record, source):
            out.print(text, markup=False, highlight=False, soft_wrap=True)


def read_bytes(file: Path) -> bytes:
    """Read the file's bytes, or stdin's for `-`, and unpack gzip. Raises NotFound."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        raise NotFound(
            f"cannot be read ({error})", place=str(file), remedy="Check the path."
        ) from error


def detect_in_events(
    rules: Annotated[list[Path], typer.Option("--rules", help="Files or folders of rules.")],
    events: Annotated[Path, typer.Option(help="ECS JSON, one a line; - is stdin.")] = Path("-"),
) -> None:
    """Detect findings in ECS events, with the code that runs live and in event time."""
    book = load_rules(rules, behaviours=False)
    for finding in detect_events(book, _iterate_documents(read_bytes(events), str(events))):
        print_json(finding)


def _iterate_documents(data: bytes, place: str) -> Iterator[dict[str, object]]:
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
