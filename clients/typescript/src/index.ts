export { type ClientOptions, DynamicVault } from "./client.js";
export type { EventOptions, ReorgData, Resync, VaultEvent } from "./events.js";
export type { ListOptions } from "./pages.js";
export { type FieldProblem, type ProblemBody, ProblemError, TransactionTimeout } from "./problem.js";
export { type Session, type SignIn, signInMessage } from "./session.js";
export type { components, operations, paths } from "./schema.js";
export type { Answer, ListPath, Row, Schemas } from "./types.js";
export type { WaitOptions } from "./waiting.js";
