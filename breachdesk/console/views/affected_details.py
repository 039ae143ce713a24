"""What happened to each kind of data of one exposure, and its acts, as a responder corrects
them."""

from __future__ import annotations

from breachdesk.console.views.forms import SubmittedForm
from schemas.casework.affected import ActSummary, BreachEffect, Certainty, EffectCertainty, Exposure
from schemas.customer import DataCategory
from schemas.errors import BadInput

Effects = dict[DataCategory, dict[BreachEffect, EffectCertainty]]


def has_details(exposure: Exposure) -> bool:
    """Something of its own speaks for it; of hundreds only within reach nobody corrects one."""
    return bool(exposure.acts or exposure.assets) and exposure.certainty is not Certainty.EXCLUDED


def list_by_effects(
    exposure: Exposure,
) -> list[tuple[list[DataCategory], dict[BreachEffect, EffectCertainty]]]:
    """Kinds of data to which the same happened, together."""
    by_effects: list[tuple[list[DataCategory], dict[BreachEffect, EffectCertainty]]] = []
    for category in exposure.categories:
        effects = exposure.effects[category]
        same = next((kinds for kinds, happened in by_effects if happened == effects), None)
        if same is None:
            by_effects.append(([category], effects))
        else:
            same.append(category)
    return by_effects


def parse_effects(exposure: Exposure, form: SubmittedForm) -> Effects | None:
    """None: nothing was changed. Raises BadInput for what is no effect."""
    key = f"{exposure.customer_id}:{exposure.role}"
    if f"details:{key}" not in form:
        return None
    effects: Effects = {}
    for category in exposure.categories:
        named = {e: form.get_text(f"effect:{key}:{category}:{e}") for e in BreachEffect}
        effects[category] = {e: _parse_surety(text, key) for e, text in named.items() if text}
    added = form.get_text(f"add:{key}")
    if added:
        category, effect, surety = _parse_added_effect(added, key)
        effects.setdefault(category, {})[effect] = surety
    return None if effects == exposure.effects else effects


def parse_acts(exposure: Exposure, form: SubmittedForm) -> tuple[ActSummary, ...] | None:
    """None: nothing was changed."""
    key = f"{exposure.customer_id}:{exposure.role}"
    if f"details:{key}" not in form:
        return None
    acts = tuple(
        act.model_copy(update={"said": form.get_text(f"said:{key}:{n}") or None})
        for n, act in enumerate(exposure.acts)
    )
    return None if acts == exposure.acts else acts


def collect_decided_details(key: str, exposure: Exposure) -> dict[str, str]:
    """What was decided before, as the form shows it again."""
    typed = {
        f"effect:{key}:{category}:{effect}": exposure.effects[category].get(effect, "")
        for category in exposure.categories
        for effect in BreachEffect
    }
    return typed | {f"said:{key}:{n}": act.said or "" for n, act in enumerate(exposure.acts)}


def _parse_surety(text: str, key: str) -> EffectCertainty:
    try:
        return EffectCertainty(text)
    except ValueError:
        raise BadInput("this is no answer", place=key, remedy="Choose one.") from None


def _parse_added_effect(text: str, key: str) -> tuple[DataCategory, BreachEffect, EffectCertainty]:
    try:
        category, effect, surety = text.split(":")
        return DataCategory(category), BreachEffect(effect), EffectCertainty(surety)
    except ValueError:
        raise BadInput(
            "this is no effect on a kind of data", place=key, remedy="Choose one."
        ) from None
