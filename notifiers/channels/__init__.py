"""Ways out for mail: one file each, whose name is the id and which exports CHANNEL."""

from __future__ import annotations

from notifiers.ports import ChannelFactory, MailChannel
from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import load_plugins
from schemas.settings import SenderSettings


def open_channel(sender: SenderSettings) -> MailChannel:
    """The sender's channel, opened. Raises Misconfigured for an unknown one or wrong settings."""
    channels = load_plugins("notifiers.channels", "CHANNEL")
    factory: ChannelFactory | None = channels.get(sender.channel)
    if factory is None:
        raise ConfigurationError(
            f"no mail channel {sender.channel!r}",
            place=f"senders, {sender.id}: channel",
            remedy=f"Choose one of: {', '.join(channels)}.",
        )
    return factory.open(sender)
