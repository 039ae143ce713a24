"""Render letters, telephone scripts and reports from facts. The same context gives the same
bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from notifiers.letters import documents, lint, required_content
from notifiers.letters.formatting import wrap_text
from notifiers.letters.letter_context import (
    build_letter_context,
    format_attachment_names,
    select_locale,
)
from notifiers.letters.template_folder import TemplateFolder
from schemas.casework.affected import ContactChannel
from schemas.casework.case_file import PrintedCase
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.notice import RenderedText
from schemas.casework.report import RegulatorReport
from schemas.errors import BadInput
from schemas.settings import ProviderProfile
from schemas.text_signs import escape_json


class JinjaRenderer:
    """breachdesk.ports.DocumentRenderer, by shape, over one templates folder.

    `templates` holds `notices/<locale>/<kind>/` and `reports/`; `zone` is where times are told.
    Raises ConfigurationError at once for a missing folder or an unknown zone.
    """

    def __init__(self, templates: Path, zone: str = "Europe/London") -> None:
        self._folder = TemplateFolder(templates, zone)
        self._templates = templates

    def render_letter(self, context: LetterContext) -> RenderedText:
        """Render one notice. Raises BadInput naming template, line and variable."""
        locale = select_locale(self._folder, context)
        words = build_letter_context(self._folder, context, locale)
        template_path = f"notices/{locale}/{context.kind}"
        subject = " ".join(
            self._folder.render_template(f"{template_path}/subject.txt.j2", words).split()
        )
        text = wrap_text(self._folder.render_template(f"{template_path}/body.txt.j2", words))
        html = _strip_blank_lines(
            self._folder.render_template(f"{template_path}/body.html.j2", words)
        )
        attachments = {
            name: _format_json(
                self._folder.render_template(f"{template_path}/{template}", words),
                f"{template_path}/{template}",
            )
            for template, name in format_attachment_names(context).items()
        }
        return RenderedText(
            customer_id=context.recipient.customer_id,
            person_id=context.recipient.person_id,
            kind=context.kind,
            subject=subject,
            text=text,
            html=html,
            attachments=attachments,
            hash=compute_letter_hash(subject, text, html, attachments),
        )

    def find_missing_blocks(self, context: LetterContext) -> dict[str, str]:
        """Return the mandatory blocks that this letter would lack, as {block: what to fill in}."""
        return required_content.find_missing(context)

    def lint(self, letter: RenderedText, context: LetterContext) -> Sequence[LintProblem]:
        """List what must not be in a letter, for any reader."""
        return lint.lint_letter(letter, context)

    def lint_script(self, script: str, context: LetterContext) -> Sequence[LintProblem]:
        """List what must not be said on the telephone."""
        return lint.lint_script(script, context)

    def list_lint_targets(self) -> Sequence[str]:
        """List what `lint` and `lint_script` look for, in the plural: `links`, `IP addresses`."""
        return lint.list_lint_targets()

    def render_telephone_script(self, context: LetterContext) -> RenderedText:
        """Render the letter's facts as a script for a telephone call."""
        locale = select_locale(self._folder, context)
        words = build_letter_context(self._folder, context, locale)
        name = f"notices/{locale}/{context.kind}/script.txt.j2"
        text = wrap_text(self._folder.render_template(name, words))
        return RenderedText(
            customer_id=context.recipient.customer_id,
            person_id=context.recipient.person_id,
            kind=context.kind,
            channel=ContactChannel.TELEPHONE,
            subject="",
            text=text,
            html="",
            hash=compute_letter_hash("", text, "", {}),
        )

    def get_templates_version(self) -> str:
        """Compute a digest over name, size and modification time of every file of the notices."""
        folder = self._templates / "notices"
        files = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*"))
        rows = sorted((name, at.st_size, at.st_mtime_ns) for name, at in files)
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def render_report_text(self, report: RegulatorReport) -> str:
        """Render the report in the form's order, to copy from; missing answers are marked in
        place."""
        sections = [(s, list(q)) for s, q in groupby(report.questions, key=lambda q: q.section)]
        words = {
            "report": report,
            "sections": sections,
            "stage": documents.STAGES[report.stage],
        }
        filled = self._folder.render_template("reports/regulator.txt.j2", words)
        return filled.strip("\n") + "\n"

    def render_report_pdf(self, report: RegulatorReport, profile: ProviderProfile) -> bytes:
        """Render A4 pages in the form's order. Raises BadInput if the typst template is invalid."""
        return documents.render_report_pdf(self._templates, report, profile, self._folder.zone)

    def render_case_file_pdf(self, printed: PrintedCase) -> bytes:
        """Render a case as A4 pages. Raises BadInput if the typst template is invalid."""
        return documents.render_case_file_pdf(self._templates, printed)

    def render_png(self, svg: str) -> bytes:
        """Convert one of our SVG pictures to PNG."""
        return documents.render_png(self._templates, svg)


def compute_letter_hash(subject: str, text: str, html: str, attachments: dict[str, str]) -> str:
    """Compute the SHA-256 of the canonical JSON of the four."""
    parts = [subject, text, html, sorted(attachments.items())]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def _strip_blank_lines(html: str) -> str:
    """Remove the blank lines that template logic leaves."""
    return "\n".join(line for line in html.splitlines() if line.strip()) + "\n"


def _format_json(text: str, name: str) -> str:
    try:
        return escape_json(json.dumps(json.loads(text), ensure_ascii=False, indent=2)) + "\n"
    except json.JSONDecodeError as wrong:
        raise BadInput(
            f"makes no JSON: {wrong.msg} at line {wrong.lineno} of what came out",
            place=f"template {name}",
            remedy="Pass every value through `tojson`.",
        ) from None
