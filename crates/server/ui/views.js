// Views that come with the page: the questions people ask of an audit trail. Each is a search, so it can be changed.

/** Name, search, and the facet that answers the question when it is a count. */
export const BUILT_IN = [
  { name: "Everything", search: "" },
  { name: "Failures", search: "outcome:failure" },
  { name: "Deletions", search: "action:delete" },
  { name: "Logins and shells", search: "action:(login,connect)" },
  { name: "Permission changes", search: "action:(grant,revoke,accept)" },
  { name: "Changed by hand", search: 'action:(create,update,delete,deploy,scale) actor.type:user -origin:(TERRAFORM_PROVIDER,GIT)' },
  { name: "Changed by automation", search: 'action:(create,update,delete,deploy,scale) (-actor.type:user OR origin:(TERRAFORM_PROVIDER,GIT))' },
  { name: "Most changed targets", search: "action:(create,update,delete,deploy,scale)", facet: "target.name" },
];
