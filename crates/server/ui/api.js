// Asking the server. The key stays in this tab (`sessionStorage`) and goes into a header, never into an address.

const KEY = "annals.key";

/** How long to wait before a broken stream is taken up again: at first, and at most. */
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;

/** A refusal: what the server said is wrong (RFC 9457), or that there was no answer (`status` 0). */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? (status ? `The server answered ${status}.` : "The server does not answer."));
    this.status = status;
    this.column = body?.column;
    this.length = body?.length;
    this.hint = body?.hint;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** The address of something of the server, relative to this page, so that a path before `/ui/` does no harm. */
export function address(path, parameters = {}) {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") out.append(name, one);
    }
  }
  const text = out.toString();
  return `../${path}${text && `?${text}`}`;
}

async function ask(path, parameters, options = {}) {
  let response;
  try {
    response = await fetch(address(path, parameters), {
      ...options,
      headers: { Authorization: `Bearer ${key.get() ?? ""}`, ...options.headers },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (response.ok) return response;
  throw new Problem(response.status, await response.json().catch(() => null));
}

/** The JSON of an answer. */
export async function get(path, parameters, signal) {
  return (await ask(path, parameters, { signal })).json();
}

/** The text of an answer: for values that must come as they are stored. */
export async function getText(path, parameters, signal) {
  return (await ask(path, parameters, { signal })).text();
}

/** The whole answer, for what is too large to hold. */
export async function getResponse(path, parameters, signal) {
  return ask(path, parameters, { signal });
}

/** Sends JSON, or deletes. */
export async function send(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  return ask(path, {}, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/**
 * Follows the events that match as they are recorded, until the signal says stop; a broken connection is taken up where
 * it broke. The browser's own `EventSource` cannot send a key in a header, so the stream is read here.
 */
export async function follow(parameters, signal, { onevent, onstate }) {
  let last = null;
  let wait = RETRY_MS_MIN;
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const response = await ask("api/v1/events/stream", parameters, { signal, headers });
      onstate("live");
      wait = RETRY_MS_MIN;
      for await (const message of messages(response.body)) {
        if (message.id) last = message.id;
        if (message.event === "event") onevent(JSON.parse(message.data));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    onstate("waiting");
    await new Promise((done) => {
      setTimeout(done, wait);
      signal.addEventListener("abort", done, { once: true });
    });
    wait = Math.min(wait * 2, RETRY_MS_MAX);
  }
}

/** The messages of a stream of server-sent events (HTML standard, section 9.2). */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let message = { event: "message", data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (message.id !== undefined || message.data.length > 0) yield { ...message, data: message.data.join("\n") };
        message = { event: "message", data: [] };
        continue;
      }
      const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === "data") message.data.push(text);
      else if (name === "event" || name === "id") message[name] = text;
    }
  }
}
