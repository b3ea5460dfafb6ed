import { expect } from 'chai';
import { assert, array, constant, integer, oneof, property, record } from 'fast-check';
import { DueQueue } from '../../../lib/common/time/DueLoop.js';
import type { Due } from '../../../lib/common/time/DueLoop.js';

interface Item extends Due {
  readonly n: number;
  /** When it is due, as the model has it. */
  dueMs: number;
}

describe('DueQueue', () => {
  it('does what a sorted array does, for any operations', () => {
    const place = integer({ min: 0, max: 29 });
    const time = integer({ min: 0, max: 50 });
    const operation = oneof(
      record({ op: constant('schedule' as const), n: place, at: time }),
      record({ op: constant('remove' as const), n: place }),
      record({ op: constant('take' as const), at: time }),
    );
    assert(
      property(array(operation, { maxLength: 120 }), (operations) => {
        const queue = new DueQueue<Item>();
        const items = Array.from({ length: 30 }, (_, n): Item => ({ n, dueMs: 0, heapIndex: -1 }));
        let model: Item[] = [];
        for (const o of operations) {
          if (o.op === 'schedule') {
            const item = items[o.n]!;
            queue.schedule(item, o.at);
            item.dueMs = o.at;
            model = [...model.filter((i) => i !== item), item];
          } else if (o.op === 'remove') {
            queue.remove(items[o.n]!);
            model = model.filter((i) => i !== items[o.n]);
          } else {
            const taken = queue.takeDue(o.at);
            const first = Math.min(...model.map((i) => i.dueMs));
            // equal times may come in any order
            expect(taken?.dueMs).to.equal(first <= o.at ? first : undefined);
            if (taken !== undefined) expect(model).to.include(taken);
            model = model.filter((i) => i !== taken);
          }
          expect(queue.size).to.equal(model.length);
          expect(queue.nextDueMs).to.equal(queue.peek()?.dueMs);
          expect(queue.nextDueMs).to.equal(model.length === 0 ? undefined : Math.min(...model.map((i) => i.dueMs)));
          for (const item of items) expect(item.heapIndex >= 0).to.equal(model.includes(item));
        }
        const rest: number[] = [];
        for (let item = queue.takeDue(Infinity); item !== undefined; item = queue.takeDue(Infinity)) rest.push(item.dueMs);
        expect(rest).to.deep.equal(model.map((i) => i.dueMs).sort((a, b) => a - b));
      }),
      { numRuns: 400 },
    );
  });

  it('takes nothing before its time, and everything at it', () => {
    const queue = new DueQueue<Item>();
    queue.schedule({ n: 0, dueMs: 0, heapIndex: -1 }, 10);
    expect(queue.takeDue(9.999)).to.equal(undefined);
    expect(queue.takeDue(10)?.n).to.equal(0);
    expect(queue.takeDue(10)).to.equal(undefined);
  });
});
