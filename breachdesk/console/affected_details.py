"""What happened to each kind of data of one exposure, and its acts, as a responder corrects them."""

from __future__ import annotations

from breachdesk.console.forms import Form
from schemas.affected import Act, Certainty, Effect, Exposure, Surety
from schemas.customer import DataCategory
from schemas.errors import BadInput

Effects = dict[DataCategory, dict[Effect, Surety]]


def has_details(exposure: Exposure) -> bool:
    """Something of its own speaks for it; of hundreds only within reach nobody corrects one."""
    return bool(exposure.acts or exposure.assets) and exposure.certainty is not Certainty.EXCLUDED


def alike(exposure: Exposure) -> list[tuple[list[DataCategory], dict[Effect, Surety]]]:
    """Kinds of data to which the same happened, together."""
    found: list[tuple[list[DataCategory], dict[Effect, Surety]]] = []
    for category in exposure.categories:
        effects = exposure.effects[category]
        same = next((kinds for kinds, happened in found if happened == effects), None)
        if same is None:
            found.append(([category], effects))
        else:
            same.append(category)
    return found


def corrected_effects(exposure: Exposure, form: Form) -> Effects | None:
    """None: nothing was changed. Raises BadInput for what is no effect."""
    key = f"{exposure.customer_id}:{exposure.role}"
    if f"details:{key}" not in form:
        return None
    effects: Effects = {}
    for category in exposure.categories:
        named = {e: form.text(f"effect:{key}:{category}:{e}") for e in Effect}
        effects[category] = {e: _surety(said, key) for e, said in named.items() if said}
    added = form.text(f"add:{key}")
    if added:
        category, effect, surety = _added(added, key)
        effects.setdefault(category, {})[effect] = surety
    return None if effects == exposure.effects else effects


def corrected_acts(exposure: Exposure, form: Form) -> tuple[Act, ...] | None:
    """None: nothing was changed."""
    key = f"{exposure.customer_id}:{exposure.role}"
    if f"details:{key}" not in form:
        return None
    acts = tuple(
        act.model_copy(update={"said": form.text(f"said:{key}:{n}") or None})
        for n, act in enumerate(exposure.acts)
    )
    return None if acts == exposure.acts else acts


def decided_details(key: str, exposure: Exposure) -> dict[str, str]:
    """What was decided before, as the form shows it again."""
    typed = {
        f"effect:{key}:{category}:{effect}": exposure.effects[category].get(effect, "")
        for category in exposure.categories
        for effect in Effect
    }
    return typed | {f"said:{key}:{n}": act.said or "" for n, act in enumerate(exposure.acts)}


def _surety(said: str, key: str) -> Surety:
    try:
        return Surety(said)
    except ValueError:
        raise BadInput("this is no answer", place=key, remedy="Choose one.") from None


def _added(said: str, key: str) -> tuple[DataCategory, Effect, Surety]:
    try:
        category, effect, surety = said.split(":")
        return DataCategory(category), Effect(effect), Surety(surety)
    except ValueError:
        raise BadInput(
            "this is no effect on a kind of data", place=key, remedy="Choose one."
        ) from None
