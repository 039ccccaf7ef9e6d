/** The client: typed requests, errors as exceptions, one refresh where the access token is too old. */

import { type EventOptions, type VaultEvent, events } from "./events.js";
import { type Asked, Remembered, urlOf } from "./http.js";
import { type ListOptions, collect, items, pages } from "./pages.js";
import { problemOf } from "./problem.js";
import { type Session, type SignIn, signInMessage } from "./session.js";
import type { Answer, Arguments, ListPath, Method, OperationOf, PathOf, Row, Schemas } from "./types.js";
import { type WaitOptions, waitForTx } from "./waiting.js";

export interface ClientOptions {
  /** Where the API is, such as `https://api.example`. */
  baseUrl: string;
  /** For programs: instead of signing in. */
  apiKey?: string;
  /** A session from an earlier sign-in. */
  session?: Session;
  /** Told of each new session, and of its end: keep it where the next start of the program finds it. */
  onSession?: (session: Session | undefined) => void;
  /** Keep answers and ask only whether they are still right. */
  revalidate?: boolean;
  /** For pages of another origin that use the refresh cookie: `include`. */
  credentials?: RequestCredentials;
  fetch?: typeof fetch;
}

export class DynamicVault {
  readonly #options: ClientOptions;
  readonly #fetch: typeof fetch;
  readonly #remembered: Remembered | undefined;
  #session: Session | undefined;
  #refreshing: Promise<boolean> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#remembered = options.revalidate ? new Remembered() : undefined;
    this.#session = options.session;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  get<P extends PathOf<"get">>(path: P, ...args: Arguments<OperationOf<P, "get">>): Promise<Answer<OperationOf<P, "get">>> {
    return this.#answer("get", path, args[0]);
  }

  post<P extends PathOf<"post">>(path: P, ...args: Arguments<OperationOf<P, "post">>): Promise<Answer<OperationOf<P, "post">>> {
    return this.#answer("post", path, args[0]);
  }

  put<P extends PathOf<"put">>(path: P, ...args: Arguments<OperationOf<P, "put">>): Promise<Answer<OperationOf<P, "put">>> {
    return this.#answer("put", path, args[0]);
  }

  patch<P extends PathOf<"patch">>(path: P, ...args: Arguments<OperationOf<P, "patch">>): Promise<Answer<OperationOf<P, "patch">>> {
    return this.#answer("patch", path, args[0]);
  }

  delete<P extends PathOf<"delete">>(path: P, ...args: Arguments<OperationOf<P, "delete">>): Promise<Answer<OperationOf<P, "delete">>> {
    return this.#answer("delete", path, args[0]);
  }

  /** Page after page of a list. Throws a ProblemError `cursor-orphaned` where a reorg makes going on impossible. */
  pages<P extends ListPath>(path: P, options?: ListOptions<P>): AsyncGenerator<Answer<OperationOf<P, "get">>> {
    return pages(this, path, options);
  }

  /** Row after row of a list; fails as `pages` does. */
  items<P extends ListPath>(path: P, options?: ListOptions<P>): AsyncGenerator<Row<P>> {
    return items(this, path, options);
  }

  /** A whole list, as it was at one block; begins again where a reorg came between. */
  collect<P extends ListPath>(path: P, options?: ListOptions<P>): Promise<Row<P>[]> {
    return collect(this, path, options);
  }

  /** The transaction, once it is indexed (or final). Throws TransactionTimeout. */
  waitForTx(hash: string, options?: WaitOptions): Promise<Schemas["ChainTransaction"]> {
    return waitForTx(this, hash, options);
  }

  /** What happens, as it happens; goes on where it left off when the connection breaks. */
  events(options?: EventOptions): AsyncGenerator<VaultEvent> {
    return events(this, options);
  }

  /** Nonce, message, signature, tokens: afterwards, requests are made as this wallet. */
  async signIn(options: SignIn): Promise<Session> {
    const { signal } = options;
    const { walletAddress, nonce } = await this.get("/api/auth/nonce", {
      query: { walletAddress: options.address },
      signal,
    });
    const message = signInMessage(options, { address: walletAddress, nonce, issuedAt: new Date() });
    const signature = await options.signMessage(message);
    const tokens = await this.post("/api/auth/verify", { body: { walletAddress, message, signature }, signal });
    return this.#keep(tokens);
  }

  /** Ends the session, here and at the server. */
  async signOut(): Promise<void> {
    try {
      await this.post("/api/auth/logout");
    } finally {
      this.#forget();
    }
  }

  /** An answer as it comes, of any content type, for what has no method of its own. Throws ProblemError. */
  async open(method: Method, path: string, asked: Asked = {}): Promise<Response> {
    const url = urlOf(this.#options.baseUrl, path, asked);
    const before = this.#session?.accessToken;
    let response = await this.#send(method, url, asked);
    if (response.status === 401 && before !== undefined && !path.startsWith("/api/auth/verify") && (await this.#refreshed(before))) {
      await response.body?.cancel();
      response = await this.#send(method, url, asked);
    }
    if (!response.ok && response.status !== 304) throw await problemOf(response);
    return response;
  }

  async #answer<T>(method: Method, path: string, asked: Asked = {}): Promise<T> {
    const url = urlOf(this.#options.baseUrl, path, asked);
    const known = method === "get" ? this.#remembered?.of(url) : undefined;
    const headers = known === undefined ? asked.headers : { ...asked.headers, "If-None-Match": known.tag };
    const response = await this.open(method, path, headers === undefined ? asked : { ...asked, headers });
    if (known !== undefined && response.status === 304) return JSON.parse(known.text) as T;
    const text = await response.text();
    const tag = response.headers.get("ETag");
    if (method === "get" && tag !== null) this.#remembered?.keep(url, tag, text);
    return JSON.parse(text) as T;
  }

  #send(method: Method, url: string, asked: Asked, anonymous = false): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json", ...asked.headers };
    if (anonymous) delete headers["Authorization"];
    else if (this.#session) headers["Authorization"] = `Bearer ${this.#session.accessToken}`;
    else if (this.#options.apiKey !== undefined) headers["X-API-Key"] = this.#options.apiKey;
    if (method !== "get") headers["Content-Type"] = "application/json";
    return this.#fetch(url, {
      method: method.toUpperCase(),
      headers,
      credentials: this.#options.credentials ?? "same-origin",
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
  }

  /** Is there a newer access token than this one? Asked at the same time, one request answers all. */
  async #refreshed(tooOld: string): Promise<boolean> {
    if (this.#session === undefined) return false;
    if (this.#session.accessToken !== tooOld) return true;
    this.#refreshing ??= this.#refresh(this.#session.refreshToken).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(refreshToken: string): Promise<boolean> {
    const url = urlOf(this.#options.baseUrl, "/api/auth/refresh", {});
    const response = await this.#send("post", url, { body: { refreshToken } }, true);
    if (response.ok) {
      this.#keep((await response.json()) as Schemas["Tokens"]);
      return true;
    }
    const problem = await problemOf(response);
    if (problem.status !== 401) throw problem; // It may do later: the session is not over.
    this.#forget();
    return false;
  }

  #keep(tokens: Schemas["Tokens"]): Session {
    const { accessToken, refreshToken, user } = tokens;
    if (user.walletAddress !== this.#session?.user.walletAddress) this.#remembered?.clear();
    this.#session = { accessToken, refreshToken, user };
    this.#options.onSession?.(this.#session);
    return this.#session;
  }

  #forget(): void {
    this.#session = undefined;
    this.#remembered?.clear();
    this.#options.onSession?.(undefined);
  }
}

