// The same four tools three times: by the decorator as a compiler emits it, by the decorator called by hand as `experimentalDecorators` calls it,
// and as plain functions. What enters a body is written down in `entered`.
import { AegisGuard, guard, type AegisModule, type Guarded } from 'aegislib';

export interface Order {
  readonly id: string;
  readonly amount: number;
}

export interface Tools {
  post(channel: string, text: string): Promise<string>;
  mail(to: string, body: string): Promise<string>;
  refund(order: Order): Promise<Guarded<string>>;
  /** Named by no policy. */
  wipe(order: Order): Promise<string>;
}

export type Entered = unknown[][];

export function decorated(module: AegisModule, entered: Entered): Tools {
  class Workspace implements Tools {
    @AegisGuard({ module, toolName: 'slack.post', params: ['channel', 'text'], approval: 'wait' })
    async post(channel: string, text: string): Promise<string> {
      entered.push(['post', channel, text]);
      return `posted ${text}`;
    }

    @AegisGuard({ module, toolName: 'mail', params: ['to', 'body'], approval: 'wait' })
    async mail(to: string, body: string): Promise<string> {
      return this.#send(to, body);
    }

    /** Without a toolName: the tool is named after the method. */
    @AegisGuard({ module })
    async refund(order: Order): Promise<Guarded<string>> {
      entered.push(['refund', order.id, order.amount]);
      return `refunded ${order.amount}`;
    }

    @AegisGuard({ module, approval: 'wait' })
    async wipe(order: Order): Promise<string> {
      entered.push(['wipe', order.id]);
      return 'wiped';
    }

    async #send(to: string, body: string): Promise<string> {
      entered.push(['mail', to, body]);
      return `mailed ${body}`;
    }
  }
  return new Workspace();
}

export function plain(entered: Entered): Tools {
  return {
    post: async (channel, text) => {
      entered.push(['post', channel, text]);
      return `posted ${text}`;
    },
    mail: async (to, body) => {
      entered.push(['mail', to, body]);
      return `mailed ${body}`;
    },
    refund: async ({ id, amount }) => {
      entered.push(['refund', id, amount]);
      return `refunded ${amount}`;
    },
    wipe: async ({ id }) => {
      entered.push(['wipe', id]);
      return 'wiped';
    },
  };
}

/** As plain JavaScript applies it, and as `experimentalDecorators` does. */
export function decoratedByHand(module: AegisModule, entered: Entered): Tools {
  const tools = plain(entered);
  const apply = (key: keyof Tools, options: object): void => {
    const decorate = AegisGuard({ module, ...options } as never) as unknown as (
      target: object,
      key: string,
      descriptor: PropertyDescriptor | undefined,
    ) => PropertyDescriptor;
    Object.defineProperty(tools, key, decorate(tools, key, Object.getOwnPropertyDescriptor(tools, key)));
  };
  apply('post', { toolName: 'slack.post', params: ['channel', 'text'], approval: 'wait' });
  apply('mail', { params: ['to', 'body'], approval: 'wait' });
  apply('refund', {});
  apply('wipe', { approval: 'wait' });
  return tools;
}

export function guardedFunctions(module: AegisModule, entered: Entered): Tools {
  const { post, mail, refund, wipe } = plain(entered);
  return {
    post: guard(post, { module, toolName: 'slack.post', params: ['channel', 'text'], approval: 'wait' }),
    mail: guard(mail, { module, toolName: 'mail', params: ['to', 'body'], approval: 'wait' }),
    refund: guard(async (order: Order) => String(await refund(order)), { module, toolName: 'refund' }),
    wipe: guard(wipe, { module, toolName: 'wipe', approval: 'wait' }),
  };
}
