"""A year in figures: page, CSV, and the picture as SVG and PNG."""

from __future__ import annotations

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from breachdesk.casework.breach import yearly_figures
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.causes import load_cause_list
from breachdesk.gdpr.figures_picture import render_picture
from schemas.casework.figures import YearFigures

router = APIRouter()


@router.get("/figures")
def show_figures(context: SignedIn, year: int | None = None, drills: bool = False) -> Response:
    """Of the running year unless another is asked for."""
    year_figures = _compute_figures(context, year, drills=drills)
    return context.render_page(
        "figures.html",
        figures=year_figures,
        # Made by us of numbers and escaped words.
        picture=Markup(render_picture(year_figures)),  # noqa: S704
        causes=load_cause_list(),
        query_of=f"?year={year_figures.year}{'&drills=true' if drills else ''}",
    )


@router.get("/figures.csv")
def download_csv(context: SignedIn, year: int | None = None, drills: bool = False) -> Response:
    """For a spreadsheet."""
    year_figures = _compute_figures(context, year, drills=drills)
    return build_download(
        yearly_figures.export_csv(year_figures).encode(),
        "text/csv; charset=utf-8",
        _format_file_name(year_figures, "csv"),
    )


@router.get("/figures.svg")
def download_svg(context: SignedIn, year: int | None = None, drills: bool = False) -> Response:
    """For a slide or a report."""
    year_figures = _compute_figures(context, year, drills=drills)
    return build_download(
        render_picture(year_figures).encode(),
        "image/svg+xml",
        _format_file_name(year_figures, "svg"),
    )


@router.get("/figures.png")
def download_png(context: SignedIn, year: int | None = None, drills: bool = False) -> Response:
    """The same where no SVG is taken."""
    year_figures = _compute_figures(context, year, drills=drills)
    content = context.dependencies.renderer.render_png(render_picture(year_figures))
    return build_download(content, "image/png", _format_file_name(year_figures, "png"))


def _compute_figures(context: RequestContext, year: int | None, *, drills: bool) -> YearFigures:
    zone = context.dependencies.settings.profile.zone
    chosen_year = (
        year
        if year is not None
        else context.now.astimezone(context.app_state.pages.times.zone).year
    )
    return context.look(
        lambda uow: yearly_figures.compute_year(uow, chosen_year, zone, context.now, drills=drills)
    )


def _format_file_name(year_figures: YearFigures, form: str) -> str:
    return f"figures-{year_figures.year}{'-drills' if year_figures.drills else ''}.{form}"


SCREEN = Screen(
    id="figures",
    router=router,
    navigation=NavigationEntry("/figures", "Figures", NavigationGroup.RECORDS, order=2),
)
