// Views that come with the page: the questions people ask of an audit trail. Each is a search, so it can be changed.

/** Name, search, and the facet that answers the question when it is a count. */
export const BUILT_IN = [
  { name: "Everything", search: "" },
  { name: "Failures", search: "outcome:failure" },
  { name: "Deletions", search: "action:delete" },
  { name: "Logins and shells", search: "action:(login or connect)" },
  { name: "Permission changes", search: "action:(grant or revoke or accept)" },
  { name: "Changed by hand", search: 'action:(create or update or delete or deploy or scale) actor.type:user -origin:"TERRAFORM_PROVIDER" -origin:"GIT"' },
  { name: "Changed by automation", search: 'action:(create or update or delete or deploy or scale) (-actor.type:user or origin:"TERRAFORM_PROVIDER" or origin:"GIT")' },
  { name: "Most changed targets", search: "action:(create or update or delete or deploy or scale)", facet: "target.name" },
];
