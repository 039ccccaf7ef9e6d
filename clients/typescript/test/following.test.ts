import assert from "node:assert/strict";
import { test } from "node:test";

import { DynamicVault, ProblemError, TransactionTimeout, type VaultEvent } from "../src/index.js";
import { frames } from "../src/sse.js";
import { BASE_URL, DEADLINE, account, approve, current, mine, reorg, watched } from "./world.js";

const vault = new DynamicVault({ baseUrl: BASE_URL });

test("waiting ends when the transaction is indexed, and goes on through a reorg", async () => {
  await current(vault);
  const hash = await approve(await account(3));
  const indexed = await vault.waitForTx(hash, { timeout: DEADLINE });
  assert.equal(indexed.status, "indexed");

  await reorg(1);
  await mine(1);
  await current(vault);
  await assert.rejects(vault.waitForTx(hash, { timeout: 700 }), (error: unknown) => {
    assert.ok(error instanceof TransactionTimeout);
    assert.match(String(error.last?.status), /orphaned|pending/); // The node may keep it to mine it again.
    return true;
  });

  const again = await approve(await account(3));
  const final = vault.waitForTx(again, { timeout: DEADLINE, until: "finalized" });
  await mine(60);
  assert.equal((await final).status, "finalized");
});

test("waiting can be given up", async () => {
  const never = vault.waitForTx(`0x${"7".repeat(64)}`, { signal: AbortSignal.timeout(150) });

  await assert.rejects(never, { name: "TimeoutError" });
});

for (const transport of ["stream", "poll"] as const) {
  test(`by ${transport}, every event comes once and in order, reorgs included`, async () => {
    await current(vault);
    const { next } = await vault.get("/api/events", { query: { limit: 1 } });
    const told = listen(vault, { after: next, transport }, (event) => event.type === "reorg");
    await mine(2);
    await current(vault);
    await reorg(1);
    await mine(1);

    const events = await told;
    assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => next + 1 + index));
    assert.ok(events.filter((event) => event.type === "block").length >= 2);
  });
}

test("a stream that breaks goes on where it left off", async () => {
  await current(vault);
  const { next } = await vault.get("/api/events", { query: { limit: 1 } });
  let streams = 0;
  const { vault: shaky, seen } = watched({
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      return String(input).includes("/api/stream") && streams++ < 2 ? cut(response) : response;
    },
  });
  // However they are packed, no two streams carry so many before they break.
  const many = 12;
  const told = listen(shaky, { after: next }, (event) => event.seq >= next + many);
  for (let block = 0; block < many; block += 1) await mine(1);

  const events = await told;
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => next + 1 + index));
  assert.ok(events.length >= many);
  assert.ok(seen.filter((line) => line === "GET /api/stream 200").length >= 3);
});

test("who heard nothing comes again where the stream had looked", async () => {
  const places: (string | null)[] = [];
  const deaf = new DynamicVault({
    baseUrl: BASE_URL,
    fetch: (input, init) => {
      places.push(new Headers(init?.headers).get("Last-Event-ID"));
      return Promise.resolve(new Response(`retry: 1000\nid: ${7 + places.length}\n\n`));
    },
  });
  const heard = listen(deaf, { after: 7, signal: AbortSignal.timeout(1000) }, () => true);

  await assert.rejects(heard, { name: "TimeoutError" });
  assert.deepEqual(places.slice(0, 3), ["7", "8", "9"]);
});

test("a place that cannot be continued is told, with one that can", async () => {
  const far = vault.events({ after: 10_000_000 }).next();

  await assert.rejects(far, (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.code, "events-gone");
    assert.match(error.start ?? "", /^\/api\/events\?after=\d+$/);
    return true;
  });
});

test("events are read whatever the bytes come in", async () => {
  const text = ": still here\nid: 0\n\nid: 1\r\nevent: block\r\ndata: {\"name\":\"Öl\u2028🛢\"}\r\n\r\ndata: a\ndata: b\n\n";
  for (const size of [1, 2, 3, 7, 1000]) {
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const told: unknown[] = [];
    for await (const frame of frames(body)) told.push(frame);
    const expected = [{ id: "0" }, { id: "1", data: '{"name":"Öl\u2028🛢"}' }, { data: "a\nb" }];
    assert.deepEqual(told, expected, `in pieces of ${size}`);
  }
});

async function listen(
  client: DynamicVault,
  options: Parameters<DynamicVault["events"]>[0],
  isLast: (event: VaultEvent) => boolean,
): Promise<VaultEvent[]> {
  const events: VaultEvent[] = [];
  for await (const event of client.events({ signal: AbortSignal.timeout(DEADLINE), ...options })) {
    events.push(event);
    if (isLast(event)) return events;
  }
  return events;
}

/** The connection breaks in the middle of the second event. */
function cut(response: Response): Response {
  let dots = 0;
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const ends = new TextDecoder().decode(chunk).split("\n\n").length - 1;
        dots += ends;
        if (dots < 3) controller.enqueue(chunk);
        else {
          controller.enqueue(chunk.slice(0, Math.floor(chunk.length / 2)));
          controller.error(new TypeError("terminated"));
        }
      },
    }),
  );
  return new Response(body ?? null, response);
}
