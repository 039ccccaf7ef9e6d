/** The running API and its chain, as whoever started this test names them. */

import { DynamicVault, type ClientOptions } from "../src/index.js";

export function named(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is missing: these tests are started by pytest`);
  return value;
}

export const BASE_URL = named("DVAULT_URL");
const RPC_URL = named("RPC_URL");
const ASSET = named("ASSET_ADDRESS");
const MARKETPLACE = named("MARKETPLACE_ADDRESS");
export const DOMAIN = { domain: "localhost:3000", uri: "http://localhost:3000" };
export const DEADLINE = 30_000;

export async function rpc<T>(method: string, ...params: unknown[]): Promise<T> {
  const response = await fetch(RPC_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const answer = (await response.json()) as { result: T; error?: { message: string } };
  if (answer.error) throw new Error(answer.error.message);
  return answer.result;
}

export const account = async (index: number): Promise<string> => (await rpc<string[]>("eth_accounts"))[index] ?? "";

/** A transaction of our contracts: an approval, which is no deed. */
export async function approve(from: string): Promise<string> {
  const word = (text: string) => text.replace("0x", "").padStart(64, "0");
  const data = `0xa22cb465${word(MARKETPLACE)}${word("1")}`;
  return rpc<string>("eth_sendTransaction", { from, to: ASSET, data });
}

export const mine = (blocks: number): Promise<unknown> => rpc("anvil_mine", `0x${blocks.toString(16)}`);
export const reorg = (depth: number): Promise<unknown> => rpc("anvil_reorg", depth, []);

/** Until the API answers from the block that is the node's newest, by hash. */
export async function current(vault: DynamicVault): Promise<void> {
  for (const ends = Date.now() + DEADLINE; Date.now() < ends; ) {
    const head = await rpc<{ hash: string }>("eth_getBlockByNumber", "latest", false);
    if ((await vault.get("/api/status")).tip?.hash === head.hash) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the index does not come up to the head");
}

/** Signs as a wallet of the development chain does. */
export const signer = (address: string) => (message: string): Promise<string> =>
  rpc<string>("personal_sign", `0x${Buffer.from(message).toString("hex")}`, address);

/** A client, and what went over its wire. */
export function watched(options: Partial<ClientOptions> = {}): { vault: DynamicVault; seen: string[] } {
  const seen: string[] = [];
  const vault = new DynamicVault({
    baseUrl: BASE_URL,
    ...options,
    fetch: async (input, init) => {
      const response = await (options.fetch ?? fetch)(input, init);
      seen.push(`${init?.method} ${new URL(String(input)).pathname} ${response.status}`);
      return response;
    },
  });
  return { vault, seen };
}
