// A client of the API, without dependencies: copy it, with client.d.ts, into
// your own front end.
//
// Every call resolves to an answer, told apart by its state:
//
//   authenticated  somebody is logged in              user, methods
//   pending        something has to be done first     flows, waiting, reauthenticate
//   done           the call did what it was to do     data
//   invalid        the input was refused              errors
//   conflict       this is not the moment             errors
//   limited        that was too often                 retryAfter
//   cancelled      the person gave up a dialog of their browser
//   failed         anything else                      status, 0 if nobody answered
//
// No call throws for what a server, a network or a person may do.

const readCookie = (name) =>
  document.cookie.split("; ").find((c) => c.startsWith(`${name}=`))?.slice(name.length + 1);

/** Keeps an app's session token for as long as the page lives. */
export function memoryStorage() {
  let token = null;
  return { get: () => token, set: (t) => (token = t) };
}

/** Whether passkeys can be offered in the suggestions of an input field. */
export async function canSuggestPasskeys() {
  return (await window.PublicKeyCredential?.isConditionalMediationAvailable?.()) ?? false;
}

/** Whether this browser has passkeys and security keys at all. */
export const hasPasskeys = () => Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

export function createClient({
  mode = "browser",
  path = "/_allauth",
  storage = memoryStorage(),
  csrfCookie = "csrftoken",
  csrfHeader = "X-CSRFToken",
  onAuthentication = () => {},
} = {}) {
  const app = mode === "app";

  // csrfToken reads the cookie each time: it changes when somebody logs in.
  async function csrfToken() {
    if (!readCookie(csrfCookie)) await fetch(`${path}/browser/v1/config`, { credentials: "include" });
    return readCookie(csrfCookie) ?? "";
  }

  // One request after the other: of two that change a session at once, such as
  // a login and the challenge for a passkey, the server takes only one.
  let last = Promise.resolve();
  function send(...request) {
    const answer = last.then(() => sendNow(...request));
    last = answer.catch(() => {});
    return answer;
  }

  // sendNow returns the status and what was answered.
  async function sendNow(method, target, body, headers) {
    headers = { Accept: "application/json", ...headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (app) {
      const token = storage.get();
      if (token) headers["X-Session-Token"] = token;
    } else if (method !== "GET") {
      headers[csrfHeader] = await csrfToken();
    }
    const response = await fetch(`${path}/${mode}/${target}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: app ? "omit" : "include",
      cache: "no-store",
    });
    const answer = await response.json().catch(() => ({}));
    if (app && answer.meta?.session_token) storage.set(answer.meta.session_token);
    if (app && response.status === 410) storage.set(null);
    return { status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || null, answer };
  }

  // call asks and sorts the answer into its state.
  async function call(method, target, body, headers) {
    if (!/^(ext\/)?v1\//.test(target)) target = `v1/${target}`;
    let reply;
    try {
      reply = await send(method, target, body, headers);
      if (reply.status === 403 && has(reply.answer, "csrf_failed")) {
        // Another tab has logged in or out meanwhile. Fetch a token that fits.
        await send("GET", "v1/config");
        reply = await send(method, target, body, headers);
      }
    } catch {
      return { state: "failed", status: 0, errors: [] };
    }
    const answer = sort(reply);
    if (answer.state === "authenticated" || (answer.state === "pending" && !answer.reauthenticate)) onAuthentication(answer);
    return answer;
  }

  const get = (target, headers) => call("GET", target, undefined, headers);
  const post = (target, body) => call("POST", target, body);

  // ceremony fetches options, has the browser use or make a key by them, and
  // hands in what came of it.
  async function ceremony(kind, target, { query = "", method = "POST", name, mediation, signal } = {}) {
    const offer = await get(target + query);
    if (offer.state !== "done") return offer;
    let credential;
    try {
      credential = await (kind === "create" ? makeKey(offer.data.creation_options, signal) : useKey(offer.data.request_options, mediation, signal));
    } catch (error) {
      return { state: "cancelled", error };
    }
    return call(method, target, { credential, ...(name === undefined ? {} : { name }) });
  }

  return {
    mode,
    storage,
    call,

    // Routes of your own behind the library's middleware.
    async fetch(url, { method = "GET", headers = {}, ...rest } = {}) {
      if (app) headers = { ...headers, ...(storage.get() && { "X-Session-Token": storage.get() }) };
      else if (method !== "GET") headers = { ...headers, [csrfHeader]: await csrfToken() };
      return fetch(url, { method, headers, credentials: app ? "omit" : "include", ...rest });
    },

    config: () => get("config"),
    forms: () => get("ext/v1/config"),

    // Who is here.
    session: () => get("auth/session"),
    login: (credentials) => post("auth/login", credentials),
    logout: () => call("DELETE", "auth/session"),
    signup: (fields) => post("auth/signup", fields),
    reauthenticate: (password) => post("auth/reauthenticate", { password }),
    proofIsRecent: () => get("ext/v1/auth/reauthenticate"),
    pendingCodes: () => get("ext/v1/auth/codes"),

    // Codes to log in with.
    requestLoginCode: (to) => post("auth/code/request", to),
    resendLoginCode: () => post("auth/code/resend"),
    confirmLoginCode: (code) => post("auth/code/confirm", { code }),

    // Proof of an address or a number.
    emailOfKey: (key) => get("auth/email/verify", { "X-Email-Verification-Key": key }),
    verifyEmail: (key) => post("auth/email/verify", { key }),
    resendEmailCode: () => post("auth/email/verify/resend"),
    verifyPhone: (code) => post("auth/phone/verify", { code }),
    resendPhoneCode: () => post("auth/phone/verify/resend"),

    // Passwords.
    requestPasswordReset: (email) => post("auth/password/request", { email }),
    userOfResetKey: (key) => get("auth/password/reset", { "X-Password-Reset-Key": key }),
    resetPassword: (key, password) => post("auth/password/reset", { key, password }),
    changePassword: (fields) => post("account/password/change", fields),

    // Addresses and numbers. addEmail and changePhone also correct the one that
    // a signup waits for.
    emails: () => get("account/email"),
    addEmail: (email) => post("account/email", { email }),
    sendVerification: (email) => call("PUT", "account/email", { email }),
    makePrimary: (email) => call("PATCH", "account/email", { email, primary: true }),
    removeEmail: (email) => call("DELETE", "account/email", { email }),
    phone: () => get("account/phone"),
    changePhone: (phone) => post("account/phone", { phone }),
    removePhone: () => call("DELETE", "ext/v1/account/phone"),

    // Further factors at login.
    authenticateByCode: (code) => post("auth/2fa/authenticate", { code }),
    authenticateByKey: (options) => ceremony("get", "auth/webauthn/authenticate", options),
    reauthenticateByCode: (code) => post("auth/2fa/reauthenticate", { code }),
    reauthenticateByKey: (options) => ceremony("get", "auth/webauthn/reauthenticate", options),
    trustBrowser: (trust) => post("auth/2fa/trust", { trust }),

    // Passkeys. loginByPasskey({mediation: "conditional", signal}) waits until
    // somebody picks one from the suggestions of an input field.
    loginByPasskey: (options) => ceremony("get", "auth/webauthn/login", options),
    signupByPasskey: (fields) => post("auth/webauthn/signup", fields),
    createSignupPasskey: (name) => ceremony("create", "auth/webauthn/signup", { method: "PUT", name }),

    // Managing factors.
    authenticators: () => get("account/authenticators"),
    async totp() {
      // That there is none yet is no failure: it comes with a secret to begin with.
      const answer = await get("account/authenticators/totp");
      const offer = answer.state === "failed" && answer.status === 404 && answer.meta?.secret;
      return offer ? { state: "done", data: null, meta: answer.meta } : answer;
    },
    activateTotp: (code) => post("account/authenticators/totp", { code }),
    deactivateTotp: () => call("DELETE", "account/authenticators/totp"),
    async recoveryCodes() {
      const answer = await get("account/authenticators/recovery-codes");
      return answer.state === "failed" && answer.status === 404 ? { state: "done", data: null, meta: {} } : answer;
    },
    makeRecoveryCodes: () => post("account/authenticators/recovery-codes"),
    addKey: ({ name, passwordless } = {}) =>
      ceremony("create", "account/authenticators/webauthn", { name, query: passwordless ? "?passwordless" : "" }),
    renameKey: (id, name) => call("PUT", "account/authenticators/webauthn", { id, name }),
    removeKeys: (ids) => call("DELETE", "account/authenticators/webauthn", { authenticators: ids }),
    async signalKeys() {
      const answer = await get("ext/v1/account/authenticators/webauthn/signals");
      if (answer.state !== "done") return answer;
      const { all_accepted_credentials: accepted, current_user_details: details } = answer.data;
      // Browsers that can't be told are not.
      await window.PublicKeyCredential?.signalAllAcceptedCredentials?.(accepted);
      await window.PublicKeyCredential?.signalCurrentUserDetails?.(details);
      return answer;
    },
    trustedBrowsers: () => get("ext/v1/account/trusted-browsers"),
    distrustBrowsers: (ids) => call("DELETE", "ext/v1/account/trusted-browsers", { trusted_browsers: ids }),

    // Sessions.
    sessions: () => get("auth/sessions"),
    endSessions: (ids) => call("DELETE", "auth/sessions", { sessions: ids }),
    refreshTokens: (token) => post("tokens/refresh", { refresh_token: token }),

    // Identity providers. The browser leaves the page for the provider's, and
    // comes back to callback, perhaps with ?error=.
    async goToProvider(provider, callback, process = "login") {
      await last; // the form must not meet another request either
      const values = { provider, callback_url: callback, process, csrfmiddlewaretoken: await csrfToken() };
      const form = Object.assign(document.createElement("form"), { method: "POST", action: `${path}/browser/v1/auth/provider/redirect`, hidden: true });
      for (const [name, value] of Object.entries(values)) form.append(Object.assign(document.createElement("input"), { name, value }));
      document.body.append(form);
      form.submit();
    },
    loginByProviderToken: (provider, token, process = "login") => post("auth/provider/token", { provider, token, process }),
    providerSignup: () => get("auth/provider/signup"),
    finishProviderSignup: (fields) => post("auth/provider/signup", fields),
    connections: () => get("account/providers"),
    disconnect: (provider, account) => call("DELETE", "account/providers", { provider, account }),

    // Closing the account.
    deactivate: () => post("ext/v1/account/deactivate"),
    reactivate: (credentials) => post("ext/v1/auth/reactivate", credentials),
    deleteAccount: () => call("DELETE", "ext/v1/account"),
  };
}

const has = (answer, code) => answer.errors?.some((e) => e.code === code) ?? false;

// sort is the whole of it: an answer's state by its status.
function sort({ status, retryAfter, answer }) {
  const { data = null, meta = {}, errors = [] } = answer;
  switch (status) {
    case 200:
    case 202:
      if (meta.is_authenticated) return { state: "authenticated", user: data.user, methods: data.methods, meta };
      return { state: "done", data, meta };
    case 400:
      return { state: "invalid", errors };
    case 401: // Log in, or go on doing so, or prove again who you are.
    case 410: { // An app's session is over: the same from the start.
      const flows = data?.flows ?? [];
      return {
        state: "pending",
        flows,
        // What is begun and has to be ended, a login before anything else.
        waiting: flows.filter((f) => f.is_pending).sort((a, b) => later(a) - later(b))[0] ?? null,
        reauthenticate: status === 401 && Boolean(meta.is_authenticated),
        gone: status === 410,
        errors,
        meta,
      };
    }
    case 409:
      return { state: "conflict", errors };
    case 429:
      return { state: "limited", retryAfter };
  }
  return { state: "failed", status, errors, meta };
}

const later = (flow) => ["provider_signup", "password_reset_by_code"].indexOf(flow.id) + 1;

async function makeKey({ mediation, publicKey }, signal) {
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
  return (await navigator.credentials.create({ publicKey: options, mediation, signal })).toJSON();
}

async function useKey({ publicKey }, mediation, signal) {
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  return (await navigator.credentials.get({ publicKey: options, mediation, signal })).toJSON();
}
