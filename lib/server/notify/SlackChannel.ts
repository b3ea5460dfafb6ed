import type { Channel, IsRequester, SentCard } from './Channel.js';
import { DeliveryError } from './Channel.js';
import { haltLines } from './HaltNotices.js';
import type { HaltNotice } from './HaltNotices.js';
import { limitLines } from './LimitNotices.js';
import type { LimitNotice } from './LimitNotices.js';
import { changeLines, seatsText } from './Notice.js';
import type { AdminNotice, Notice, NoticeItem } from './Notice.js';
import { ofGroup, secretText } from './NotifyOptions.js';
import type { SlackOptions } from './NotifyOptions.js';
import { plainLine, timeLeft } from '../front/plainLine.js';
import { postText } from './postText.js';

/** Errors of Slack that go away. */
const LATER = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);

/** Posts a card to the channel of a group, and changes it when what it is about was settled. */
export class SlackChannel implements Channel {
  readonly name = 'slack';
  readonly #options: SlackOptions;

  constructor(options: SlackOptions) {
    this.#options = options;
  }

  serves(group: string): boolean {
    return ofGroup(this.#options.channels, group) !== undefined;
  }

  get servesAdmins(): boolean {
    return this.#options.admins !== undefined;
  }

  /** A channel that is one person's, whose id is among the ids of that person, is not told what the person asked for. */
  async send(given: Notice, nowMs: number, isRequester: IsRequester): Promise<SentCard | undefined> {
    const channel = ofGroup(this.#options.channels, given.group) as string;
    const items: NoticeItem[] = [];
    for (const item of given.items) if (!(await isRequester(channel, item))) items.push(item);
    if (items.length === 0) return undefined;
    const notice = { ...given, items };
    const { channel: posted, ts } = await this.#call('chat.postMessage', {
      channel,
      ...slackCard(notice, nowMs),
      unfurl_links: false,
      unfurl_media: false,
    });
    return { channel: typeof posted === 'string' ? posted : channel, ts: String(ts) };
  }

  async sendToAdmins(notice: AdminNotice): Promise<void> {
    const message = { ...adminCard(notice), unfurl_links: false, unfurl_media: false };
    await this.#call('chat.postMessage', { channel: this.#options.admins, ...message });
  }

  async sendHalt(notice: HaltNotice): Promise<void> {
    const message = { ...haltCard(notice), unfurl_links: false, unfurl_media: false };
    await this.#call('chat.postMessage', { channel: this.#options.admins, ...message });
  }

  async sendLimit(notice: LimitNotice): Promise<void> {
    const message = { ...limitCard(notice), unfurl_links: false, unfurl_media: false };
    await this.#call('chat.postMessage', { channel: this.#options.admins, ...message });
  }

  async update({ channel, ts }: SentCard, notice: Notice, nowMs: number): Promise<void> {
    await this.#call('chat.update', { channel, ts, ...slackCard(notice, nowMs) });
  }

  async #call(method: string, message: object): Promise<Readonly<Record<string, unknown>>> {
    const { token, apiUrl = 'https://slack.com/api', allowPrivate = false } = this.#options;
    const headers = { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${secretText(token)}` };
    const { status, body } = await postText(`${apiUrl.replace(/\/$/, '')}/${method}`, {
      headers,
      body: JSON.stringify(message),
      allowPrivate,
    });
    const answer = status === 200 ? readAnswer(body) : {};
    if (answer['ok'] === true) return answer;
    const error = typeof answer['error'] === 'string' && /^[a-z_]{1,64}$/.test(answer['error']) ? answer['error'] : `HTTP ${status}`;
    throw new DeliveryError(`Slack answered ${error}.`, { isFinal: status === 200 && !LATER.has(error) });
  }
}

/** The card of a notice: what anyone wrote is text without markup, and the only links are ours. */
export function slackCard(
  { group, items, more, link, tenantId, about }: Notice,
  nowMs: number,
): { readonly text: string; readonly blocks: readonly object[] } {
  const waiting = items.filter(({ status }) => status === 'pending').length + more;
  const title =
    waiting === 0
      ? 'Nothing waits here any longer'
      : `${waiting} approval${waiting === 1 ? '' : 's'} ${about === 'reminder' ? 'still ' : ''}wait${waiting === 1 ? 's' : ''} for ${plainLine(group, 100)}`;
  const blocks = items.flatMap((item) => [
    { type: 'section', text: plain(itemText(item, nowMs)) },
    {
      type: 'context',
      elements: [{ type: 'mrkdwn', text: `<${item.link}|${item.status === 'pending' ? 'Open the approval' : 'Open'}>`, verbatim: true }],
    },
  ]);
  const rest = more > 0 ? [{ type: 'context', elements: [{ type: 'mrkdwn', text: `<${link}|${more} more>`, verbatim: true }] }] : [];
  return {
    // what notifications show: it is read for markup, so that what anyone wrote is escaped
    text: escapeSlack(title),
    blocks: [
      { type: 'header', text: plain(title) },
      ...blocks,
      ...rest,
      // everyone in the channel reads it, also who asked
      ...(waiting > 0 ? [{ type: 'context', elements: [plain(NOT_WHO_ASKED)] }] : []),
      { type: 'context', elements: [plain(`Aegis, tenant ${plainLine(tenantId)}`)] },
    ],
  };
}

const NOT_WHO_ASKED = 'The people of this group decide. Who asked for a call does not.';

/** The card of what became of people. */
export function adminCard({ changes, more, link, tenantId }: AdminNotice): { readonly text: string; readonly blocks: readonly object[] } {
  const total = changes.length + more;
  const title = total === 1 ? 'People: one change' : `People: ${total} changes`;
  return {
    text: title,
    blocks: [
      { type: 'header', text: plain(title) },
      ...changes.map((change) => ({ type: 'section', text: plain(changeLines(change).join('\n')) })),
      {
        type: 'context',
        elements: [{ type: 'mrkdwn', text: `<${link}|${more > 0 ? `People, and ${more} more` : 'People'}>`, verbatim: true }],
      },
      { type: 'context', elements: [plain(`Aegis, tenant ${plainLine(tenantId)}`)] },
    ],
  };
}

/** The message that tells of a halt. */
export function haltCard(notice: HaltNotice): { readonly text: string; readonly blocks: readonly object[] } {
  return linesCard(haltLines(notice), notice, 'Halts');
}

/** The message that tells of a limit. */
export function limitCard(notice: LimitNotice): { readonly text: string; readonly blocks: readonly object[] } {
  return linesCard(limitLines(notice), notice, 'Limits');
}

function linesCard(
  [title, ...lines]: readonly [title: string, ...lines: string[]],
  { link, tenantId }: Pick<HaltNotice, 'link' | 'tenantId'>,
  page: string,
): { readonly text: string; readonly blocks: readonly object[] } {
  return {
    text: title,
    blocks: [
      { type: 'header', text: plain(title.slice(0, 150)) },
      ...(lines.length === 0 ? [] : [{ type: 'section', text: plain(lines.join('\n')) }]),
      { type: 'context', elements: [{ type: 'mrkdwn', text: `<${link}|${page}>`, verbatim: true }] },
      { type: 'context', elements: [plain(`Aegis, tenant ${plainLine(tenantId)}`)] },
    ],
  };
}

function itemText(item: NoticeItem, nowMs: number): string {
  const { toolName, agentId, severity, reason, status, expiresAtMs } = item;
  const state = status === 'pending' ? `${timeLeft(expiresAtMs - nowMs)} left` : status;
  return [
    `${plainLine(toolName)} (${severity}), ${state}`,
    `Agent ${plainLine(agentId)}`,
    ...seatsText(item),
    ...(reason === '' ? [] : [plainLine(reason, 500)]),
  ].join('\n');
}

function plain(text: string): object {
  return { type: 'plain_text', text, emoji: false };
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function readAnswer(body: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === 'object' && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
