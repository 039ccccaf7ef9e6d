/** What happens, as it happens: by server-sent events, or by long polls where streams are not to be had. */

import type { DynamicVault } from "./client.js";
import { pause } from "./http.js";
import { ProblemError, Silence, isPassing } from "./problem.js";
import { frames } from "./sse.js";
import type { Schemas } from "./types.js";

type Told = Schemas["Event"];
type Place = Pick<Told, "seq" | "blockNumber" | "blockHash" | "timestamp">;
type Of<T extends Told["type"], D> = Place & { type: T; retracts: null; data: D };

/** How far back a reorg went, and where we stood before. */
export interface ReorgData {
  depth: number;
  oldTip: Schemas["Block"];
}

/**
 * What was told so far is not enough any more: read the state again, as of `blockNumber` or later (`minBlock`), and
 * go on with the events that follow. `outage`: blocks came in bulk, without their rows; `operator`: somebody took
 * final blocks back, without retractions; `link`: rows of earlier blocks came or went with an asset contract.
 */
export type Resync = Place & {
  type: "resync";
  reason: "outage" | "operator" | "link";
  retracts: null;
  data: ReorgData;
};

export type VaultEvent =
  | Of<"transaction", Schemas["Transaction"]>
  | Of<"price", Schemas["PricePoint"]>
  | Of<"block", { facts: number }>
  | Of<"finalized", Record<string, never>>
  | Of<"reorg", ReorgData>
  | (Place & { type: "retraction"; retracts: "transaction"; data: Schemas["Transaction"] })
  | (Place & { type: "retraction"; retracts: "price"; data: Schemas["PricePoint"] })
  | Resync;

export interface EventOptions {
  /** Go on after this `seq`; from now on unless given. */
  after?: number;
  /** All of them unless given. A `resync` is told in any case, and a `retraction` of what is listened for. */
  type?: Told["type"][];
  tokenId?: number;
  /** Seller or buyer. */
  wallet?: string;
  /** `stream` unless given; `poll` for where answers are held back until they are complete. */
  transport?: "stream" | "poll";
  signal?: AbortSignal | undefined;
}

const WAIT_SECONDS = 20;
const SHORTEST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;
/** The server says something every 15 seconds. */
const SILENCE = 45_000;

/**
 * Yields a Resync where the state has to be read again before going on. Throws a ProblemError `events-gone` where the
 * place cannot be continued at all.
 */
export async function* events(client: DynamicVault, options: EventOptions = {}): AsyncGenerator<VaultEvent> {
  const { transport = "stream", signal } = options;
  const { type, tokenId, wallet } = options;
  const wanted: Wanted = { tokenId, wallet, type };
  let place = options.after;
  let streams = transport === "stream";
  let rest = SHORTEST_PAUSE;
  for (;;) {
    signal?.throwIfAborted();
    try {
      // The place is asked for first: what happens before a stream is open is not lost.
      place ??= (await client.get("/api/events", { query: { limit: 1 }, signal })).next;
      const told = streams ? streamed(client, wanted, place, signal) : polled(client, wanted, place, signal);
      for await (const event of told) {
        rest = SHORTEST_PAUSE;
        if (typeof event === "number") place = event;
        else {
          place = event.seq;
          yield understood(event);
        }
      }
      streams = transport === "stream";
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      // Every place for streams is taken: a long poll tells the same.
      streams = transport === "stream" && !(error instanceof ProblemError && error.code === "too-many-streams");
      rest = streams ? Math.min(LONGEST_PAUSE, Math.max(2 * rest, 1000 * retryAfter(error))) : SHORTEST_PAUSE;
    }
    await pause(rest, signal);
  }
}

/** The event as programs are told of it. */
function understood(told: Told): VaultEvent {
  const { resync, ...data } = told.data;
  if (told.type !== "reorg") return told as VaultEvent;
  if (resync !== true) return { ...told, data } as VaultEvent;
  return { ...told, type: "resync", reason: reason(told, data as unknown as ReorgData), data } as unknown as Resync;
}

/** Blocks that came in bulk took none back; with a link, no block came or went. */
function reason({ blockHash }: Told, { depth, oldTip }: ReorgData): Resync["reason"] {
  if (depth !== 0) return "operator";
  return oldTip.hash === blockHash ? "link" : "outage";
}

function retryAfter(error: unknown): number {
  return error instanceof ProblemError ? (error.retryAfter ?? 0) : 0;
}

type Wanted = Partial<Pick<EventOptions, "type" | "tokenId" | "wallet">>;

/** Events of one poll, and then the place after them. */
async function* polled(
  client: DynamicVault,
  wanted: Wanted,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Told | number> {
  const query = { ...wanted, after, wait: WAIT_SECONDS };
  const page = await client.get("/api/events", { query, signal });
  yield* page.events;
  yield page.next;
}

/** Events, and how far was looked where there were none, until the connection ends, which a silence is taken for too. */
async function* streamed(
  client: DynamicVault,
  wanted: Wanted,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Told | number> {
  const silence = new AbortController();
  const fallSilent = () => silence.abort(new Silence("the stream fell silent"));
  let timer = setTimeout(fallSilent, SILENCE);
  const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
  try {
    const response = await client.open("get", "/api/stream", { query: wanted, headers, signal: either });
    if (response.body === null) return;
    for await (const frame of frames(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(fallSilent, SILENCE);
      if (frame.data !== undefined) yield JSON.parse(frame.data) as Told;
      else if (frame.id !== undefined) yield Number(frame.id);
    }
  } finally {
    clearTimeout(timer);
    silence.abort(new Silence("nobody listens any more"));
  }
}
