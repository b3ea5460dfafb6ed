import type { Logger } from '../../common/Logger.js';
import type { Channel } from './Channel.js';
import { MailChannel, NO_MAILER } from './MailChannel.js';
import { Notifier } from './Notifier.js';
import type { NotifierOptions } from './Notifier.js';
import type { Halt } from '../../model/halt/Halt.js';
import type { ToldHalts } from './HaltNotices.js';
import type { NotifyOptions } from './NotifyOptions.js';
import { EscalationWatch } from './stage/EscalationWatch.js';
import { SlackChannel } from './SlackChannel.js';
import { WebhookChannel } from './WebhookChannel.js';

/** What is needed of a tenant. */
export interface NotifiedTenant extends Pick<NotifierOptions, 'desk' | 'records' | 'journal' | 'limits'> {
  readonly id: string;
  readonly halts: { readonly inForce: readonly Halt[] };
  readonly haltNews: ToldHalts['news'];
  readonly identity: { readonly directory: NonNullable<NotifierOptions['directory']> };
  readonly notify?: NotifyOptions | undefined;
}

/** What watches the approvals of a tenant that wait. */
export type ApprovalWatch = Pick<Notifier, 'start' | 'close'>;

/** A notifier for each tenant that has channels; of the others, what journals escalations. */
export function notifiersOf(
  tenants: readonly NotifiedTenant[],
  options: Pick<NotifierOptions, 'pages' | 'logger' | 'now'>,
): readonly ApprovalWatch[] {
  return tenants.map(({ id, desk, records, identity, halts, haltNews, limits, journal, notify = {} }) => {
    const channels = channelsOf(notify, options.logger);
    if (channels.length === 0) return new EscalationWatch({ desk, records, journal, now: options.now });
    return new Notifier({
      ...options,
      tenantId: id,
      desk,
      records,
      channels,
      journal,
      limits,
      directory: identity.directory,
      halts: { news: haltNews, inForce: () => halts.inForce },
    });
  });
}

function channelsOf({ webhooks = [], slack, mail }: NotifyOptions, logger: Logger): readonly Channel[] {
  const channels: Channel[] = webhooks.map((webhook, i) => new WebhookChannel(i, webhook));
  if (slack !== undefined) channels.push(new SlackChannel(slack));
  if (mail !== undefined) {
    const channel = new MailChannel(mail);
    if (channel.canSend()) channels.push(channel);
    else logger.error({}, NO_MAILER);
  }
  return channels;
}
