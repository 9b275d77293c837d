// Hides what looks like a secret until it is asked for. The rules are the server's (`[mask]` of its configuration); this
// is for the eyes of those who look over a shoulder, not a protection: the API gives what is stored.

/** Whether a member of that name, or a value, looks like a secret. */
export function isSecret(rules, name, value) {
  if (typeof value !== "string" || value === "") return false;
  const lower = (name ?? "").toLowerCase();
  const named = (rules?.keys ?? []).some((part) => lower.includes(part.toLowerCase()));
  return named || (rules?.values ?? []).some((prefix) => value.startsWith(prefix));
}

/** What stands for a hidden value: it does not tell how long the value is. */
export const HIDDEN = "••••••••";
