/** Signing in with a wallet (EIP-4361), and tokens that renew themselves. */

import type { Schemas } from "./types.js";

export interface Session {
  accessToken: string;
  refreshToken: string;
  user: Schemas["User"];
}

export interface SignIn {
  /** In any letter case. */
  address: string;
  /** Signs a text as wallets do (`personal_sign`); gives the signature as hex. */
  signMessage: (message: string) => Promise<string>;
  /** Must be one that the API accepts; 1 unless given. */
  chainId?: number;
  /** Host, with port, of the page that signs in; in a browser that of the page itself. */
  domain?: string;
  uri?: string;
  statement?: string;
  signal?: AbortSignal | undefined;
}

interface Said {
  address: string;
  nonce: string;
  issuedAt: Date;
}

/** The text that a wallet signs. */
export function signInMessage(options: Omit<SignIn, "signMessage" | "signal">, said: Said): string {
  const domain = options.domain ?? place().host;
  const uri = options.uri ?? place().origin;
  const statement = options.statement === undefined ? "" : `${options.statement}\n`;
  return [
    `${domain} wants you to sign in with your Ethereum account:`,
    said.address,
    "",
    `${statement}`,
    `URI: ${uri}`,
    "Version: 1",
    `Chain ID: ${options.chainId ?? 1}`,
    `Nonce: ${said.nonce}`,
    `Issued At: ${said.issuedAt.toISOString()}`,
  ].join("\n");
}

function place(): { host: string; origin: string } {
  if (typeof location === "undefined") {
    throw new TypeError("outside of a browser, signing in needs domain and uri");
  }
  return location;
}
