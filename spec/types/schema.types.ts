// A schema's output is the object that names and parameters make together.
import type { ReadableStream } from 'node:stream/web';
import * as v from 'valibot';
import { AegisGuard, guard } from '../../lib/index.js';
import type { StandardSchema } from '../../lib/guard/index.js';

const texts = v.object({ to: v.string(), subject: v.string() });

export class Schemas {
  @AegisGuard({ schema: texts, approval: 'wait' })
  async sole(_mail: { to: string; subject: string }): Promise<void> {}

  @AegisGuard({ schema: texts, approval: 'wait' })
  async soleOptional(_mail?: { to: string; subject: string }): Promise<void> {}

  // @ts-expect-error another type
  @AegisGuard({ schema: v.object({ to: v.number() }), approval: 'wait' })
  async soleWrong(_mail: { to: string }): Promise<void> {}

  // @ts-expect-error a key is missing
  @AegisGuard({ schema: v.object({ to: v.string() }), approval: 'wait' })
  async soleMissing(_mail: { to: string; subject: string }): Promise<void> {}

  // @ts-expect-error may be missing
  @AegisGuard({ schema: v.object({ to: v.optional(v.string()) }), approval: 'wait' })
  async soleMayMiss(_mail: { to: string }): Promise<void> {}

  @AegisGuard({ params: ['to', 'subject'], schema: texts, approval: 'wait' })
  async positional(_to: string, _subject: string): Promise<void> {}

  @AegisGuard({ params: ['to', 'subject'], schema: v.object({ to: v.string(), subject: v.optional(v.string()) }), approval: 'wait' })
  async optional(_to: string, _subject?: string): Promise<void> {}

  @AegisGuard({ params: ['to', 'subject'], schema: v.object({ to: v.string(), subject: v.optional(v.string()) }), approval: 'wait' })
  async defaulted(_to: string, _subject = 'hi'): Promise<void> {}

  @AegisGuard({ params: ['to', '...cc'], schema: v.object({ to: v.string(), cc: v.array(v.number()) }), approval: 'wait' })
  async rest(_to: string, ..._cc: number[]): Promise<void> {}

  // @ts-expect-error another type
  @AegisGuard({ params: ['to', 'subject'], schema: texts, approval: 'wait' })
  async wrong(_to: string, _subject: number): Promise<void> {}

  // @ts-expect-error another name
  @AegisGuard({ params: ['to', 'title'], schema: texts, approval: 'wait' })
  async otherName(_to: string, _title: string): Promise<void> {}

  // @ts-expect-error may be missing
  @AegisGuard({ params: ['to'], schema: v.object({ to: v.optional(v.string()) }), approval: 'wait' })
  async mayMiss(_to: string): Promise<void> {}

  // @ts-expect-error another type in the rest
  @AegisGuard({ params: ['to', '...cc'], schema: v.object({ to: v.string(), cc: v.array(v.string()) }), approval: 'wait' })
  async wrongRest(_to: string, ..._cc: number[]): Promise<void> {}

  // a named object is one param: the schema sees the name
  @AegisGuard({ params: ['mail'], schema: v.object({ mail: texts }), approval: 'wait' })
  async namedObject(_mail: { to: string; subject: string }): Promise<void> {}

  // @ts-expect-error the object has a name, and the schema leaves it out
  @AegisGuard({ params: ['mail'], schema: texts, approval: 'wait' })
  async namedObjectWrong(_mail: { to: string; subject: string }): Promise<void> {}

  // @ts-expect-error nothing to validate
  @AegisGuard({ schema: texts, approval: 'wait' })
  async nothing(): Promise<void> {}

  // no schema sees what is opaque
  @AegisGuard({ params: ['to', 'body'], opaque: ['body'], schema: v.object({ to: v.string() }), approval: 'wait' })
  async opaque(_to: string, _body: ReadableStream): Promise<void> {}

  @AegisGuard({ opaque: ['body'], schema: v.object({ to: v.string() }), approval: 'wait' })
  async opaqueKey(_mail: { to: string; body: ReadableStream }): Promise<void> {}

  // @ts-expect-error only what is opaque may be left out
  @AegisGuard({ params: ['to', 'body'], opaque: ['to'], schema: v.object({ to: v.string() }), approval: 'wait' })
  async wrongOpaque(_to: string, _body: ReadableStream): Promise<void> {}

  // the callbacks are still inferred
  @AegisGuard({ params: ['to', 'subject'], schema: texts, approval: 'wait', session: (self, [to]) => ({ self, length: to.length }) })
  async inferred(_to: string, _subject: string): Promise<void> {}
}

declare const anySchema: StandardSchema<{ readonly id: string }>;
guard(async (_x: { id: string }) => {}, { agentId: 'a', toolName: 't', schema: anySchema });
guard(async (_id: string) => {}, { agentId: 'a', toolName: 't', params: ['id'], schema: anySchema });
// @ts-expect-error another type
guard(async (_x: { id: number }) => {}, { agentId: 'a', toolName: 't', schema: anySchema });
// @ts-expect-error another name
guard(async (_id: string) => {}, { agentId: 'a', toolName: 't', params: ['key'], schema: anySchema });
