/** Requests as they go over the wire: addresses, headers, answers that are still right. */

export type Json = Record<string, unknown>;

export interface Asked {
  path?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

/** The URL of a path with its parameters; lists are joined by commas, what is undefined is left out. */
export function urlOf(base: string, path: string, asked: Asked): string {
  const filled = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(String(asked.path?.[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked.query ?? {})) {
    if (value !== undefined && value !== null) query.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = query.toString();
  return base.replace(/\/+$/, "") + filled + (text ? `?${text}` : "");
}

export interface Kept {
  tag: string;
  text: string;
}

/** Answers by URL with their tags: asked for again, what is still right need not be sent. The oldest go first. */
export class Remembered {
  readonly #answers = new Map<string, Kept>();

  constructor(readonly most = 200) {}

  of(url: string): Kept | undefined {
    return this.#answers.get(url);
  }

  keep(url: string, tag: string, text: string): void {
    this.#answers.delete(url);
    this.#answers.set(url, { tag, text });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.most) return;
      this.#answers.delete(oldest);
    }
  }

  clear(): void {
    this.#answers.clear();
  }
}

/** Rejects with the reason of the signal as soon as it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
