// Requests to the console's own server, and its errors as one kind of object.

export class ApiError extends Error {
  constructor({ error, hint, code, status }) {
    super(error);
    this.error = error;
    this.hint = hint ?? "";
    this.code = code ?? "";
    this.status = status;
  }
}

function csrfToken() {
  const entry = document.cookie.split("; ").find((part) => part.startsWith("nullfield_csrf="));
  return entry ? decodeURIComponent(entry.slice("nullfield_csrf=".length)) : "";
}

/** Options of a request that may analyse a recording first. */
export const SLOW = { timeoutMs: 300000 };

export function toLogin() {
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** Sentence of a FastAPI answer to a body that breaks the form, with its fields. */
function validationText(detail) {
  return detail.map((item) => `${item.loc?.at(-1) ?? ""}: ${item.msg}`).join("; ");
}

async function problem(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Not ours (a proxy's page): the status line must do.
  }
  const detail = Array.isArray(body.detail) ? validationText(body.detail) : body.detail;
  return new ApiError({
    error: body.error ?? detail ?? `${response.status} ${response.statusText}`,
    hint: body.hint,
    code: body.code,
    status: response.status,
  });
}

async function request(method, path, body, { timeoutMs = 15000, login = true } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    throw new ApiError({ error: "The console's server does not answer.", code: "Unreachable", status: 0 });
  }
  if (response.status === 401 && login) toLogin();
  if (!response.ok) throw await problem(response);
  if (response.status === 204) return null;
  const type = response.headers.get("Content-Type") ?? "";
  return type.includes("json") ? response.json() : response.text();
}

/** Each resolves to the decoded JSON, or null for 204; each throws an ApiError. */
export const get = (path, options) => request("GET", path, undefined, options);
export const post = (path, body, options) => request("POST", path, body, options);
export const put = (path, body, options) => request("PUT", path, body, options);
export const patch = (path, body, options) => request("PATCH", path, body, options);
export const remove = (path, options) => request("DELETE", path, undefined, options);
