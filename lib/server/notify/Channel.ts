import type { HaltNotice } from './HaltNotices.js';
import type { LimitNotice } from './LimitNotices.js';
import type { AdminNotice, Notice, NoticeItem } from './Notice.js';

/** A message that was sent and can be changed. */
export interface SentCard {
  readonly channel: string;
  readonly ts: string;
}

/** Where a notice goes. */
export interface Channel {
  /** Unique among the channels of a tenant. */
  readonly name: string;
  /** Whether it tells this group anything. */
  serves(group: string): boolean;
  /**
   * Sends a notice.
   *
   * @param nowMs for the time left
   * @param isRequester whether a person asked for an approval, or has said yes to it: who is then not told of it
   * @returns the message, where it can be changed later
   * @throws DeliveryError where it did not arrive
   */
  send(notice: Notice, nowMs: number, isRequester: IsRequester): Promise<SentCard | undefined>;
  /** Whether it is told of approvals that were settled, beside those that wait. */
  readonly tellsSettled?: boolean | undefined;
  /** Whether it tells the admins anything. */
  readonly servesAdmins?: boolean | undefined;
  /** Sends the admins what became of people. @throws DeliveryError where it did not arrive */
  sendToAdmins?(notice: AdminNotice): Promise<void>;
  /** Sends the admins what is halted, or no longer is. @throws DeliveryError where it did not arrive */
  sendHalt?(notice: HaltNotice): Promise<void>;
  /** Sends the admins that a limit refuses calls, or is nearly used up. @throws DeliveryError where it did not arrive */
  sendLimit?(notice: LimitNotice): Promise<void>;
  /** Changes a message that was sent. */
  update?(card: SentCard, notice: Notice, nowMs: number): Promise<void>;
}

/** Whether an address or id is that of the person who asked for an approval, or of one who has said yes to it. */
export type IsRequester = (address: string, item: NoticeItem) => Promise<boolean>;

/** A notice did not arrive. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** Whether it could arrive later. */
  readonly isFinal: boolean;

  /** @param message says why, without a word of what the receiver wrote */
  constructor(message: string, { isFinal = false, cause }: { readonly isFinal?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.isFinal = isFinal;
  }
}
