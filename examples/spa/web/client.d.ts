// Types of client.js.

/** Somebody who is logged in. Hosts may add to it. */
export interface User {
  id?: number | string;
  display: string;
  email?: string;
  username?: string;
  has_usable_password: boolean;
  [extra: string]: unknown;
}

/** A proof of who somebody is, as it was given at a time in epoch seconds. */
export interface Method {
  method: "password" | "password_reset" | "code" | "socialaccount" | "mfa";
  at: number;
  email?: string;
  username?: string;
  phone?: string;
  provider?: string;
  uid?: string;
  type?: AuthenticatorType;
  id?: number | string;
  reauthenticated?: boolean;
  passwordless?: boolean;
}

export type FlowID =
  | "login" | "login_by_code" | "signup" | "provider_redirect" | "provider_token" | "provider_signup"
  | "mfa_login_webauthn" | "verify_email" | "verify_phone" | "mfa_authenticate" | "mfa_trust"
  | "mfa_signup_webauthn" | "mfa_enroll" | "reauthenticate" | "mfa_reauthenticate" | "password_reset_by_code"
  | (string & {});

/** Something that can be done, or, if it is pending, has to be. */
export interface Flow {
  id: FlowID;
  is_pending?: boolean;
  types?: AuthenticatorType[];
  providers?: string[];
  provider?: Provider;
}

/** What is wrong with an input: with one field, or with the whole. */
export interface ApiError {
  message: string;
  /** Stable; the message is for people, in their language. */
  code: string;
  /** The field. Absent: the input as a whole. */
  param?: string;
}

export interface Meta {
  is_authenticated?: boolean;
  is_authenticating?: boolean;
  session_token?: string;
  access_token?: string;
  refresh_token?: string;
  recovery_codes_generated?: boolean;
  [extra: string]: unknown;
}

export interface Authenticated { state: "authenticated"; user: User; methods: Method[]; meta: Meta }
export interface Pending {
  state: "pending";
  flows: Flow[];
  /** The flow that has been begun and has to be ended, if any. */
  waiting: Flow | null;
  /** Somebody is logged in and has to prove it again: do so by one of the flows, then repeat the call. */
  reauthenticate: boolean;
  /** An app's session has ended. Its token is dropped already. */
  gone: boolean;
  errors: ApiError[];
  meta: Meta;
}
export interface Done<T> { state: "done"; data: T; meta: Meta }
export interface Invalid { state: "invalid"; errors: ApiError[] }
export interface Conflict { state: "conflict"; errors: ApiError[] }
export interface Limited { state: "limited"; /** In seconds. */ retryAfter: number | null }
export interface Cancelled { state: "cancelled"; error: unknown }
export interface Failed { state: "failed"; /** 0: nobody answered. */ status: number; errors: ApiError[]; meta?: Meta }

export type Refused = Invalid | Conflict | Limited | Failed;
/** The answer to what logs in or out, or brings that further. */
export type Authentication = Authenticated | Pending | Refused;
/** The answer to anything else. */
export type Answer<T = null> = Done<T> | Pending | Refused;

export interface Provider {
  id: string;
  name: string;
  flows: ("provider_redirect" | "provider_token")[];
  client_id?: string;
  openid_configuration_url?: string;
}

export interface Config {
  account: {
    login_methods: ("email" | "username" | "phone")[];
    is_open_for_signup: boolean;
    email_verification_by_code_enabled: boolean;
    login_by_code_enabled: boolean;
    password_reset_by_code_enabled: boolean;
  };
  socialaccount?: { providers: Provider[] };
  mfa?: { supported_types: AuthenticatorType[]; passkey_login_enabled: boolean };
  usersessions?: { track_activity: boolean };
}

export interface Email { email: string; verified: boolean; primary: boolean }
export interface Phone { phone: string; verified: boolean }

export interface PendingCode {
  flow: "login_by_code" | "verify_phone" | "verify_email" | "password_reset_by_code";
  /** Masked, so that its owner knows. */
  sent_to: string;
  expires_at: number;
  attempts_left: number;
  resends_left: number;
  changes_left: number;
}
export interface RecentProof { recent: boolean; recent_until?: number; flows: Flow[] }
export interface FormField {
  name: string;
  type: "string" | "email" | "phone" | "password" | "integer" | "number" | "boolean" | "date" | "date-time" | "uri";
  required: boolean;
  min_length?: number;
  max_length?: number;
  choices?: string[];
  description?: string;
}
export interface Forms { signup_fields: FormField[]; password: { min_length: number; max_bytes: number } }

export type AuthenticatorType = "totp" | "recovery_codes" | "webauthn";
interface Used { created_at: number; last_used_at: number | null }
export interface Totp extends Used { type: "totp" }
export interface RecoveryCodes extends Used {
  type: "recovery_codes";
  total_code_count: number;
  unused_code_count: number;
  /** Where they may be seen. */
  unused_codes?: string[];
}
export interface Key extends Used {
  type: "webauthn";
  id: number | string;
  name: string;
  /** It logs in by itself: a passkey. */
  is_passwordless?: boolean;
  model?: string;
}
export type Authenticator = Totp | RecoveryCodes | Key;

export interface Session {
  id: number | string;
  user_agent: string;
  device?: string;
  ip: string;
  created_at: number;
  last_seen_at?: number;
  is_current: boolean;
}
export interface TrustedBrowser {
  id: number | string;
  ip: string;
  user_agent: string;
  created_at: number;
  expires_at: number;
  is_current: boolean;
}
export interface Connection { uid: string; display: string; provider: Provider }

export type Identifier = { email: string } | { username: string } | { phone: string };
export type Credentials = Identifier & { password: string };
export type Fields = Record<string, string | number | boolean | null | undefined>;

/** Where an app's session token is kept. */
export interface TokenStorage { get(): string | null; set(token: string | null): void }

export interface ClientOptions {
  /** "browser": a cookie carries the session. "app": the storage does. Default "browser". */
  mode?: "browser" | "app";
  /** Where the API is, with its origin if it is another one. Default "/_allauth". */
  path?: string;
  storage?: TokenStorage;
  csrfCookie?: string;
  csrfHeader?: string;
  /** Hears every answer that tells who is logged in. */
  onAuthentication?(answer: Authenticated | Pending): void;
}

export interface KeyOptions {
  /** "conditional" waits for a choice among an input field's suggestions. */
  mediation?: CredentialMediationRequirement;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

export interface Client {
  readonly mode: "browser" | "app";
  readonly storage: TokenStorage;
  /** Any endpoint: "auth/session" below v1, or "ext/v1/…" for extensions. */
  call(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", target: string, body?: unknown, headers?: Record<string, string>): Promise<Authenticated | Answer<any>>;

  /** A route of the host's own, with the credentials that the library's middleware asks for. */
  fetch(url: string, init?: Omit<RequestInit, "headers"> & { headers?: Record<string, string> }): Promise<Response>;

  config(): Promise<Answer<Config>>;
  /** What the form to sign up asks for, and what passwords have to be. */
  forms(): Promise<Answer<Forms>>;

  session(): Promise<Authentication>;
  login(credentials: Credentials): Promise<Authentication>;
  logout(): Promise<Authentication>;
  signup(fields: Fields): Promise<Authentication>;
  reauthenticate(password: string): Promise<Authentication>;
  /** Whether a sensitive call would ask for another proof now. */
  proofIsRecent(): Promise<Answer<RecentProof>>;
  /** The codes that this client may repeat. */
  pendingCodes(): Promise<Answer<PendingCode[]>>;

  requestLoginCode(to: { email: string } | { phone: string }): Promise<Authentication>;
  resendLoginCode(): Promise<Answer>;
  confirmLoginCode(code: string): Promise<Authentication>;

  emailOfKey(key: string): Promise<Answer<{ email: string; user: User }>>;
  verifyEmail(key: string): Promise<Authentication>;
  resendEmailCode(): Promise<Answer>;
  verifyPhone(code: string): Promise<Authentication>;
  resendPhoneCode(): Promise<Answer>;

  /** Done where a link is mailed; pending (password_reset_by_code) where a code is. */
  requestPasswordReset(email: string): Promise<Authenticated | Answer>;
  userOfResetKey(key: string): Promise<Answer<{ user: User }>>;
  resetPassword(key: string, password: string): Promise<Authentication>;
  changePassword(fields: { current_password?: string; new_password: string }): Promise<Authentication>;

  emails(): Promise<Answer<Email[]>>;
  addEmail(email: string): Promise<Answer<Email[]>>;
  sendVerification(email: string): Promise<Answer>;
  makePrimary(email: string): Promise<Answer<Email[]>>;
  removeEmail(email: string): Promise<Answer<Email[]>>;
  /** None, or one. */
  phone(): Promise<Answer<Phone[]>>;
  changePhone(phone: string): Promise<Answer<Phone[]>>;
  removePhone(): Promise<Answer<Phone[]>>;

  authenticateByCode(code: string): Promise<Authentication>;
  authenticateByKey(options?: KeyOptions): Promise<Authentication | Cancelled>;
  reauthenticateByCode(code: string): Promise<Authentication>;
  reauthenticateByKey(options?: KeyOptions): Promise<Authentication | Cancelled>;
  trustBrowser(trust: boolean): Promise<Authentication>;

  loginByPasskey(options?: KeyOptions): Promise<Authentication | Cancelled>;
  signupByPasskey(fields: Fields): Promise<Authentication>;
  createSignupPasskey(name?: string): Promise<Authentication | Cancelled>;

  authenticators(): Promise<Answer<Authenticator[]>>;
  /** Data is null while there is none: then meta has a secret and a totp_url to set one up with. */
  totp(): Promise<Answer<Totp | null>>;
  activateTotp(code: string): Promise<Answer<Totp>>;
  deactivateTotp(): Promise<Answer>;
  /** Data is null while there are none. */
  recoveryCodes(): Promise<Answer<RecoveryCodes | null>>;
  makeRecoveryCodes(): Promise<Answer<RecoveryCodes>>;
  addKey(options?: { name?: string; passwordless?: boolean }): Promise<Answer<Key> | Cancelled>;
  renameKey(id: Key["id"], name: string): Promise<Answer<Key>>;
  removeKeys(ids: Key["id"][]): Promise<Answer>;
  /** Tells password managers which passkeys are still good, after some were removed. */
  signalKeys(): Promise<Answer<unknown>>;
  trustedBrowsers(): Promise<Answer<TrustedBrowser[]>>;
  distrustBrowsers(ids: TrustedBrowser["id"][]): Promise<Answer<TrustedBrowser[]>>;

  sessions(): Promise<Answer<Session[]>>;
  /** Pending if the current session was among them. */
  endSessions(ids: Session["id"][]): Promise<Answer<Session[]>>;
  refreshTokens(token: string): Promise<Answer<{ access_token: string; refresh_token?: string }>>;

  /** Leaves the page. The browser comes back to callback, with ?error= and ?error_process= if it failed. */
  goToProvider(provider: string, callback: string, process?: "login" | "connect"): Promise<void>;
  loginByProviderToken(provider: string, token: { client_id?: string; id_token?: string; access_token?: string }, process?: "login" | "connect"): Promise<Authentication>;
  providerSignup(): Promise<Answer<{ user: User; account: Connection; email: Email[] }>>;
  finishProviderSignup(fields: Fields): Promise<Authentication>;
  connections(): Promise<Answer<Connection[]>>;
  disconnect(provider: string, account: string): Promise<Answer<Connection[]>>;

  deactivate(): Promise<Authentication>;
  reactivate(credentials: Credentials): Promise<Authentication>;
  deleteAccount(): Promise<Authentication>;
}

export function createClient(options?: ClientOptions): Client;
export function memoryStorage(): TokenStorage;
export function canSuggestPasskeys(): Promise<boolean>;
export function hasPasskeys(): boolean;
