import { createHmac } from 'node:crypto';
import type { IdentityChange } from '../people/row/identityRows.js';
import { writeHalt } from '../../decision/wire/govern/haltsAnswer.js';
import { writeNoticedLimit } from '../../decision/wire/govern/limitsAnswer.js';
import type { Channel } from './Channel.js';
import { DeliveryError } from './Channel.js';
import type { HaltNotice } from './HaltNotices.js';
import type { LimitNotice } from './LimitNotices.js';
import type { AdminNotice, Notice } from './Notice.js';
import { secretText } from './NotifyOptions.js';
import type { WebhookOptions } from './NotifyOptions.js';
import { postText } from './postText.js';

/** Statuses of receivers that could take it later. */
const LATER = new Set([408, 409, 425, 429]);

/** Posts notices, signed as Standard Webhooks describes it. */
export class WebhookChannel implements Channel {
  readonly name: string;
  readonly tellsSettled = true;
  readonly #options: WebhookOptions;

  /** @param index its place among the webhooks */
  constructor(index: number, options: WebhookOptions) {
    this.name = `webhook-${index}`;
    this.#options = options;
  }

  serves(group: string): boolean {
    return this.#options.groups?.includes(group) ?? true;
  }

  get servesAdmins(): boolean {
    return this.#options.admins ?? this.#options.groups === undefined;
  }

  async send(notice: Notice, nowMs: number): Promise<undefined> {
    await this.#post(notice.id, { type: `approval.${notice.about}`, timestamp: new Date(nowMs).toISOString(), data: webhookData(notice) });
  }

  async sendToAdmins({ id, tenantId, changes, more, link }: AdminNotice): Promise<void> {
    const data = { tenant: tenantId, link, more, changes: changes.map(changeData) };
    await this.#post(id, { type: 'people.changed', timestamp: new Date(changes.at(-1)?.atMs ?? 0).toISOString(), data });
  }

  async sendHalt({ id, tenantId, about, halt, link }: HaltNotice): Promise<void> {
    const { lifted, atMs, untilMs } = halt;
    const endMs = lifted?.atMs ?? untilMs ?? atMs;
    const timestamp = new Date(about === 'halted' ? atMs : endMs).toISOString();
    await this.#post(id, {
      type: about === 'halted' ? 'halt.ordered' : 'halt.ended',
      timestamp,
      data: { tenant: tenantId, link, ...writeHalt(halt) },
    });
  }

  async sendLimit(notice: LimitNotice): Promise<void> {
    const { id, tenantId, about, atMs, link } = notice;
    const data = { tenant: tenantId, link, ...writeNoticedLimit(notice) };
    await this.#post(id, { type: `limit.${about}`, timestamp: new Date(atMs).toISOString(), data });
  }

  async #post(id: string, message: object): Promise<void> {
    const { url, secret, allowPrivate = false } = this.#options;
    const body = JSON.stringify(message);
    // whole seconds of the wall clock: receivers refuse what is older than five minutes
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': webhookSignature(secretText(secret), { id, timestamp, body }),
    };
    const { status } = await postText(url, { headers, body, allowPrivate });
    if (status >= 200 && status < 300) return;
    throw new DeliveryError(`The receiver answered ${status}.`, { isFinal: status < 500 && !LATER.has(status) });
  }
}

/** The `webhook-signature` of a message (Standard Webhooks, v1). */
export function webhookSignature(
  secret: string,
  { id, timestamp, body }: { readonly id: string; readonly timestamp: string; readonly body: string },
): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

function webhookData({ tenantId, about, group, items, more, link }: Notice): object {
  return {
    tenant: tenantId,
    group,
    link,
    more,
    approvals: items.map(({ decisionId, toolName, agentId, severity, reason, status, expiresAtMs, seats, link: page }) => ({
      id: decisionId,
      tool: toolName,
      agent: agentId,
      severity,
      reason,
      ...(about === 'settled' && { status }),
      seats: seats.needed,
      yes: seats.filled,
      expires: new Date(expiresAtMs).toISOString(),
      link: page,
    })),
  };
}

function changeData({ what, by, byName, person, added = [], removed = [], name, atMs }: IdentityChange): object {
  return {
    what,
    at: new Date(atMs).toISOString(),
    by: { id: by, name: byName ?? null },
    person: person === undefined ? null : { id: person.id ?? null, name: person.name },
    added,
    removed,
    name: name ?? null,
  };
}
