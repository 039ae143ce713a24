"""The fields of the provider's profile that every letter needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.settings import ProviderProfile

MANDATORY_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "legal_name": "our legal name",
        "company_number": "our company number",
        "registered_address": "our registered address",
        "contact_name": "a named person for questions",
        "contact_email": "the mail address of that person",
        "contact_phone": "the telephone number of that person",
        "contact_hours": "the hours in which the telephone is answered",
        "complaints": "how to complain to us",
    }
)
"""UK GDPR Art. 33(3)(b) with 34(2), and DPA 2018 s.164A. Nothing is made up to fill one."""


def list_blank_fields(profile: ProviderProfile) -> dict[str, str]:
    """List the mandatory fields that are blank: {field: what it holds}."""
    return {
        field: what
        for field, what in MANDATORY_FIELDS.items()
        if not str(getattr(profile, field)).strip()
    }


def list_missing_fields(profile: ProviderProfile) -> dict[str, str]:
    """List the mandatory fields that are blank, as a refusal names them: {setting: problem}."""
    return {
        f"profile.{field}": f"the profile lacks {what}"
        for field, what in list_blank_fields(profile).items()
    }
