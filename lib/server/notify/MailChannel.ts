import { findPackage } from '../../common/findPackage.js';
import { LruMap } from '../../common/LruMap.js';
import type { Channel, IsRequester } from './Channel.js';
import { DeliveryError } from './Channel.js';
import { haltLines } from './HaltNotices.js';
import type { HaltNotice } from './HaltNotices.js';
import { limitLines } from './LimitNotices.js';
import type { LimitNotice } from './LimitNotices.js';
import { changeLines, seatsText } from './Notice.js';
import type { AdminNotice, Notice, NoticeItem } from './Notice.js';
import { ofGroup, secretText } from './NotifyOptions.js';
import type { MailOptions } from './NotifyOptions.js';
import { plainLine, timeLeft } from '../front/plainLine.js';

/** What is used of nodemailer. */
interface Mailer {
  sendMail(mail: object): Promise<unknown>;
  close(): void;
}

/** Why no mail is sent. */
export const NO_MAILER =
  'Mail needs the package nodemailer, which is not installed: npm install nodemailer. Everything else works without it.';

/** Sends notices by mail, in plain text, to each person alone. */
export class MailChannel implements Channel {
  readonly name = 'mail';
  readonly #options: MailOptions;
  readonly #load: () => unknown;
  /** Who got which notice: those are left out of a second attempt. */
  readonly #delivered = new LruMap<string, true>(1_000);
  #loaded: ((options: object) => Mailer) | undefined;

  /** @param load loads nodemailer */
  constructor(options: MailOptions, load: () => unknown = requireNodemailer) {
    this.#options = options;
    this.#load = load;
  }

  serves(group: string): boolean {
    return (ofGroup(this.#options.to, group)?.length ?? 0) > 0;
  }

  /** Whether nodemailer is there. */
  canSend(): boolean {
    try {
      this.#transport();
      return true;
    } catch {
      return false;
    }
  }

  get servesAdmins(): boolean {
    return (this.#options.admins ?? []).length > 0;
  }

  async send(notice: Notice, nowMs: number, isRequester: IsRequester): Promise<undefined> {
    await this.#sendEach(notice.id, ofGroup(this.#options.to, notice.group) ?? [], async (address) => {
      const items: NoticeItem[] = [];
      for (const item of notice.items) if (!(await isRequester(address, item))) items.push(item);
      return items.length === 0 ? undefined : mailText({ ...notice, items }, nowMs);
    });
  }

  async sendToAdmins(notice: AdminNotice): Promise<void> {
    await this.#sendEach(notice.id, this.#options.admins ?? [], async () => adminMailText(notice));
  }

  async sendHalt(notice: HaltNotice): Promise<void> {
    await this.#sendEach(notice.id, this.#options.admins ?? [], async () => haltMailText(notice));
  }

  async sendLimit(notice: LimitNotice): Promise<void> {
    await this.#sendEach(notice.id, this.#options.admins ?? [], async () => limitMailText(notice));
  }

  /** @param textFor what an address is sent; `undefined`: nothing */
  async #sendEach(id: string, addresses: readonly string[], textFor: (address: string) => Promise<MailText | undefined>): Promise<void> {
    const { smtp, from } = this.#options;
    const createTransport = this.#transport();
    const mailer = createTransport({
      url: secretText(smtp),
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 20_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      let failed: unknown;
      for (const address of addresses) {
        const key = `${id} ${address}`;
        if (this.#delivered.get(key) === true) continue;
        const text = await textFor(address);
        if (text === undefined) continue;
        // one receiver that is refused keeps the mail from no other one
        try {
          await mailer.sendMail({ from, to: { name: '', address }, ...text, messageId: messageId(id, address, from) });
          this.#delivered.set(key, true);
        } catch (error) {
          failed ??= error;
        }
      }
      if (failed !== undefined) throw new DeliveryError('The mail server did not take it.', { isFinal: isRefusal(failed), cause: failed });
    } finally {
      mailer.close();
    }
  }

  #transport(): (options: object) => Mailer {
    this.#loaded ??= (this.#load() as { readonly createTransport: (options: object) => Mailer }).createTransport;
    return this.#loaded;
  }
}

/** What a mail says. */
interface MailText {
  readonly subject: string;
  readonly text: string;
}

/** Subject and text of a mail to the admins. */
export function adminMailText({ changes, more, link }: AdminNotice): MailText {
  const total = changes.length + more;
  const subject = total === 1 ? 'Aegis: a change to people' : `Aegis: ${total} changes to people`;
  const lines = changes.flatMap((change) => [...changeLines(change), '']);
  return { subject, text: [...lines, ...(more > 0 ? [`${more} more`, ''] : []), link].join('\n') };
}

/** The mail that tells of a halt. */
export function haltMailText(notice: HaltNotice): MailText {
  const [title, ...lines] = haltLines(notice);
  return { subject: `Aegis: ${title}`, text: [...lines, '', notice.link].join('\n') };
}

/** The mail that tells of a limit. */
export function limitMailText(notice: LimitNotice): MailText {
  const [title, ...lines] = limitLines(notice);
  return { subject: `Aegis: ${title}`, text: [...lines, '', notice.link].join('\n') };
}

/** Subject and text of a mail. */
export function mailText({ group, items, more, link, about }: Notice, nowMs: number): MailText {
  const [first] = items;
  const total = items.length + more;
  const still = about === 'reminder' ? 'still ' : '';
  const subject =
    total === 1 && first !== undefined
      ? `Aegis: ${plainLine(first.toolName, 80)} ${still}waits for your decision`
      : `Aegis: ${total} approvals ${still}wait for ${plainLine(group, 80)}`;
  const lines = items.flatMap((item) => [
    `${plainLine(item.toolName)} (${item.severity}), ${timeLeft(item.expiresAtMs - nowMs)} left`,
    `Agent: ${plainLine(item.agentId)}`,
    ...seatsText(item),
    ...(item.reason === '' ? [] : [`Why: ${plainLine(item.reason, 500)}`]),
    item.link,
    '',
  ]);
  return {
    subject,
    text: [...lines, ...(more > 0 ? [`${more} more: ${link}`, ''] : []), 'Nothing can be decided by mail. Open the page and sign in.'].join(
      '\n',
    ),
  };
}

/** The same for every attempt, so that a mail server can drop the second one. */
function messageId(id: string, address: string, from: string): string {
  const host = /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
  return `<${id}.${Buffer.from(address).toString('hex')}@${host}>`;
}

function isRefusal(error: unknown): boolean {
  const code = (error as { readonly responseCode?: unknown }).responseCode;
  return typeof code === 'number' && code >= 500;
}

function requireNodemailer(): unknown {
  const { require, path } = findPackage('nodemailer');
  return require(path);
}
