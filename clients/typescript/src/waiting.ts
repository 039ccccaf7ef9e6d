/** Waiting for one's own transaction. */

import type { DynamicVault } from "./client.js";
import { pause } from "./http.js";
import { ProblemError, TransactionTimeout, isPassing } from "./problem.js";
import type { Schemas } from "./types.js";

export interface WaitOptions {
  /** Milliseconds, a minute unless given. */
  timeout?: number;
  /** `indexed` unless given; `finalized` waits until it cannot be taken back. */
  until?: "indexed" | "finalized";
  signal?: AbortSignal | undefined;
}

const LONGEST_WAIT_SECONDS = 20;
const PAUSE = 500;

export async function waitForTx(
  client: DynamicVault,
  hash: string,
  { timeout = 60_000, until = "indexed", signal }: WaitOptions = {},
): Promise<Schemas["ChainTransaction"]> {
  const enough = until === "finalized" ? ["finalized"] : ["indexed", "finalized"];
  const ends = Date.now() + timeout;
  let last: Schemas["ChainTransaction"] | undefined;
  for (let left = timeout; left > 0; left = ends - Date.now()) {
    const wait = Math.min(LONGEST_WAIT_SECONDS, Math.floor(left / 1000));
    let rest = PAUSE; // It may have answered at once: indexed but not final, or no place to wait in.
    try {
      last = (await client.get("/api/tx/{hash}", { path: { hash }, query: { wait }, signal })).tx;
      if (enough.includes(last.status)) return last;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      rest = 1000 * (error instanceof ProblemError ? (error.retryAfter ?? 1) : 1);
    }
    await pause(Math.max(0, Math.min(rest, ends - Date.now())), signal);
  }
  throw new TransactionTimeout(hash, last, timeout);
}
