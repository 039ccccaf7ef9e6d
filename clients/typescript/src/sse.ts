/** Server-sent events, as the HTML standard writes them. */

/** A carriage return at the very end may be half of a line's end. */
const LINE = /\r\n|\n|\r(?!$)/;

/** The data of each event; undefined for what is no event, such as a sign of life. */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<string | undefined> {
  let data: string[] = [];
  for await (const line of lines(body)) {
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    else if (line === "" && data.length > 0) {
      yield data.join("\n");
      data = [];
    } else yield undefined;
  }
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split(LINE);
      rest = parts.pop() ?? "";
      yield* parts;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // It may have failed already, which the reader was told.
  }
}
