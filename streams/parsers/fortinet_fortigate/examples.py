"""Show lines of FortiGate and its relatives, and what is read from them."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

EXAMPLES = (
    ParserExample(
        'date=2026-11-22 time=09:14:07 type="event" subtype="vpn" level="alert"'
        ' action="ssl-login-fail" remip=203.0.113.66 user="eve" logdesc="SSL VPN login fail"'
        ' reason="sslvpn_login_permission_denied"',
        {"event.outcome": "failure", "user.name": "eve", "source.ip": "203.0.113.66"},
    ),
    ParserExample(
        '<189>date=2026-11-22 time=09:11:51 devname="fw-hq" devid="FG100F0000000001"'
        ' logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root"'
        ' eventtime=1795338711390385486 tz="+0100" srcip=192.0.2.10 srcport=50112 srcintf="lan"'
        ' dstip=203.0.113.80 dstport=443 dstintf="wan1" sessionid=4352 proto=6 action="close"'
        ' policyid=26 policytype="policy" policyname="out" user="CONTOSO\\\\jo" service="HTTPS"'
        ' trandisp="snat" transip=198.51.100.2 transport=41007 duration=126 sentbyte=923'
        " rcvdbyte=77654 sentpkt=13 rcvdpkt=70",
        {
            "@timestamp": "2026-11-22T08:11:51+00:00",
            "event.type": ["connection", "end", "allowed"],
            "event.outcome": "success",
            "event.duration": 126_000_000_000,
            "source.bytes": 923,
            "destination.bytes": 77654,
            "source.nat.ip": "198.51.100.2",
            "user.name": "jo",
            "user.domain": "CONTOSO",
            "rule.name": "out",
            "network.transport": "tcp",
            "network.protocol": "https",
        },
    ),
    ParserExample(
        "date=2026-11-22,time=09:12:00,devid=FG100F0000000001,logid=0000000013,type=traffic,"
        "subtype=forward,level=notice,vd=root,eventtime=1795338720,srcip=2001:db8::10,srcport=50113,"
        'dstip=2001:db8:1::80,dstport=23,proto=6,action="deny",policyid=0,service="TELNET",'
        "sentbyte=0,rcvdbyte=0",
        {
            "@timestamp": "2026-11-22T09:12:00+00:00",
            "event.type": ["connection", "end", "denied"],
            "event.outcome": "failure",
            "source.ip": "2001:db8::10",
            "destination.port": 23,
        },
    ),
    ParserExample(
        'Nov 22 09:13:00 relay1 date=2026-11-22 time=09:13:00 devname="fw-hq"'
        ' devid="FG100F0000000001" eventtime=1795338780075327440 tz="+0000" logid="0101039426"'
        ' type="event" subtype="vpn" level="alert" vd="root" logdesc="SSL VPN login fail"'
        ' action="ssl-login-fail" tunneltype="ssl-web" tunnelid=0 remip=203.0.113.66 user="eve"'
        ' group="N/A" dst_host="N/A" reason="sslvpn_login_permission_denied"'
        ' msg="SSL user failed to logged in"',
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.reason": "sslvpn_login_permission_denied",
            "source.ip": "203.0.113.66",
            "user.name": "eve",
        },
    ),
    ParserExample(
        '<185>date=2026-11-22 time=09:14:00 devname="fw-hq" devid="FG100F0000000001"'
        ' eventtime=1795338840386015000 tz="+0000" logid="0100032002" type="event" subtype="system"'
        ' level="alert" vd="root" logdesc="Admin login failed" sn="0" user="x\\" srcip=192.0.2.1 y"'
        ' ui="https(203.0.113.66)" action="login" status="failed" reason="name_invalid"'
        ' msg="Administrator x login failed from https(203.0.113.66) because of invalid user name"',
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "user.name": 'x" srcip=192.0.2.1 y',
            "event.code": "0100032002",
        },
    ),
    ParserExample(
        "<190>CEF:0|Fortinet|Fortigate|v7.4.1|32001|event:system login success|3|"
        "deviceExternalId=FG100F0000000001 FTNTFGTlogid=0100032001 cat=event:system"
        " FTNTFGTsubtype=system FTNTFGTlevel=information FTNTFGTvd=root"
        " FTNTFGTeventtime=1795338900000000000 FTNTFGTlogdesc=Admin login successful duser=jo"
        " sproc=ssh(192.0.2.10) src=192.0.2.10 dst=192.0.2.1 act=login outcome=success reason=none"
        " msg=Administrator jo logged in successfully from ssh(192.0.2.10)",
        {
            "@timestamp": "2026-11-22T09:15:00+00:00",
            "event.category": ["authentication"],
            "event.outcome": "success",
            "source.ip": "192.0.2.10",
            "user.name": "jo",
            "observer.serial_number": "FG100F0000000001",
        },
    ),
    ParserExample(
        'date=2026-11-22 time=09:16:00 devname="fw-hq" devid="FG100F0000000001"'
        ' eventtime=1795338960000000000 tz="+0000" logid="0316013056" type="utm"'
        ' subtype="webfilter" eventtype="ftgd_blk" level="warning" vd="root" policyid=1'
        ' srcip=192.0.2.10 srcport=61930 dstip=203.0.113.13 dstport=443 proto=6 service="HTTPS"'
        ' hostname="games.example" profile="staff" action="blocked" url="/a?b=1" sentbyte=1152'
        ' rcvdbyte=1130 direction="outgoing" catdesc="Games"',
        {
            "event.type": ["denied"],
            "event.outcome": "failure",
            "url.domain": "games.example",
            "url.path": "/a",
            "rule.category": "Games",
            "network.direction": "outbound",
        },
    ),
    ParserExample(
        'date=2026-11-22 time=09:17:00 devname="fw-hq" devid="FG100F0000000001" tz="+0000"'
        ' logid="0101039949" type="event" subtype="vpn" level="information" vd="root"'
        ' logdesc="SSL VPN tunnel down" action="tunnel-down" remip=203.0.113.9 user="jo"'
        ' duration=3600 sentbyte=904412 rcvdbyte=11873 reason="N/A"',
        {
            "event.type": ["connection", "end"],
            "source.ip": "203.0.113.9",
            "source.bytes": 11873,
            "destination.bytes": 904412,
            "user.name": "jo",
        },
    ),
    ParserExample(
        "date=2026-11-22,time=09:18:00,logid=0720018433,type=anomaly,subtype=anomaly,level=alert,"
        'vd="root",srcip=198.51.100.77,dstip=192.0.2.10,srcintf="port15",action=clear_session,'
        'proto=1,service="icmp/8/0",attack="icmp_flood",attackid=16777316,msg="anomaly: icmp_flood"',
        {
            "event.category": ["network", "intrusion_detection"],
            "event.type": ["denied"],
            "source.ip": "198.51.100.77",
            "network.transport": "icmp",
        },
    ),
    ParserExample(
        'time=09:19:00 devname="fw-hq" devid="FG1" eventtime=1795339140000000000 tz="+0000"'
        ' logid="0100000001" type="event" subtype="system" level="information" vd="root"'
        ' logdesc="DHCP Ack log" dhcp_msg="Ack" mac="aa:bb:cc:00:00:01" ip=192.0.2.60'
        ' hostname="pc-jo" msg="DHCP server sends a DHCPACK"',
        {
            "source.ip": "192.0.2.60",
            "source.mac": "AA-BB-CC-00-00-01",
            "source.domain": "pc-jo",
            "url.domain": None,
        },
    ),
    ParserExample(
        "date=2026-11-22 time=09:20:00 devname=waf device_id=FV100 log_id=30000 type=traffic"
        ' subtype=https vd=root tz="+0000" ibytes=4513 obytes=812 proto=6 service="https"'
        ' src="203.0.113.9" src_port=52412 dst="192.0.2.80" dst_port=443 action="Accept"'
        ' http_method="get" http_host="web.example" http_url="/a" http_retcode="200"',
        {
            "event.type": ["connection", "end", "allowed"],
            "source.bytes": 4513,
            "destination.bytes": 812,
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "url.domain": "web.example",
            "url.path": "/a",
        },
    ),
)
