import type { Logger } from '../../common/Logger.js';
import type { Channel } from './Channel.js';
import { MailChannel, NO_MAILER } from './MailChannel.js';
import { Notifier } from './Notifier.js';
import type { NotifierOptions } from './Notifier.js';
import type { Halt } from '../../model/halt/Halt.js';
import type { ToldHalts } from './HaltNotices.js';
import type { NotifyOptions } from './NotifyOptions.js';
import { SlackChannel } from './SlackChannel.js';
import { WebhookChannel } from './WebhookChannel.js';

/** What is needed of a tenant. */
export interface NotifiedTenant extends Pick<NotifierOptions, 'desk' | 'records'> {
  readonly id: string;
  readonly halts: { readonly inForce: readonly Halt[] };
  readonly haltNews: ToldHalts['news'];
  readonly identity: { readonly directory: NonNullable<NotifierOptions['directory']> };
  readonly notify?: NotifyOptions | undefined;
}

/** A notifier for each tenant that has channels. */
export function notifiersOf(
  tenants: readonly NotifiedTenant[],
  options: Pick<NotifierOptions, 'pages' | 'logger' | 'now'>,
): readonly Notifier[] {
  return tenants.flatMap(({ id, desk, records, identity, halts, haltNews, notify = {} }) => {
    const channels = channelsOf(notify, options.logger);
    return channels.length === 0
      ? []
      : [
          new Notifier({
            ...options,
            tenantId: id,
            desk,
            records,
            channels,
            directory: identity.directory,
            halts: { news: haltNews, inForce: () => halts.inForce },
          }),
        ];
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
