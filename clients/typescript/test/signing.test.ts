import assert from "node:assert/strict";
import { test } from "node:test";

import { DynamicVault, type Session } from "../src/index.js";
import { BASE_URL, DOMAIN, account, signer, watched } from "./world.js";

async function signedIn(index: number, lower = false): Promise<{ vault: DynamicVault; seen: string[]; session: Session; kept: (Session | undefined)[] }> {
  const address = await account(index);
  const kept: (Session | undefined)[] = [];
  const { vault, seen } = watched({ onSession: (session) => kept.push(session) });
  const session = await vault.signIn({
    ...DOMAIN,
    address: lower ? address.toLowerCase() : address,
    statement: "Sign in to DynamicVault.",
    signMessage: signer(address),
  });
  return { vault, seen, session, kept };
}

test("a wallet signs in, is known, and signs out", async () => {
  const { vault, seen, session, kept } = await signedIn(4, true);
  assert.equal(session.user.walletAddress.toLowerCase(), (await account(4)).toLowerCase());

  const { user } = await vault.patch("/api/users/profile", { body: { username: "Ann" } });
  assert.equal(user.profileInfo.username, "Ann");
  await vault.signOut();

  assert.equal(vault.session, undefined);
  await assert.rejects(vault.get("/api/users/profile"), { code: "unauthenticated" });
  assert.deepEqual(kept, [session, undefined]);
  assert.deepEqual(seen, [
    "GET /api/auth/nonce 200",
    "POST /api/auth/verify 200",
    "PATCH /api/users/profile 200",
    "POST /api/auth/logout 200",
    "GET /api/users/profile 401",
  ]);
});

test("an access token that is too old is renewed once, however many ask at the same time", async () => {
  const { session } = await signedIn(5);
  const stale = { ...session, accessToken: "eyJhbGciOiJIUzI1NiJ9.e30.stale" };
  const { vault, seen } = watched({ session: stale });

  const answers = await Promise.all([1, 2, 3, 4].map(() => vault.get("/api/users/profile")));

  assert.deepEqual(new Set(answers.map(({ user }) => user.walletAddress)), new Set([session.user.walletAddress]));
  assert.equal(seen.filter((line) => line === "POST /api/auth/refresh 200").length, 1);
  assert.notEqual(vault.session?.accessToken, stale.accessToken);
  assert.notEqual(vault.session?.refreshToken, stale.refreshToken);
});

test("where nothing can be renewed, the session is over and the first error is told", async () => {
  const { session } = await signedIn(6);
  const lost: (Session | undefined)[] = [];
  const { vault, seen } = watched({
    session: { ...session, accessToken: "eyJhbGciOiJIUzI1NiJ9.e30.stale", refreshToken: "nothing" },
    onSession: (now) => lost.push(now),
  });

  await assert.rejects(vault.get("/api/users/profile"), { status: 401, code: "unauthenticated" });
  assert.deepEqual(seen, ["GET /api/users/profile 401", "POST /api/auth/refresh 401"]);
  assert.deepEqual(lost, [undefined]);
});

test("a signature of somebody else signs nobody in", async () => {
  const vault = new DynamicVault({ baseUrl: BASE_URL });
  const signMessage = signer(await account(1));

  await assert.rejects(vault.signIn({ ...DOMAIN, address: await account(2), signMessage }), { code: "signature-mismatch" });
  assert.equal(vault.session, undefined);
});

test("outside of a browser, signing in says that it needs a domain", async () => {
  const vault = new DynamicVault({ baseUrl: BASE_URL });

  await assert.rejects(vault.signIn({ address: await account(2), signMessage: async () => "0x" }), /needs domain and uri/);
});
