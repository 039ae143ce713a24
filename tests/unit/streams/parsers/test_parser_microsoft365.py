from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from parsing import claims

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import ParsedEvent, SourceLine
from streams.parsers.microsoft365_audit import PARSER

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
CARD = "50842eb7-edc8-4019-85dd-5a5c1f2bb085"


def parse(text: str) -> ParsedEvent:
    result = PARSER.parse(SourceLine(text, ARRIVED, UTC, "m365"))
    assert isinstance(result, ParsedEvent)
    return result


def record(operation: str, **more: Any) -> str:
    whole = {
        "CreationTime": "2026-11-22T01:06:15",
        "Id": "one",
        "Operation": operation,
        "UserId": "Jo@Contoso.example",
        **more,
    }
    return orjson.dumps(whole).decode()


def fields(operation: str, **more: Any) -> dict[str, Any]:
    return parse(record(operation, **more)).fields


@pytest.mark.parametrize("number", ["50126", "50053", "50034", "53003", "", "123"])
def test_a_refused_sign_in_fails_although_its_result_status_says_success(number: str) -> None:
    result = fields("UserLoginFailed", ResultStatus="Success", ErrorNumber=number)

    assert result["event.outcome"] == "failure"
    assert result["event.action"] == "UserLoginFailed"


@pytest.mark.parametrize("number", ["50058", "50072", "65001", "50011", "50055", "50089", "50133"])
def test_an_interrupted_sign_in_is_no_guess(number: str) -> None:
    result = fields("UserLoginFailed", ResultStatus="Failed", ErrorNumber=number)

    assert result["event.outcome"] == "unknown"
    assert result["event.action"] == "sign-in-interrupted"
    assert result["error.code"] == number


def test_users_are_the_same_whatever_their_case() -> None:
    assert fields("UserLoggedIn")["user.email"] == "jo@contoso.example"


@pytest.mark.parametrize("key", ["ClientIP", "ClientIPAddress", "ActorIpAddress"])
@pytest.mark.parametrize("shape", ["192.0.2.1", "192.0.2.1:5", "[::ffff:192.0.2.1]:5"])
def test_the_address_is_under_several_names_and_shapes(key: str, shape: str) -> None:
    assert fields("MailItemsAccessed", **{key: shape})["source.ip"] == "192.0.2.1"


@pytest.mark.parametrize("empty", ["", "Unknown", None, 7])
def test_an_address_that_is_none_is_left_out(empty: object) -> None:
    assert "source.ip" not in fields("UserLoggedIn", ClientIP=empty)


def test_json_and_csv_tell_the_same_act() -> None:
    text = record("UserLoggedIn", UserAgent='a "b", c')
    cell = text.replace('"', '""')
    row = f'6f1c,2026-11-22T01:06:15Z,15,UserLoggedIn,"{cell}",,'

    assert claims(PARSER, row)
    assert parse(row) == parse(text)


def test_powershells_export_is_read_too() -> None:
    cell = record("UserLoggedIn").replace('"', '""')

    assert parse(f'"15","11/22/2026 1:06:15 AM","jo","UserLoggedIn","{cell}","1","1"').id == "one"


def test_an_inbox_rule_shows_where_it_sends_mail() -> None:
    result = fields(
        "Set-InboxRule",
        Parameters=[
            {"Name": "RedirectTo", "Value": '"Eve" [SMTP:Eve@Elsewhere.example];b@contoso.example'},
            {"Name": "ForwardAsAttachmentTo", "Value": "x@y.example"},
        ],
    )

    assert result["breach.mailbox.forward_to"] == [
        "eve@elsewhere.example",
        "b@contoso.example",
        "x@y.example",
    ]
    assert result["breach.mail.forward_external"] is True


def test_forwarding_inside_the_own_domain_is_not_external() -> None:
    result = fields(
        "New-InboxRule", Parameters=[{"Name": "ForwardTo", "Value": "b@contoso.example"}]
    )

    assert result["breach.mail.forward_external"] is False


def test_outlooks_own_rule_record_is_read() -> None:
    actions = '[{"ActionType":"Forward","Recipients":["x@y.example"]},{"ActionType":"Delete"}]'
    result = fields(
        "UpdateInboxRules",
        OperationProperties=[
            {"Name": "RuleName", "Value": "."},
            {"Name": "RuleActions", "Value": actions},
        ],
    )

    assert result["breach.mailbox.forward_to"] == ["x@y.example"]
    assert result["breach.mailbox.delete_message"] is True
    assert result["rule.name"] == "."


def test_forwarding_of_a_whole_mailbox_names_the_mailbox() -> None:
    result = fields(
        "Set-Mailbox",
        Parameters=[
            {"Name": "Identity", "Value": "Ann@contoso.example"},
            {"Name": "ForwardingSmtpAddress", "Value": "smtp:x@y.example"},
        ],
    )

    assert result["user.target.name"] == "ann@contoso.example"
    assert result["breach.mailbox.forward_to"] == ["x@y.example"]


def rule(severity: str, count: int, *actions: str) -> dict[str, Any]:
    actual = {"SensitiveType": CARD, "Count": count, "Confidence": 85}
    return {
        "RuleId": severity,
        "RuleName": f"rule {severity}",
        "Severity": severity,
        "Actions": list(actions),
        "ConditionsMatched": {
            "SensitiveInformation": [
                {**actual, "SensitiveInformationDetections": {"DetectedValues": ["4111 1111"]}}
            ]
        },
    }


def dlp(operation: str = "DlpRuleMatch", **more: Any) -> ParsedEvent:
    metadata = {"From": "Jo@Contoso.example", "To": ["X@y.example"], "Subject": "secret words"}
    policy = {"PolicyName": "Cards", "Rules": [rule("Low", 12), rule("High", 9, "BlockAccess")]}
    whole = {"UserId": "DlpAgent", "ExchangeMetaData": metadata, "PolicyDetails": [policy]}
    return parse(record(operation, **{**whole, **more}))


def test_a_dlp_match_names_the_person_and_counts_no_kind_twice() -> None:
    result = dlp().fields

    assert result["user.name"] == "jo@contoso.example"
    assert result["event.severity"] == 4
    assert result["event.outcome"] == "failure"
    assert result["email.to.address"] == ["x@y.example"]
    assert [t["count"] for t in result["breach.dlp.sensitive_types"]] == [12]


def test_values_and_subjects_that_dlp_saw_are_not_kept() -> None:
    text = repr(dlp().fields)

    assert "4111" not in text
    assert "secret" not in text


def test_dlp_operations_are_compared_without_case() -> None:
    assert dlp("DLPRuleMatch").fields["event.action"] == "DlpRuleMatch"
    assert dlp("DLPRuleMatch").id == dlp("DlpRuleMatch").id


@pytest.mark.parametrize("form", [{"FalsePositive": True}, '{"FalsePositive": true}'])
def test_an_exception_may_be_an_object_or_a_string(form: object) -> None:
    assert dlp(ExceptionInfo=form).fields["breach.dlp.false_positive"] is True


def test_match_undo_and_override_under_one_id_are_three_acts() -> None:
    override = dlp(ExceptionInfo={"Justification": "the customer asked"})
    ids = {dlp().id, dlp("DlpRuleUndo").id, override.id}

    assert len(ids) == 3
    assert override.fields["breach.dlp.override"] is True
    assert "asked" not in repr(override.fields)


def test_an_undone_or_overridden_match_is_allowed_and_of_the_same_incident() -> None:
    blocked = dlp(IncidentId="i1")
    undone = dlp("DlpRuleUndo", IncidentId="i1")
    overridden = dlp(IncidentId="i1", ExceptionInfo={"Justification": "the customer asked"})

    assert [each.session for each in (blocked, undone, overridden)] == ["i1"] * 3
    outcomes = [each.fields["event.outcome"] for each in (blocked, undone, overridden)]
    assert outcomes == ["failure", "success", "success"]


def test_an_agent_that_only_reports_a_match_is_nobody() -> None:
    agent = "DlpPolicyEventBasedAssistantOneDriveForBusiness"
    result = dlp(UserId=agent, ExchangeMetaData=None).fields

    assert "user.name" not in result


def test_a_service_is_called_by_its_name_and_acts_for_nobody() -> None:
    actors = [{"ID": "Backup App", "Type": 1}, {"ID": "1a2b", "Type": 2}]
    result = fields("Add user.", UserId="ServicePrincipal_1a2b", Actor=actors)

    assert result["user.name"] == "backup app"


def test_a_group_with_which_a_file_is_shared_is_no_person() -> None:
    shared = {"TargetUserOrGroupName": "Owners", "TargetUserOrGroupType": "SharePointGroup"}
    result = fields("SharingSet", **shared)

    assert result["group.name"] == "Owners"
    assert "user.target.name" not in result


def test_a_mail_that_was_sent_names_its_recipients() -> None:
    item = {"Recipients": [{"Address": "X@y.example"}], "InternetMessageId": "<1@y.example>"}
    result = fields("Send", Workload="Exchange", Item=item)

    assert result["email.to.address"] == ["x@y.example"]


def test_an_alert_names_the_person_in_whatever_text_stands_around_the_address() -> None:
    result = fields(
        "AlertEntityGenerated",
        UserId="SecurityComplianceAlerts",
        AlertEntityId="Jo@Contoso.example(external, opens in a new window)",
    )

    assert result["user.email"] == "jo@contoso.example"


def test_an_address_inside_a_link_is_nobody() -> None:
    link = "https://phish.example/?to=jo@contoso.example"
    result = fields("AlertEntityGenerated", UserId="SecurityComplianceAlerts", AlertEntityId=link)

    assert result["user.name"] == "securitycompliancealerts"
    assert result["url.domain"] == "phish.example"


@pytest.mark.parametrize(
    "text",
    [
        record("UserLoggedIn")[:-9],
        '{"Operation":"x","CreationTime":"no date"}',
        '{"Operation":"","CreationTime":"2026-11-22T01:06:15"}',
        '1,2026-11-22T01:06:15Z,"{""Operation"":""x"",""CreationTime"":""2026',
        '{"Operation":"x","CreationTime":"2026-11-22T01:06:15","a":' + "[" * 200 + "]" * 200 + "}",
    ],
)
def test_a_broken_record_is_refused(text: str) -> None:
    assert claims(PARSER, text)
    with pytest.raises(UnparseableRecord) as refused:
        PARSER.parse(SourceLine(text, ARRIVED, UTC, "m365"))

    assert refused.value.remedy


@pytest.mark.parametrize(
    "name",
    [
        "urn:spo:guest#Eve@Fabrikam.example",
        "i:0#.f|membership|eve@fabrikam.example",
        "live.com#eve@fabrikam.example",
        "eve_fabrikam.example#EXT#@contoso.onmicrosoft.example",
        "i:0#.f|membership|eve_fabrikam.example#ext#@contoso.onmicrosoft.example",
    ],
)
def test_a_guest_has_one_name_whatever_service_names_them(name: str) -> None:
    assert fields("FileDownloaded", UserId=name)["user.name"] == "eve@fabrikam.example"


def test_an_anonymous_link_names_nobody() -> None:
    result = fields("AnonymousLinkUsed", UserId="urn:spo:anon#1a2b")

    assert "user.name" not in result
    assert result["user.id"] == "urn:spo:anon#1a2b"


def test_a_row_of_another_log_with_a_typed_cell_is_no_audit_record() -> None:
    cell = record("UserLoggedIn").replace('"', '""')

    assert not claims(PARSER, f'192.0.2.1 - - [22/Nov/2026] "GET /?"{cell}" HTTP/1.1" 200 5')
    assert not claims(PARSER, f'192.0.2.1,GET,"{cell}"')


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_is_read_in_any_order_of_columns(delimiter: str) -> None:
    cell = record("UserLoggedIn").replace('"', '""')
    row = delimiter.join([f'"{cell}"', '"UserLoggedIn"', '"1"', "jo"])

    assert claims(PARSER, row)
    assert parse(row).id == "one"


def test_an_alert_about_a_mailbox_names_its_owner() -> None:
    data = {"Entities": [{"Type": "mailbox", "Upn": "Jo@Contoso.example"}]}
    result = fields(
        "AirInvestigationData", UserId="AirInvestigation", Data=orjson.dumps(data).decode()
    )

    assert result["user.email"] == "jo@contoso.example"


def test_a_clicked_link_keeps_who_clicked_and_from_where() -> None:
    result = fields("TIUrlClickData", Url="https://phish.example/x/y", UserIp="192.0.2.9")

    assert result["user.name"] == "jo@contoso.example"
    assert (result["url.path"], result["source.ip"]) == ("/x/y", "192.0.2.9")
