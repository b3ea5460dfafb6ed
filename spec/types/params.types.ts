// Names of parameters: a tuple with one name each, or none where the sole parameter is a plain object.
import type { Readable } from 'node:stream';
import { AegisGuard } from '../../lib/index.js';

interface Order {
  readonly id: string;
  readonly amount: number;
}

class OrderDto {
  id = '';
}

export class Positional {
  @AegisGuard({ params: ['to', 'subject'], approval: 'wait' })
  async two(to: string, subject?: string): Promise<string> {
    return to + subject;
  }

  // @ts-expect-error too few names
  @AegisGuard({ params: ['to'], approval: 'wait' })
  async few(to: string, subject?: string): Promise<string> {
    return to + subject;
  }

  // @ts-expect-error too few names: a default makes no parameter go
  @AegisGuard({ params: ['to'], approval: 'wait' })
  async fewDefaulted(to: string, subject = 'hi'): Promise<string> {
    return to + subject;
  }

  // @ts-expect-error too many names
  @AegisGuard({ params: ['to', 'subject'], approval: 'wait' })
  async many(to: string): Promise<string> {
    return to;
  }

  // @ts-expect-error names of no parameters
  @AegisGuard({ params: ['to'], approval: 'wait' })
  async manyOfNone(): Promise<void> {}

  // @ts-expect-error no names
  @AegisGuard({ approval: 'wait' })
  async none(to: string): Promise<string> {
    return to;
  }

  // @ts-expect-error an empty list names nothing
  @AegisGuard({ params: [], approval: 'wait' })
  async empty(to: string): Promise<string> {
    return to;
  }

  // @ts-expect-error no names
  @AegisGuard({ approval: 'wait' })
  async noneOfTwo(a: Order, b: Order): Promise<string> {
    return a.id + b.id;
  }

  // @ts-expect-error a name is a text
  @AegisGuard({ params: [1], approval: 'wait' })
  async number(to: string): Promise<string> {
    return to;
  }

  // @ts-expect-error a list whose length is not known
  @AegisGuard({ params: names, approval: 'wait' })
  async anyLength(to: string): Promise<string> {
    return to;
  }

  @AegisGuard({ params: ['to', '...cc'], approval: 'wait' })
  async rest(to: string, ...cc: string[]): Promise<string> {
    return to + cc.join();
  }

  @AegisGuard({ params: ['...all'], approval: 'wait' })
  async restOnly(...all: string[]): Promise<string> {
    return all.join();
  }

  // @ts-expect-error a rest parameter is named '...cc'
  @AegisGuard({ params: ['to', 'cc'], approval: 'wait' })
  async bareRest(to: string, ...cc: string[]): Promise<string> {
    return to + cc.join();
  }

  // @ts-expect-error the rest parameter has no name
  @AegisGuard({ params: ['to'], approval: 'wait' })
  async namelessRest(to: string, ...cc: string[]): Promise<string> {
    return to + cc.join();
  }

  @AegisGuard({ params: ['id', 'order'], approval: 'wait' })
  async mixed(id: string, order: Order): Promise<string> {
    return id + order.id;
  }
}

declare const names: string[];

export class SoleObject {
  @AegisGuard({ approval: 'wait' })
  async ofInterface(order: Order): Promise<number> {
    return order.amount;
  }

  @AegisGuard({ approval: 'wait' })
  async optional(order?: Order): Promise<number> {
    return order?.amount ?? 0;
  }

  @AegisGuard({ approval: 'wait' })
  async defaulted(order: Order = { id: '', amount: 1 }): Promise<number> {
    return order.amount;
  }

  @AegisGuard({ approval: 'wait' })
  async orUndefined(order: Order | undefined): Promise<number> {
    return order?.amount ?? 0;
  }

  @AegisGuard({ approval: 'wait' })
  async destructured({ id, amount = 1 }: { id: string; amount?: number }): Promise<number> {
    return id.length + amount;
  }

  @AegisGuard({ approval: 'wait' })
  async record(data: Record<string, unknown>): Promise<number> {
    return Object.keys(data).length;
  }

  @AegisGuard({ approval: 'wait' })
  async union(data: { a: string } | { b: number }): Promise<number> {
    return Object.keys(data).length;
  }

  /** Structurally an Error, and a common form: it has to be possible. */
  @AegisGuard({ approval: 'wait' })
  async contact(form: { name: string; message: string }): Promise<string> {
    return form.name;
  }

  @AegisGuard({ params: ['order'], approval: 'wait' })
  async named(order: Order): Promise<number> {
    return order.amount;
  }

  // @ts-expect-error one object has one name
  @AegisGuard({ params: ['order', 'amount'], approval: 'wait' })
  async twoNames(order: Order): Promise<number> {
    return order.amount;
  }

  // @ts-expect-error null has no keys
  @AegisGuard({ approval: 'wait' })
  async orNull(order: Order | null): Promise<number> {
    return order?.amount ?? 0;
  }

  // @ts-expect-error a text has no keys of its own
  @AegisGuard({ approval: 'wait' })
  async orText(order: Order | string): Promise<number> {
    return typeof order === 'string' ? 0 : order.amount;
  }
}

/** A built-in class, or what is none that is known, needs a name as sole parameter. */
export class SoleOther {
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async text(_x: string): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async bigint(_x: bigint): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async list(_x: readonly string[]): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async callback(_x: () => void): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async date(_x: Date): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async optionalDate(_x?: Date): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async map(_x: Map<string, number>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async readonlyMap(_x: ReadonlyMap<string, number>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async set(_x: Set<string>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async weakMap(_x: WeakMap<object, string>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async weakSet(_x: WeakSet<object>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async regExp(_x: RegExp): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async url(_x: URL): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async query(_x: URLSearchParams): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async promise(_x: Promise<string>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async buffer(_x: Buffer): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async bytes(_x: Uint8Array): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async arrayBuffer(_x: ArrayBuffer): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async signal(_x: AbortSignal): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async stream(_x: Readable): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async iterable(_x: AsyncIterable<string>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async generator(_x: Generator<string>): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async anything(_x: any): Promise<void> {}
  // @ts-expect-error
  @AegisGuard({ approval: 'wait' })
  async something(_x: unknown): Promise<void> {}
  @AegisGuard({ params: ['at'], approval: 'wait' })
  async named(_at: Date): Promise<void> {}
}

export class OpaqueAndPlain {
  @AegisGuard({ params: ['to', 'body', '...more'], opaque: ['body', 'more'], approval: 'wait' })
  async opaque(_to: string, _body: Readable, ..._more: Readable[]): Promise<void> {}

  @AegisGuard({ opaque: ['body'], approval: 'wait' })
  async opaqueKey(_mail: { to: string; body: Readable }): Promise<void> {}

  @AegisGuard({ opaque: ['body', '...context'], approval: 'wait' })
  async opaqueFurther(_mail: { to: string; body: Readable }): Promise<void> {}

  @AegisGuard({ params: ['order'], plain: ['order'], approval: 'wait' })
  async plain(_order: OrderDto): Promise<void> {}

  // @ts-expect-error no parameter of that name
  @AegisGuard({ params: ['to', 'body'], opaque: ['bdoy'], approval: 'wait' })
  async misspelled(_to: string, _body: Readable): Promise<void> {}

  // @ts-expect-error the object has no such key
  @AegisGuard({ opaque: ['bdoy'], approval: 'wait' })
  async misspelledKey(_mail: { to: string; body: Readable }): Promise<void> {}

  // @ts-expect-error no parameter of that name
  @AegisGuard({ params: ['order'], plain: ['id'], approval: 'wait' })
  async plainKey(_order: OrderDto): Promise<void> {}

  // @ts-expect-error an instance needs a name to be plain
  @AegisGuard({ plain: ['order'], approval: 'wait' })
  async plainNameless(_order: OrderDto): Promise<void> {}
}
