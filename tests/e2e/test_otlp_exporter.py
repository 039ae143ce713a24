"""OpenTelemetry's own exporter against a real `breachdesk run`."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from run_process import run_breachdesk, until
from shipped import NANOSECONDS

pytestmark = pytest.mark.slow

SSHD = "Nov 22 11:59:%02d web01 sshd[7]: Failed password for root from 203.0.113.%d port 40022 ssh2"
TOKEN = "token-of-this-test-0123"


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
def test_each_line_of_the_exporter_is_one_event(tmp_path: Path, compression: Compression) -> None:
    settings = f'[intake.http_tokens]\nweb = "{TOKEN}"\n[[sources]]\nname = "web"\nzone = "UTC"\n'
    with run_breachdesk(tmp_path / "data", settings) as run:
        exporter = OTLPLogExporter(
            f"{run.url}/v1/logs",
            headers={"Authorization": f"Bearer {TOKEN}"},
            compression=compression,
        )
        provider = LoggerProvider(Resource({"host.name": "web01"}), shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        logger = provider.get_logger("files")
        for number in range(60):
            logger.emit(
                LogRecord(
                    observed_timestamp=NANOSECONDS,
                    severity_number=SeverityNumber.INFO,
                    body=SSHD % (number, number),
                    attributes={"log.file.path": "/var/log/auth.log"},
                )
            )
        assert provider.force_flush()
        provider.shutdown()
        until(lambda: run.count_sources().get("web", {}).get("parsed") == 60)
        run.stop()
        records, source = run.list_records(), run.count_sources()["web"]

    assert [record.source for record in records] == ["web"] * 60
    assert len({record.raw for record in records}) == 60
    assert (source["received"], source["parsed"], source["dead_letters"]) == (60, 60, 0)
