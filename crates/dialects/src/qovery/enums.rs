//! Every value that Qovery's API definition lists, and nothing else: its generated Go client refuses a whole answer
//! for one value outside of these lists. Values are added and renamed there now and then; this is the one place.

/// `OrganizationEventType`.
pub(super) const EVENT_TYPES: &[&str] = &[
    "CREATE",
    "UPDATE",
    "DELETE",
    "ACCEPT",
    "EXPORT",
    "CLONE",
    "DEPLOY_QUEUED",
    "STOP_QUEUED",
    "RESTART_QUEUED",
    "DELETE_QUEUED",
    "UNINSTALL_QUEUED",
    "MAINTENANCE",
    "DRY_RUN",
    "TRIGGER_REDEPLOY",
    "TRIGGER_CANCEL",
    "FORCE_RUN_QUEUED",
    "FORCE_RUN_QUEUED_DEPLOY",
    "FORCE_RUN_QUEUED_STOP",
    "FORCE_RUN_QUEUED_DELETE",
    "TRIGGER_DEPLOY",
    "TRIGGER_STOP",
    "TRIGGER_RESTART",
    "TRIGGER_DELETE",
    "TRIGGER_UNINSTALL",
    "TRIGGER_DEPLOY_DRY_RUN",
    "TRIGGER_TERRAFORM_FORCE_UNLOCK",
    "TRIGGER_TERRAFORM_MIGRATE_STATE",
    "TRIGGER_FORCE_RUN",
    "TRIGGER_FORCE_RUN_DEPLOY",
    "TRIGGER_FORCE_RUN_STOP",
    "TRIGGER_FORCE_RUN_DELETE",
    "DEPLOYED",
    "STOPPED",
    "DELETED",
    "UNINSTALLED",
    "RESTARTED",
    "DEPLOYED_DRY_RUN",
    "FORCE_RUN_SUCCEEDED",
    "TERRAFORM_FORCE_UNLOCK_SUCCEEDED",
    "TERRAFORM_MIGRATE_STATE_SUCCEEDED",
    "DEPLOY_FAILED",
    "STOP_FAILED",
    "DELETE_FAILED",
    "UNINSTALL_FAILED",
    "RESTART_FAILED",
    "DEPLOYED_DRY_RUN_FAILED",
    "FORCE_RUN_FAILED",
    "TERRAFORM_FORCE_UNLOCK_FAILED",
    "TERRAFORM_MIGRATE_STATE_FAILED",
    "SHELL",
    "PORT_FORWARD",
    "REMOTE_DEBUG",
    "MCP",
    "IMPORT",
    "LOCK",
    "UNLOCK",
    "POLICY_FAILED",
];

/// `OrganizationEventTargetType`.
pub(super) const TARGET_TYPES: &[&str] = &[
    "AGENTIC_WORKFLOW",
    "APPLICATION",
    "CLUSTER",
    "CONTAINER",
    "CONTAINER_REGISTRY",
    "DATABASE",
    "ENTERPRISE_CONNECTION",
    "ENVIRONMENT",
    "JOB",
    "HELM",
    "HELM_REPOSITORY",
    "MEMBERS_AND_ROLES",
    "ORGANIZATION",
    "PROJECT",
    "WEBHOOK",
    "TERRAFORM",
];

/// The target types that are services: they live in an environment of a project.
pub(super) const SERVICE_TYPES: &[&str] =
    &["AGENTIC_WORKFLOW", "APPLICATION", "DATABASE", "CONTAINER", "HELM", "JOB", "TERRAFORM"];

/// `OrganizationEventSubTargetType`.
pub(super) const SUB_TARGET_TYPES: &[&str] = &[
    "ADVANCED_SETTINGS",
    "ALERT_RECEIVER",
    "ALERT_RULE",
    "ANNOTATIONS_GROUP",
    "API_TOKEN",
    "ARGOCD_CLUSTER_MAPPING",
    "ARGOCD_CONFIGURATION",
    "BILLING_INFO",
    "BILLING_USAGE_REPORT",
    "BLUEPRINT_MIGRATION",
    "CLOUD_PROVIDER_CREDENTIALS",
    "CLUSTER_CREDENTIALS",
    "CLUSTER_ROUTING_TABLE",
    "CONFIG",
    "CREDIT_CARD",
    "CREDIT_CODE",
    "CUSTOM_DOMAIN",
    "CUSTOM_ROLE",
    "DEPLOYMENT_RULE",
    "DEPLOYMENT_STAGE",
    "DNS_PROVIDER",
    "GITHUB_APP",
    "GIT_REPOSITORY",
    "GIT_TOKEN",
    "INVITATION",
    "JWT_TOKEN_FORGED",
    "KUBERNETES_CONFIGURATION",
    "KUBERNETES_CREDENTIALS",
    "LABELS_GROUP",
    "MCP_SERVER",
    "MEMBER_ROLE",
    "PLAN",
    "POLICY_API_TOKEN",
    "REMOTE_ACCESS",
    "SECRET",
    "SSO",
    "TERRAFORM",
    "TOOL_CALL",
    "TRANSFER_OWNERSHIP",
    "VARIABLE",
];

/// `OrganizationEventOrigin`.
pub(super) const ORIGINS: &[&str] =
    &["API", "CLI", "CONSOLE", "GIT", "QOVERY_INTERNAL", "SKILL", "TERRAFORM_PROVIDER"];

/// `OrganizationEventTargetLevel`.
pub(super) const TARGET_LEVELS: &[&str] = &["PROJECT", "ENVIRONMENT"];

/// The value of a list that a text is, in capitals or without.
pub(super) fn canonical(list: &'static [&'static str], text: &str) -> Option<&'static str> {
    list.iter().copied().find(|value| *value == text || value.to_ascii_lowercase() == text)
}

/// The spellings that [`canonical`] takes for a value.
pub(super) fn spellings(value: &str) -> [String; 2] {
    [value.to_owned(), value.to_ascii_lowercase()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_whole_and_without_repeats() {
        let sizes = [EVENT_TYPES, TARGET_TYPES, SUB_TARGET_TYPES, ORIGINS, TARGET_LEVELS].map(|list| {
            let distinct: std::collections::BTreeSet<_> = list.iter().collect();
            assert_eq!(distinct.len(), list.len());
            list.len()
        });
        assert_eq!(sizes, [57, 16, 40, 7, 2]);
        assert!(SERVICE_TYPES.iter().all(|service| TARGET_TYPES.contains(service)));
    }

    #[test]
    fn values_are_found_in_two_spellings() {
        assert_eq!(canonical(ORIGINS, "CLI"), Some("CLI"));
        assert_eq!(canonical(ORIGINS, "cli"), Some("CLI"));
        assert_eq!(canonical(ORIGINS, "Cli"), None);
        assert!(spellings("CLI").iter().all(|spelling| canonical(ORIGINS, spelling) == Some("CLI")));
    }
}
