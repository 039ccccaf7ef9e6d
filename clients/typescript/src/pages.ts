/** Lists, page by page. */

import type { DynamicVault } from "./client.js";
import { ProblemError } from "./problem.js";
import type { Answer, Common, ListPath, OperationOf, Options, Row } from "./types.js";

export type ListOptions<P extends ListPath> = Partial<Options<OperationOf<P, "get">>> & Common;

const MOST_RESTARTS = 10;

interface Paged {
  pagination: { nextCursor: string | null };
}

export async function* pages<P extends ListPath>(
  client: DynamicVault,
  path: P,
  options: ListOptions<P> = {},
): AsyncGenerator<Answer<OperationOf<P, "get">>> {
  const asked = options as { query?: Record<string, unknown> } & Common;
  let cursor: string | undefined;
  do {
    const query: Record<string, unknown> = { ...asked.query };
    if (cursor !== undefined) query["cursor"] = cursor;
    const response = await client.open("get", path, { ...asked, query, path: pathOf(options) });
    const page = (await response.json()) as Answer<OperationOf<P, "get">>;
    yield page;
    cursor = (page as Paged).pagination.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

export async function* items<P extends ListPath>(
  client: DynamicVault,
  path: P,
  options?: ListOptions<P>,
): AsyncGenerator<Row<P>> {
  for await (const page of pages(client, path, options)) yield* rowsOf<Row<P>>(page as object);
}

export async function collect<P extends ListPath>(
  client: DynamicVault,
  path: P,
  options?: ListOptions<P>,
): Promise<Row<P>[]> {
  for (let restarts = 0; ; restarts += 1) {
    const rows: Row<P>[] = [];
    try {
      for await (const row of items(client, path, options)) rows.push(row);
      return rows;
    } catch (error) {
      const again = error instanceof ProblemError && error.code === "cursor-orphaned" && restarts < MOST_RESTARTS;
      if (!again) throw error;
    }
  }
}

function pathOf(options: object): Record<string, unknown> | undefined {
  return "path" in options ? (options.path as Record<string, unknown>) : undefined;
}

/** A list answers with one array. */
function rowsOf<T>(page: object): T[] {
  return (Object.values(page).find(Array.isArray) ?? []) as T[];
}
