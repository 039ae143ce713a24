"""The channels for mail: one file each; its name is the id and it exports CHANNEL."""

from __future__ import annotations

from notifiers.ports import ChannelFactory, MailChannel
from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import load_plugins
from schemas.settings import SenderSettings


def open_channel(sender: SenderSettings) -> MailChannel:
    """Open the sender's channel. Raises ConfigurationError for an unknown one or wrong settings."""
    channels = load_plugins("notifiers.channels", "CHANNEL")
    factory: ChannelFactory | None = channels.get(sender.channel)
    if factory is None:
        raise ConfigurationError(
            f"no mail channel {sender.channel!r}",
            place=f"senders, {sender.id}: channel",
            remedy=f"Choose one of: {', '.join(channels)}.",
        )
    return factory.open(sender)
