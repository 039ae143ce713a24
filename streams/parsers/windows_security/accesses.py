"""List the events of Windows's audit that tell of access to objects, keys and settings."""

from __future__ import annotations

_FILE, _PROCESS, _NETWORK = ("file",), ("process",), ("network",)
_SETTING, _BOTH = ("configuration",), ("iam", "configuration")
ACCESSES: tuple[tuple[tuple[str, ...], tuple[str, ...], dict[int, str]], ...] = (
    (_FILE, ("access",), {4656: "object-handle-requested", 4661: "object-handle-requested"}),
    (_FILE, ("creation",), {4664: "create-hard-link"}),
    (("file", "registry"), ("deletion",), {4660: "object-deleted"}),
    (
        _BOTH,
        ("change",),
        {4658: "handle-closed-object", 4659: "object-was-requested-with-intent-to-delete"},
    ),
    (
        _PROCESS,
        ("access",),
        {4690: "duplicate-handle-attempt", 4691: "indirect-object-access-requested"},
    ),
    (
        _SETTING,
        ("access",),
        {
            4692: "dpapi-master-key-backup-attempted",
            4693: "dpapi-master-key-recovery-attempted",
            4694: "auditable-data-protection-attempted",
            4695: "auditable-data-unprotection-attempted",
            5058: "key-file-operation",
            5059: "key-migration-operation",
            5061: "cryptographic-operation",
        },
    ),
    (_PROCESS, ("change",), {4696: "primary-token-assigned"}),
    (("iam",), ("access",), {4662: "directory-object-accessed"}),
    (
        ("iam", "configuration"),
        ("change",),
        {
            4911: "resource-attributes-changed",
            4913: "central-access-policy-changed",
            5136: "directory-object-modified",
            5138: "directory-object-undeleted",
            5139: "directory-object-moved",
        },
    ),
    (("iam", "configuration"), ("creation",), {5137: "directory-object-created"}),
    (("iam", "configuration"), ("deletion",), {5141: "directory-object-deleted"}),
    (("file", "configuration"), ("creation",), {5142: "network-share-object-added"}),
    (("file", "configuration"), ("change",), {5143: "network-share-object-modified"}),
    (("file", "configuration"), ("deletion",), {5144: "network-share-object-deleted"}),
    (
        ("iam", "configuration"),
        ("change",),
        {
            4865: "trusted-forest-information-added",
            4866: "trusted-forest-information-removed",
            4867: "trusted-forest-information-changed",
            4868: "certificate-request-denied",
            4870: "certificate-revoked",
            4882: "certificate-permissions-changed",
            4885: "certificate-audit-changed",
            4890: "certificate-manager-settings-changed",
            4892: "certificate-properties-changed",
            4899: "certificate-template-changed",
            4900: "certificate-template-permissions-changed",
        },
    ),
    (
        ("iam", "configuration"),
        ("info",),
        {4886: "certificate-requested", 4887: "certificate-issued", 4888: "certificate-denied"},
    ),
    (
        _SETTING,
        ("change",),
        {
            4946: "windows-firewall-rule-added",
            4947: "windows-firewall-rule-modified",
            4948: "windows-firewall-rule-deleted",
            4956: "windows-firewall-profile-changed",
        },
    ),
    (
        _NETWORK,
        ("connection", "allowed"),
        {5154: "windows-firewall-listen-permitted", 5156: "windows-firewall-connection-permitted"},
    ),
    (_NETWORK, ("connection",), {5158: "windows-firewall-bind-permitted"}),
    (
        _NETWORK,
        ("connection", "denied"),
        {
            5031: "windows-firewall-application-blocked",
            5152: "windows-firewall-packet-blocked",
            5155: "windows-firewall-listen-blocked",
            5157: "windows-firewall-connection-blocked",
            5159: "windows-firewall-bind-blocked",
        },
    ),
    (("host",), ("info",), {6416: "external-device-recognised"}),
    (("host",), ("denied",), {6423: "device-installation-forbidden"}),
)
"""Categories, types, and the action of each number."""
