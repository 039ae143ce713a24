"""Name the columns of PAN-OS's logs by their position, and the keys of its other formats by the columns.

The names are the ones of the vendor's field lists (`src`, `natsrc`, `srcuser`, …)."""

from __future__ import annotations

_BEGIN = "future time_received serial type subtype future2 time"
_FLOW = (
    f"{_BEGIN} src dst natsrc natdst rule srcuser dstuser app vsys from to inbound_if outbound_if"
    " logset future3 sessionid repeatcnt sport dport natsport natdport flags proto action"
)
_LISTS = {
    "TRAFFIC": f"{_FLOW} bytes bytes_sent bytes_received packets start elapsed category future4"
    " seqno actionflags srcloc dstloc future5 pkts_sent pkts_received session_end_reason dg1 dg2 dg3"
    " dg4 vsys_name device_name action_source",
    "THREAT": f"{_FLOW} misc threatid category severity direction seqno actionflags srcloc dstloc"
    " future4 contenttype pcap_id filedigest cloud url_idx user_agent filetype xff referer sender"
    " subject recipient reportid dg1 dg2 dg3 dg4 vsys_name device_name future5 src_uuid dst_uuid"
    " http_method",
    "DECRYPTION": _FLOW,
    "TUNNEL": _FLOW,
    "GTP": _FLOW,
    "SYSTEM": f"{_BEGIN} vsys eventid object future3 future4 module severity opaque seqno actionflags"
    " dg1 dg2 dg3 dg4 vsys_name device_name",
    "CONFIG": f"{_BEGIN} host vsys cmd admin client result path seqno actionflags dg1 dg2 dg3 dg4"
    " vsys_name device_name",
    "GLOBALPROTECT": f"{_BEGIN} vsys eventid stage auth_method tunnel_type srcuser srcregion"
    " machinename public_ip public_ipv6 private_ip private_ipv6 hostid serialnumber client_ver"
    " client_os client_os_ver repeatcnt reason error opaque status location login_duration"
    " connect_method error_code portal seqno actionflags",
    "AUTHENTICATION": f"{_BEGIN} vsys ip user normalize_user object authpolicy repeatcnt authid"
    " vendor logset serverprofile desc clienttype event factorno seqno actionflags dg1 dg2 dg3 dg4"
    " vsys_name device_name vsys_id authproto",
    "USERID": f"{_BEGIN} vsys ip user datasourcename eventid repeatcnt timeout beginport endport"
    " datasource datasourcetype seqno actionflags dg1 dg2 dg3 dg4 vsys_name device_name",
    "HIPMATCH": f"{_BEGIN} srcuser vsys machinename os src matchname repeatcnt matchtype",
    "IPTAG": f"{_BEGIN} vsys src tag_name event_id repeatcnt timeout datasourcename",
    "CORRELATION": f"{_BEGIN} src srcuser vsys category severity",
    "AUDIT": f"{_BEGIN} object opaque admin",
    "SCTP": f"{_BEGIN} src dst future3 future4 rule future5 future6 app vsys from to inbound_if"
    " outbound_if logset future7 sessionid repeatcnt sport dport",
}
COLUMNS = {name: tuple(names.split()) for name, names in _LISTS.items()}
ALIASES = {
    "USER-ID": "USERID",
    "AUTH": "AUTHENTICATION",
    "URL": "THREAT",
    "FILE": "THREAT",
    "HIP-MATCH": "HIPMATCH",
    "START": "TUNNEL",
    "TUNNEL_INSPECTION": "TUNNEL",
}
"""Other names of the same kinds of log."""

KEYS = {
    # Cortex's JSON, and its CEF behind `PanOS`.
    "SourceAddress": "src",
    "DestinationAddress": "dst",
    "NATSource": "natsrc",
    "NATDestination": "natdst",
    "Rule": "rule",
    "SourceUser": "srcuser",
    "SourceUserName": "srcuser",
    "DestinationUser": "dstuser",
    "Application": "app",
    "FromZone": "from",
    "ToZone": "to",
    "InboundInterface": "inbound_if",
    "OutboundInterface": "outbound_if",
    "SourcePort": "sport",
    "DestinationPort": "dport",
    "NATSourcePort": "natsport",
    "NATDestinationPort": "natdport",
    "Protocol": "proto",
    "Action": "action",
    "srcUser": "srcuser",
    "bytesSent": "bytes_sent",
    "bytesReceived": "bytes_received",
    "Bytes": "bytes",
    "BytesSent": "bytes_sent",
    "BytesReceived": "bytes_received",
    "PacketsTotal": "packets",
    "PacketsSent": "pkts_sent",
    "PacketsReceived": "pkts_received",
    "SessionDuration": "elapsed",
    "SessionEndReason": "session_end_reason",
    "URLCategory": "category",
    "DeviceName": "device_name",
    "LogSourceName": "device_name",
    "DeviceSN": "serial",
    "LogSourceID": "serial",
    "LogType": "type",
    "Subtype": "subtype",
    "LogSubtype": "subtype",
    "TimeGenerated": "time",
    "EventTime": "time",
    "TimeGeneratedHighResolution": "time_high",
    "URL": "misc",
    "FileName": "misc",
    "ThreatName": "threatid",
    "ThreatID": "threatid",
    "VendorSeverity": "severity",
    "Severity": "severity",
    "UserAgent": "user_agent",
    "Referer": "referer",
    "HTTPMethod": "http_method",
    "FileSHA256": "filedigest",
    "FileHash": "filedigest",
    "EventIDValue": "eventid",
    "EventName": "eventid",
    "EventDescription": "opaque",
    "Description": "opaque",
    "EventStatus": "status",
    "Stage": "stage",
    "AuthMethod": "auth_method",
    "TunnelType": "tunnel_type",
    "EndpointDeviceName": "machinename",
    "PublicIPv4": "public_ip",
    "PublicIPv6": "public_ipv6",
    "PrivateIPv4": "private_ip",
    "ConnectionError": "error",
    "LoginDuration": "login_duration",
    "DNSResolverIP": "dst",
    "UserIP": "ip",
    "User": "user",
    "AuthEvent": "event",
    "AuthenticationDescription": "desc",
    "MFAVendor": "vendor",
    # The CEF of the firewall itself.
    "sourceTranslatedAddress": "natsrc",
    "destinationTranslatedAddress": "natdst",
    "suser": "srcuser",
    "duser": "dstuser",
    "deviceInboundInterface": "inbound_if",
    "deviceOutboundInterface": "outbound_if",
    "spt": "sport",
    "dpt": "dport",
    "sourceTranslatedPort": "natsport",
    "destinationTranslatedPort": "natdport",
    "act": "action",
    "dvchost": "device_name",
    "deviceExternalId": "serial",
    "request": "misc",
    "filePath": "misc",
    "requestClientApplication": "user_agent",
    "requestContext": "referer",
    "requestMethod": "http_method",
    "fileHash": "filedigest",
    "start": "time",
    "msg": "opaque",
    # LEEF.
    "SourceZone": "from",
    "DestinationZone": "to",
    "RuleName": "rule",
    "usrName": "srcuser",
    "IngressInterface": "inbound_if",
    "EgressInterface": "outbound_if",
    "srcPort": "sport",
    "dstPort": "dport",
    "srcPostNAT": "natsrc",
    "dstPostNAT": "natdst",
    "srcPostNATPort": "natsport",
    "dstPostNATPort": "natdport",
    "totalBytes": "bytes",
    "srcBytes": "bytes_sent",
    "dstBytes": "bytes_received",
    "srcPackets": "pkts_sent",
    "dstPackets": "pkts_received",
    "ElapsedTime": "elapsed",
    "SerialNumber": "serial",
    "Type": "type",
    "devTime": "time",
    "Miscellaneous": "misc",
    "EventID": "eventid",
    "RequestMethod": "http_method",
}
LABELS = {
    "Rule": "rule",
    "URL Category": "category",
    "URLCategory": "category",
    "Source Zone": "from",
    "FromZone": "from",
    "Destination Zone": "to",
    "ToZone": "to",
    "Total bytes": "bytes",
    "Elapsed time in seconds": "elapsed",
    "SessionDuration": "elapsed",
    "Packets": "packets",
    "NormalizeUser": "normalize_user",
}
"""Labels of CEF's numbered fields."""
