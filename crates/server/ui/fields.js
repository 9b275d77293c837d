// The fields of an event that can be asked for, with the names people read.

/** Every field but the labels: what it is called, and whether it stands among the facets at first. */
const FIELDS = {
  outcome: ["Outcome", true],
  action: ["Action", true],
  type: ["Type", true],
  "actor.name": ["Actor", true],
  "target.type": ["Kind of target", true],
  "target.name": ["Target", true],
  "organization.id": ["Organization", true],
  "project.name": ["Project", false],
  "environment.name": ["Environment", false],
  source: ["Platform", true],
  origin: ["Origin", true],
  "actor.type": ["Kind of actor", false],
  status: ["Status", false],
  part: ["Part", false],
  categories: ["Categories", false],
  zone: ["Zone", false],
  "request.method": ["Method", false],
  "request.ip": ["Address", false],
  "organization.name": ["Organization's name", false],
  "project.id": ["Project's id", false],
  "environment.id": ["Environment's id", false],
  "actor.id": ["Actor's id", false],
  "target.id": ["Target's id", false],
  "request.id": ["Request's id", false],
  source_id: ["Id at the platform", false],
};

/** Whether conditions can be put on a name. */
export function isField(name) {
  return Object.hasOwn(FIELDS, name) || /^labels\.[^\s"]+$/.test(name);
}

/** What people read. */
export function label(name) {
  return Object.hasOwn(FIELDS, name) ? FIELDS[name][0] : name.replace(/^labels\./, "Label ");
}

/** The fields that are counted at first, and those that can be opened. */
export const FACETS = Object.keys(FIELDS).filter((name) => FIELDS[name][1]);
export const MORE_FACETS = Object.keys(FIELDS).filter(
  (name) => !FIELDS[name][1] && !["request.id", "source_id"].includes(name),
);
