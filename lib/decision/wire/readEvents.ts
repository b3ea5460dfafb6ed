// The stream of `GET /v1/events`, as a client reads it: server-sent events.
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';

/** An event of a stream. */
export interface StreamEvent {
  /** The place in the stream after this event; `undefined` where it does not say. */
  readonly id: string | undefined;
  /** `message` where it does not say. */
  readonly type: string;
  /** Empty where it only says a place. */
  readonly data: string;
}

/**
 * Reads server-sent events.
 *
 * @param maxBytes the largest event that is accepted, in bytes
 * @throws DecisionUnavailableError `too_large`, or `malformed` for what is not UTF-8
 */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  for await (const chunk of chunks) {
    text += decode(decoder, chunk);
    // an event ends with an empty line; a `\r` at the end may be half of a line's end
    for (;;) {
      const end = /(?:\r\n|\n|\r(?!$))(?:\r\n|\n|\r(?!$))/.exec(text);
      if (end === null) break;
      const event = eventOf(text.slice(0, end.index));
      text = text.slice(end.index + end[0].length);
      if (event !== undefined) yield event;
    }
    if (text.length > maxBytes)
      throw new DecisionUnavailableError('too_large', `An event of the decision service is larger than ${maxBytes} bytes (maxBodyBytes).`);
  }
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch {
    throw new DecisionUnavailableError('malformed', "The decision service's events are not UTF-8.");
  }
}

/** @returns undefined for what says nothing, such as a comment that keeps the connection open */
function eventOf(block: string): StreamEvent | undefined {
  let id: string | undefined;
  let type: string | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) as unknown as readonly [string, string, string?];
    // an id with a NUL is ignored, as everywhere
    if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
  }
  if (id === undefined && data.length === 0) return undefined;
  return { id, type: data.length === 0 ? 'place' : (type ?? 'message'), data: data.join('\n') };
}
