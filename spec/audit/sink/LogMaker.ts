import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { CompactTree } from '../../../lib/audit/tree/CompactTree.js';
import { signCheckpoint } from '../../../lib/audit/tree/checkpoint.js';
import type { AuditBatch, Opening, TreeState } from '../../../lib/audit/sink/AuditSink.js';

const key = AuditKey.generate();

/** Makes batches of a log, as a writer hands them to its sink. */
export class LogMaker {
  readonly writer: string;
  readonly lines: string[] = [];
  readonly openings: Opening[] = [];
  readonly #tree: CompactTree;
  #lastAt: number;

  /** @param from a log that was opened */
  constructor(writer = 'w0', from: TreeState = { size: 0, nodes: [], lastAt: 0 }) {
    this.writer = writer;
    this.#tree = CompactTree.from(from);
    this.#lastAt = from.lastAt;
  }

  get tree(): TreeState {
    return { ...this.#tree.state(), lastAt: this.#lastAt };
  }

  /** A batch of so many records; every second one has an opening. */
  batch(count: number, text = 'ship_order'): AuditBatch {
    const lines: string[] = [];
    const openings: Opening[] = [];
    for (let i = 0; i < count; i++) {
      const seq = this.#tree.size;
      const at = (this.#lastAt += 5);
      const line = JSON.stringify({ v: 1, seq, at, writer: this.writer, kind: 'policies', hash: `${text} ${seq}` });
      this.#tree.append(line);
      lines.push(line);
      if (seq % 2 === 0) openings.push(openingOf(seq, at, text));
    }
    this.lines.push(...lines);
    this.openings.push(...openings);
    return { lines, openings, tree: this.tree };
  }

  /** A signed checkpoint of what was made so far. */
  note(): string {
    const { size } = this.#tree;
    return signCheckpoint({ origin: `spec.example/${this.writer}`, size, root: this.#tree.root().toString('base64') }, [key]);
  }
}

function openingOf(seq: number, at: number, text: string): Opening {
  const requester = seq % 4 === 0 ? { requester: `user_${seq % 3}` } : {};
  return { seq, decisionId: `dec_${seq}`, ...requester, at, salt: 'AAAAAAAAAAAAAAAAAAAAAA', values: { effective: `{"text":"${text}"}` } };
}
