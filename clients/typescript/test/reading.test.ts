import assert from "node:assert/strict";
import { test } from "node:test";

import { DynamicVault, ProblemError, type Row } from "../src/index.js";
import { BASE_URL, current, mine, reorg, watched } from "./world.js";

const vault = new DynamicVault({ baseUrl: BASE_URL });

test("answers are typed by path", async () => {
  const { assets, pagination, asOf } = await vault.get("/api/assets", { query: { limit: 2, sortBy: "tokenId" } });
  const { asset } = await vault.get("/api/assets/{tokenId}", { path: { tokenId: assets[0]?.tokenId ?? 0 } });
  const batch = await vault.post("/api/assets/batch", { body: { tokenIds: [asset.tokenId, 999_999] } });

  assert.equal(assets.length, 2);
  assert.equal(pagination.hasMore, true);
  assert.match(asOf.blockHash ?? "", /^0x/);
  assert.equal(asset.currentPrice.valueWei, assets[0]?.currentPrice.valueWei);
  assert.deepEqual(batch.missing, [999_999]);
  // @ts-expect-error: this path takes no such parameter
  await assert.rejects(vault.get("/api/assets", { query: { limt: 2 } }), ProblemError);
  // @ts-expect-error: there is no such path
  await assert.rejects(vault.get("/api/asset"), ProblemError);
});

test("an error is an exception with its code, its fields and the id of the request", async () => {
  const failure = await failing(vault.get("/api/assets", { query: { limit: 1000 } }));

  assert.equal(failure.status, 400);
  assert.equal(failure.code, "invalid-request");
  assert.equal(failure.errors[0]?.field, "limit");
  assert.match(failure.requestId, /^[0-9a-f]{32}$/);
  assert.equal((await failing(vault.get("/api/assets/{tokenId}", { path: { tokenId: 404_404 } }))).code, "not-found");
});

test("what does not come from the API at all is a ProblemError too", async () => {
  const proxy = new DynamicVault({
    baseUrl: BASE_URL,
    fetch: async (url) => Object.defineProperty(new Response("<h1>Bad gateway</h1>", { status: 502 }), "url", { value: String(url) }),
  });

  assert.equal((await failing(proxy.get("/api/status"))).code, "not-from-the-api");
});

test("an answer that is still right is not sent again", async () => {
  const { vault: careful, seen } = watched({ revalidate: true });
  const first = await careful.get("/api/assets", { query: { limit: 3 } });
  const again = await careful.get("/api/assets", { query: { limit: 3 } });
  await careful.get("/api/assets", { query: { limit: 2 } });

  assert.deepEqual(again, first);
  assert.deepEqual(seen, ["GET /api/assets 200", "GET /api/assets 304", "GET /api/assets 200"]);
});

test("lists are walked to their end, row by row and page by page", async () => {
  const whole = await vault.get("/api/transactions", { query: { limit: 200 } });
  const rows: Row<"/api/transactions">[] = [];
  for await (const row of vault.items("/api/transactions", { query: { limit: 4 } })) rows.push(row);
  let pages = 0;
  for await (const page of vault.pages("/api/transactions", { query: { limit: 4 } })) pages += page.transactions.length > 0 ? 1 : 0;

  assert.ok(rows.length > 8);
  assert.deepEqual(rows, whole.transactions);
  assert.equal(pages, Math.ceil(rows.length / 4));
  const points = await vault.collect("/api/assets/{tokenId}/price-history", { path: { tokenId: 1 }, query: { limit: 1 } });
  assert.ok(points.length >= 2);
});

test("a reorg between two pages is told, and a whole list begins again", async () => {
  await current(vault);
  const walk = vault.items("/api/transactions", { query: { limit: 4 } });
  for (let row = 0; row < 4; row += 1) await walk.next();
  await mine(1);
  await current(vault);
  const deep = vault.items("/api/transactions", { query: { limit: 4 } });
  for (let row = 0; row < 4; row += 1) await deep.next();
  await reorg(1);
  await mine(1);
  await current(vault);

  assert.equal((await walk.next()).done, false, "its block is still there");
  const failure = await failing(deep.next());
  assert.equal(failure.code, "cursor-orphaned");
  assert.equal(failure.start, "/api/transactions?limit=4");

  let reorgs = 0;
  const unlucky = new DynamicVault({
    baseUrl: BASE_URL,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (reorgs++ === 0) {
        await reorg(1);
        await mine(1);
        await current(vault);
      }
      return response;
    },
  });
  await mine(1);
  await current(vault);
  const collected = await unlucky.collect("/api/transactions", { query: { limit: 4 } });
  assert.deepEqual(collected, (await vault.get("/api/transactions", { query: { limit: 200 } })).transactions);
});

test("a request can be given up", async () => {
  const waits = vault.get("/api/assets", { query: { minBlock: 10_000_000, wait: 20 }, signal: AbortSignal.timeout(100) });

  await assert.rejects(waits, { name: "TimeoutError" });
});

async function failing(promise: Promise<unknown>): Promise<ProblemError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error;
  }
  return assert.fail("it did not fail");
}
