"""Every mail channel is one file, found by its name, that refuses settings it cannot work with."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

import notifiers.channels
from notifiers.channels import open_channel
from notifiers.ports import ChannelFactory
from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import load_plugins
from schemas.settings import SenderSettings, SmtpAuth, SmtpTls

CHANNELS = load_plugins("notifiers.channels", "CHANNEL")
WORKING = SenderSettings(
    id="main",
    from_email="notices@penhallow.example",
    host="mail.penhallow.example",
    username="notices",
    secret=SecretStr("a secret"),
)


def test_the_plug_ins_are_the_files() -> None:
    files = {p.stem for p in Path(notifiers.channels.__file__).parent.glob("*.py")}

    assert set(CHANNELS) == files - {"__init__"}


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_is_named_as_its_file_and_opens(channel: str, tmp_path: Path) -> None:
    factory: ChannelFactory = CHANNELS[channel]
    opened = factory.open(WORKING.model_copy(update={"maildir": tmp_path / "mails"}))

    assert factory.id == channel
    assert callable(opened.send)
    assert callable(opened.close)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_refuses_empty_settings_and_names_the_one_to_mend(channel: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        CHANNELS[channel].open(SenderSettings(id="main"))

    assert refusal.value.place.startswith("senders, main: ")
    assert refusal.value.remedy


def test_an_unknown_channel_lists_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"maildir, smtp"):
        open_channel(WORKING.model_copy(update={"channel": "pigeon"}))


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"host": ""}, "host"),
        ({"from_email": "notices"}, "from_email"),
        ({"tls": SmtpTls.NONE}, "tls"),
        ({"username": ""}, "username"),
        ({"secret": SecretStr("")}, "secret"),
        ({"auth": SmtpAuth.XOAUTH2, "secret": SecretStr("")}, "secret"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "ca_file"),
    ],
)
def test_smtp_names_the_setting_that_cannot_work(changes: dict[str, object], setting: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_channel(WORKING.model_copy(update=changes))

    assert refusal.value.place == f"senders, main: {setting}"
    assert "a secret" not in str(refusal.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_unprotected_mail_may_only_stay_on_this_machine(host: str) -> None:
    changes = {"host": host, "tls": SmtpTls.NONE, "auth": SmtpAuth.NONE, "username": ""}

    assert open_channel(WORKING.model_copy(update=changes))


def test_a_maildir_that_cannot_be_made_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sender = SenderSettings(channel="maildir", maildir=tmp_path / "file" / "mails")

    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_channel(sender)
