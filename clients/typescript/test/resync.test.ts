import assert from "node:assert/strict";
import { test } from "node:test";

import { DynamicVault, type Resync, type VaultEvent } from "../src/index.js";
import { BASE_URL, DEADLINE, current, named } from "./world.js";

const vault = new DynamicVault({ baseUrl: BASE_URL });

/** Before an outage, an operator who took final blocks back, and a link; told by whoever did all of it. */
const AFTER = Number(named("BEFORE_RESYNC"));

for (const transport of ["stream", "poll"] as const) {
  test(`by ${transport}, whatever one listens for, it is told when the state must be read again`, async () => {
    const heard = await until(3, { after: AFTER, type: ["price"], transport });

    assert.deepEqual(heard.map((event) => event.type), ["resync", "resync", "resync"]);
    const [outage, operator, link] = heard as [Resync, Resync, Resync];
    assert.equal(outage.reason, "outage");
    assert.ok(outage.blockNumber > outage.data.oldTip.number, "it names the block from which the state is good");
    assert.equal(operator.reason, "operator");
    assert.equal(operator.data.depth, operator.data.oldTip.number - operator.blockNumber);
    assert.ok(operator.data.depth > 0);
    assert.ok(!("resync" in operator.data));
    assert.equal(link.reason, "link");
    assert.deepEqual(link.data, { depth: 0, oldTip: { number: link.blockNumber, hash: link.blockHash } });

    await current(vault);
    const query = { minBlock: operator.blockNumber, wait: 20 };
    const { asOf } = await vault.get("/api/assets", { query });
    assert.ok(asOf.blockNumber >= operator.blockNumber);
  });
}

async function until(many: number, options: Parameters<DynamicVault["events"]>[0]): Promise<VaultEvent[]> {
  const heard: VaultEvent[] = [];
  for await (const event of vault.events({ ...options, signal: AbortSignal.timeout(DEADLINE) })) {
    heard.push(event);
    if (heard.length === many) break;
  }
  return heard;
}
