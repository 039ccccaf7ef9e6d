/** What the OpenAPI document says of each path, as types of requests and answers. */

import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Method = "get" | "post" | "put" | "patch" | "delete";

/** Paths that have the method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: [Exclude<paths[P][M], undefined>] extends [never] ? never : P;
}[keyof paths];

export type OperationOf<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>;

/** The body of a 200. */
export type Answer<O> = O extends { responses: { 200: { content: infer C } } } ? C[keyof C] : never;

type Query<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : never;

type PathPart<O> = O extends { parameters: { path: infer X } } ? { path: X } : unknown;
type QueryPart<O> = O extends { parameters: { query: infer Q } } ? { query: Q } : { query?: Query<O> };
type BodyPart<O> = O extends { requestBody: { content: { "application/json": infer B } } }
  ? { body: B }
  : { body?: Body<O> };

export interface Common {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

/** What a request may say: parameters of path and query, the body, and how to give it up. */
export type Options<O> = Common & PathPart<O> & QueryPart<O> & BodyPart<O>;

/** Options may be left out where nothing in them is required. */
export type Arguments<O> = Record<never, never> extends Options<O> ? [options?: Options<O>] : [options: Options<O>];

/** Paths of lists that are read page by page. */
export type ListPath = {
  [P in PathOf<"get">]: Query<OperationOf<P, "get">> extends { cursor?: string } ? P : never;
}[PathOf<"get">];

/** One row of a list. */
export type Row<P extends ListPath> = RowOf<Answer<OperationOf<P, "get">>>;
type RowOf<A> = { [K in keyof A]: A[K] extends (infer E)[] ? E : never }[keyof A];
