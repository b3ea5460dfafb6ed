import { readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { SecretString } from '../../common/SecretString.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';

/** A receiver of signed requests, as Standard Webhooks describes them. */
export interface WebhookOptions {
  /** Where notices are posted: https, unless `allowPrivate` is set. */
  readonly url: string;
  /** What they are signed with: `whsec_` and 24 to 64 bytes in base64. */
  readonly secret: string | SecretString;
  /** Only what these groups of approvers decide. @defaultValue all */
  readonly groups?: readonly string[] | undefined;
  /** Whether it is told of changes to people, passkeys and personal tokens. @defaultValue true without `groups` */
  readonly admins?: boolean | undefined;
  /**
   * Allows addresses of this machine and of private networks, and plain http.
   *
   * @defaultValue false
   */
  readonly allowPrivate?: boolean | undefined;
}

/** Posts cards to channels of Slack. A card has a link and decides nothing. */
export interface SlackOptions {
  /** The token of the bot, `xoxb-…`, with the scope `chat:write`. */
  readonly token: string | SecretString;
  /** The id of the channel of each group of approvers; `*` for every other group. */
  readonly channels: Readonly<Record<string, string>>;
  /** The id of the channel of the admins, who are told of changes to people, passkeys and personal tokens. @defaultValue they are not told */
  readonly admins?: string | undefined;
  /**
   * Where the API is.
   *
   * @defaultValue `https://slack.com/api`
   */
  readonly apiUrl?: string | undefined;
  /** As for webhooks. @defaultValue false */
  readonly allowPrivate?: boolean | undefined;
}

/** Sends mail, by the package `nodemailer`. A mail has a link and decides nothing. */
export interface MailOptions {
  /** The server that takes it, such as `smtps://user:password@mail.example.com`. */
  readonly smtp: string | SecretString;
  /** Who it is from. */
  readonly from: string;
  /** The addresses of each group of approvers; `*` for every other group. */
  readonly to: Readonly<Record<string, readonly string[]>>;
  /** The addresses of the admins, who are told of changes to people, passkeys and personal tokens. @defaultValue they are not told */
  readonly admins?: readonly string[] | undefined;
}

/** How approvers are told that something waits for them. */
export interface NotifyOptions {
  /** Signed requests to programs. */
  readonly webhooks?: readonly WebhookOptions[] | undefined;
  /** Cards in channels. */
  readonly slack?: SlackOptions | undefined;
  /** Mail to people. */
  readonly mail?: MailOptions | undefined;
}

const NOTIFY: OptionKinds<NotifyOptions> = { webhooks: 'list', slack: 'record', mail: 'record' };
const WEBHOOK: OptionKinds<WebhookOptions> = {
  url: 'text!',
  secret: 'text|object!',
  groups: 'strings',
  admins: 'boolean',
  allowPrivate: 'boolean',
};
const SLACK: OptionKinds<SlackOptions> = {
  token: 'text|object!',
  channels: 'record!',
  admins: 'text',
  apiUrl: 'text',
  allowPrivate: 'boolean',
};
const MAIL: OptionKinds<MailOptions> = { smtp: 'text|object!', from: 'text!', to: 'record!', admins: 'strings' };

/**
 * Checks the options of notices, and copies them.
 *
 * @param where what they belong to, for the error
 * @throws ConfigError naming every problem
 */
export function checkedNotify(where: string, given: NotifyOptions): NotifyOptions {
  const problems: ConfigProblem[] = [];
  const read = <T extends object>(at: string, value: unknown, kinds: OptionKinds<T>): T =>
    readOptions<T>(value, kinds, (name, message) => problems.push({ where: name === '' ? at : `${at}.${name}`, message }));
  const must = (isRight: boolean, at: string, message: string): void => {
    if (!isRight) problems.push({ where: at, message });
  };
  const options = read(where, given, NOTIFY);
  const webhooks = listOf(options.webhooks).map((webhook, i) => {
    const at = `${where}.webhooks[${i}]`;
    const checked = read(at, webhook, WEBHOOK);
    checkUrl(checked.url, checked.allowPrivate, (message) => must(false, `${at}.url`, message));
    must(
      checked.secret === undefined || isWebhookSecret(secretText(checked.secret)),
      `${at}.secret`,
      'must be whsec_ and 24 to 64 bytes in base64.',
    );
    return checked;
  });
  const slack = options.slack && read(`${where}.slack`, options.slack, SLACK);
  if (slack !== undefined) {
    if (slack.apiUrl !== undefined) checkUrl(slack.apiUrl, slack.allowPrivate, (message) => must(false, `${where}.slack.apiUrl`, message));
    const isChannel = (id: unknown): boolean => typeof id === 'string' && /^[A-Z0-9]{3,32}$/.test(id);
    const ids = Object.values(recordOf(slack.channels));
    must(ids.every(isChannel), `${where}.slack.channels`, 'must have the id of a channel for each group, such as C0123ABCD.');
    must(slack.admins === undefined || isChannel(slack.admins), `${where}.slack.admins`, 'must be the id of a channel, such as C0123ABCD.');
  }
  const mail = options.mail && read(`${where}.mail`, options.mail, MAIL);
  if (mail !== undefined) {
    const lists = Object.values(recordOf(mail.to));
    must(
      lists.every((list) => Array.isArray(list) && list.every(isAddress)),
      `${where}.mail.to`,
      'must have a list of mail addresses for each group, such as ["ann@example.com"].',
    );
    must(listOf(mail.admins).every(isAddress), `${where}.mail.admins`, 'must be a list of mail addresses, such as ["ann@example.com"].');
    must(
      mail.from === undefined || /^[^\r\n]{3,200}$/.test(mail.from),
      `${where}.mail.from`,
      'must be one line, such as Aegis <aegis@example.com>.',
    );
    must(
      mail.smtp === undefined || /^smtps?:\/\/\S+$/.test(secretText(mail.smtp)),
      `${where}.mail.smtp`,
      'must be an smtp:// or smtps:// URL.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { webhooks, slack, mail };
}

/** The text of a secret. */
export function secretText(secret: string | SecretString): string {
  return secret instanceof SecretString ? secret.reveal() : String(secret);
}

/** The entry of a group, else that of `*`. */
export function ofGroup<T>(entries: Readonly<Record<string, T>>, group: string): T | undefined {
  if (Object.hasOwn(entries, group)) return entries[group];
  return Object.hasOwn(entries, '*') ? entries['*'] : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isWebhookSecret(secret: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const { length } = Buffer.from(base64 ?? '', 'base64');
  return length >= 24 && length <= 64;
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^[^\s@<>,;:"()[\]\\]{1,64}@[^\s@<>,;:"()[\]\\]{1,255}$/.test(value);
}

function checkUrl(given: unknown, allowPrivate: boolean | undefined, wrong: (message: string) => void): void {
  if (typeof given !== 'string' || given === '') return;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isWeb = url?.protocol === 'https:' || (url?.protocol === 'http:' && allowPrivate === true);
  if (url === undefined || !isWeb || url.username !== '' || url.password !== '')
    wrong('must be an https URL without credentials. Plain http needs `allowPrivate: true`.');
}
