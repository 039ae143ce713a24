"""Load settings from `breachdesk.toml` in the data folder, overlaid by BREACHDESK_* in the
environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.errors import ConfigurationError
from schemas.polled_tenant import Microsoft365Settings
from schemas.settings import Settings, SourceSettings

FILE_NAME = "breachdesk.toml"
DEFAULT_DATA_DIR = Path("data")
AUDIT_HORIZON_HOURS = 168.0
"""Microsoft keeps content for seven days; all that it still gives counts."""
AUDIT_SILENCE_MINUTES = 360
"""Audit records come an hour or two after the act, and at night few act."""


def get_data_dir(data_dir: Path | None) -> Path:
    """Return the option, else BREACHDESK_DATA_DIR, else `./data`."""
    if data_dir is not None:
        return data_dir
    named = os.environ.get("BREACHDESK_DATA_DIR")
    return Path(named) if named else DEFAULT_DATA_DIR


def load_settings(data_dir: Path, **overrides: Any) -> Settings:
    """Load the settings of a data folder. Raises ConfigurationError naming the file, the key and
    the fault."""
    file = data_dir / FILE_NAME
    _check_toml(file)
    try:
        loaded = _build_settings_class(file)(data_dir=data_dir, **overrides)
    except ValidationError as error:
        raise ConfigurationError(
            _format_faults(error),
            place=str(file),
            remedy="Mend these keys; see docs/reference/settings.md.",
        ) from None
    values = {name: getattr(loaded, name) for name in Settings.model_fields}
    return Settings.model_construct(**values | {"sources": _list_sources(loaded)})


def _list_sources(loaded: BaseSettings) -> tuple[SourceSettings, ...]:
    """List the configured sources, then those of polled tenants that no table configures."""
    sources: tuple[SourceSettings, ...] = getattr(loaded, "sources", ())
    tenants: tuple[Microsoft365Settings, ...] = getattr(loaded, "microsoft365", ())
    configured = {source.name for source in sources}
    return (
        *sources,
        *(
            SourceSettings(
                name=tenant.source_name,
                parser="microsoft365_audit",
                zone="UTC",
                owner=tenant.customer,
                horizon_hours=AUDIT_HORIZON_HOURS,
                silence_minutes=AUDIT_SILENCE_MINUTES,
            )
            for tenant in tenants
            if tenant.source_name not in configured
        ),
    )


def _check_toml(file: Path) -> None:
    if not file.exists():
        return
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"not valid TOML ({error})", place=str(file), remedy="Mend the line it names."
        ) from None


def _build_settings_class(file: Path) -> type[BaseSettings]:
    """Build a settings class bound to that one file: pydantic-settings takes files per class."""

    class FileSettings(BaseSettings, Settings):
        model_config = SettingsConfigDict(
            env_prefix="BREACHDESK_",
            env_nested_delimiter="__",
            toml_file=file,
            extra="forbid",
            frozen=True,
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    return FileSettings


def _format_faults(error: ValidationError) -> str:
    """Format the key and fault of each error without the values, which may be secrets."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
