/** Server-sent events, as the HTML standard writes them. */

/** A carriage return at the very end may be half of a line's end. */
const LINE = /\r\n|\n|\r(?!$)/;

/** What ends with an empty line: the id it names, and its data; neither is there in a mere sign of life. */
export interface Frame {
  id?: string;
  data?: string;
}

export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  let frame: Frame = {};
  for await (const line of lines(body)) {
    const [, name, value = ""] = /^(id|data): ?(.*)$/s.exec(line) ?? [];
    if (name === "id") frame.id = value;
    else if (name === "data") frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
    else if (line === "") {
      yield frame;
      frame = {};
    }
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
