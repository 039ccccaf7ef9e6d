/** What the API says when it cannot give an answer (RFC 9457). */

import type { Schemas } from "./types.js";

export type ProblemBody = Schemas["ProblemBody"];
export type FieldProblem = Schemas["FieldProblem"];

/** An error that the API answered with. Programs look at `code`, which never changes its meaning. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: string;
  /** Finds the request in the logs of the server. */
  readonly requestId: string;
  /** Which fields are at fault, if any. */
  readonly errors: readonly FieldProblem[];
  /** Where to begin again, for what cannot be continued (410). */
  readonly start: string | undefined;
  /** Seconds after which it makes sense to ask again. */
  readonly retryAfter: number | undefined;
  readonly problem: ProblemBody;

  constructor(problem: ProblemBody, retryAfter?: number) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.requestId;
    this.errors = problem.errors;
    this.start = problem.links?.start;
    this.retryAfter = retryAfter;
  }
}

/** Will the same do later? Something between us is down or overloaded, or the connection broke. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status >= 500 || error.status === 429;
  return error instanceof TypeError || error instanceof Silence; // `fetch` says TypeError for a network that fails.
}

/** A stream that should say something from time to time did not. */
export class Silence extends Error {
  override readonly name = "Silence";
}

/** A transaction did not get as far as was wanted in time; `last` is what was known of it then. */
export class TransactionTimeout extends Error {
  override readonly name = "TransactionTimeout";
  constructor(
    readonly hash: string,
    readonly last: Schemas["ChainTransaction"] | undefined,
    milliseconds: number,
  ) {
    super(`after ${milliseconds} ms the transaction ${hash} is ${last?.status ?? "unknown"}`);
  }
}

/** The error of an answer, even where something between us and the API has written it. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const text = await response.text();
  return new ProblemError(parsed(text) ?? invented(response, text), seconds(response.headers.get("Retry-After")));
}

function parsed(text: string): ProblemBody | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "code" in body ? (body as ProblemBody) : undefined;
  } catch {
    return undefined;
  }
}

function invented(response: Response, text: string): ProblemBody {
  const detail = text.slice(0, 200) || response.statusText || `HTTP ${response.status}`;
  return {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail,
    instance: new URL(response.url).pathname,
    code: "not-from-the-api",
    requestId: response.headers.get("X-Request-Id") ?? "",
    errors: [],
    error: detail,
  };
}

function seconds(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
