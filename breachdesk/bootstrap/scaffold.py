"""Create a data folder: settings to fill in, and example registers that import cleanly."""

from __future__ import annotations

from pathlib import Path

from schemas import private_files
from schemas.errors import BadInput

SETTINGS = """\
# BreachDesk: settings of this data folder. Every key is in docs/reference/settings.md.
# Secrets may be set in the environment instead, e.g. BREACHDESK_CONSOLE_PORT=8080.

# Who you are, as notices and reports say it. A blank mandatory field blocks release.
[profile]
legal_name = ""            # "Example IT Ltd"
trading_name = ""
company_number = ""
registered_address = ""
ico_registration = ""      # "ZA…"
sector = ""                # as the regulator's form asks for it
contact_name = ""          # a named person for questions
contact_email = ""
contact_phone = ""         # the number on your invoices
contact_hours = ""         # "weekdays 9am to 5.30pm"
complaints = ""            # how to complain to you
promise = ""               # your own published sentence on breaches, word for word; none: leave it
promise_source = ""        # "our privacy policy"
# invoices_before = 2026-10-01   # customers check your number on an invoice from before this day
witness_email = ""         # the outsider told when one person breaks the glass

# One table for each source of records; a source that is not named here is taken all the same.
# [[sources]]
# name = "m365"
# parser = "microsoft365_audit"
# horizon_hours = 168
# [[sources]]
# name = "sonicwall-hq"
# zone = "Europe/London"
# owner = "C001"           # the customer whose system it is; yours where nothing is said
# silence_minutes = 60     # an operations alert after so long a silence

# How notices leave. STARTTLS is required unless you say tls = "tls".
# [[senders]]
# id = "main"
# from_name = "Example IT Ltd"
# from_email = "notices@example-it.example"
# host = "smtp.office365.com"
# port = 587
# auth = "xoauth2"         # Microsoft ends basic authentication by default at the end of 2026
# username = "notices@example-it.example"
# secret = ""
# assets = [["tenant", "11111111-2222-3333-4444-555555555555"]]   # what this sender depends on

[intake]
syslog_udp = 0             # a port, e.g. 5514; 0 is off
syslog_tcp = 0
# [intake.senders]         # which address sends which source, by syslog
# "192.0.2.1" = "sonicwall-hq"
# [intake.syslog_tls]      # docs/howto/syslog-over-tls.md
# port = 6514
# [intake.http_tokens]
# "m365" = "a long random token"

# Files that are followed as they grow: docs/howto/follow-files.md
# [[files]]
# source = "web"
# paths = ["/var/log/nginx/*access.log"]

# Where customers are imported from on a schedule: docs/howto/keep-customers-true.md
# [[customers]]
# name = "psa"
# folder = "/srv/exports/halopsa"
"""

CUSTOMERS = """\
customer id,name,default email,phone,account holder,data protection contact,data protection email
C001,Orchard Lettings,office@orchard.example,01632 960001,Priya Orchard,Sam Field,dp@orchard.example
C002,Mill Lane Dental,reception@milllane.example,01632 960002,Jo Mill,Jo Mill,jo@milllane.example
"""

ASSETS = """\
customer id,kind,value,service
C001,domain,orchard.example,hosted mailbox
C001,site,www.orchard.example,hosted website
C002,tenant,11111111-2222-3333-4444-555555555555,microsoft 365 tenant
C002,ip,192.0.2.0/28,managed firewall
"""


def create_data_dir(folder: Path) -> list[Path]:
    """Write the files of a new data folder. Raises BadInput when it has settings already."""
    target = folder / "breachdesk.toml"
    if target.exists():
        raise BadInput(
            "settings are there already", place=str(target), remedy="Name another folder."
        )
    private_files.make_folder(folder)
    paths = []
    files = {target: SETTINGS, folder / "customers.csv": CUSTOMERS, folder / "assets.csv": ASSETS}
    for file, text in files.items():
        private_files.write_text(file, text)
        paths.append(file)
    return paths
