import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A request that a receiver got. */
export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An HTTP receiver on 127.0.0.1. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
}

/** What a receiver answers. */
export type Answering = (
  request: Received,
  count: number,
) => { readonly status?: number; readonly body?: string; readonly headers?: Record<string, string> } | undefined;

/** Starts one. Where `answering` returns nothing, the connection is cut. */
export async function receiver(answering: Answering = () => ({})): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers as Record<string, string>, body };
      received.push(one);
      const answer = answering(one, received.length);
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead(answer.status ?? 200, answer.headers);
      response.end(answer.body ?? '');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** A mail that a server got. */
export interface ReceivedMail {
  readonly to: readonly string[];
  readonly source: string;
}

/** A mail server on 127.0.0.1. */
export interface MailServer extends AsyncDisposable {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
}

/** Starts one. @param refuse a code of SMTP for addresses that it does not take */
export async function mailServer(refuse: (address: string) => number | undefined = () => undefined): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      const code = refuse(address);
      done(code === undefined ? undefined : Object.assign(new Error('refused'), { responseCode: code }));
    },
    onData(stream, { envelope }, done) {
      let source = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => (source += chunk));
      stream.on('end', () => {
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), source });
        done();
      });
    },
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    [Symbol.asyncDispose]: async () => new Promise<void>((closed) => server.close(closed)),
  };
}
