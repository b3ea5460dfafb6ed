import { ConfigError } from '../../model/errors/SetupErrors.js';
import { LazyPart } from '../../model/LazyPart.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { osUser } from './osUser.js';
import { openTerminal } from './openTerminal.js';
import type { Terminal } from './openTerminal.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

export type { Terminal } from './openTerminal.js';

/** What is needed once a person sits at a terminal. */
const asking = new LazyPart(() => import('./TerminalSession.js'));

/** Decides approvals as they are requested. */
export interface Approver {
  /**
   * Starts deciding the approvals of a desk.
   *
   * @returns a function that stops it
   */
  attach(desk: ApprovalDesk): () => void;
}

/** Options of {@link terminalApprover}. */
export interface TerminalApproverOptions {
  /**
   * The id of the person at the keyboard.
   *
   * @defaultValue the operating system's user
   */
  readonly by?: string | undefined;
  /** Where to read and write instead of the terminal device; for programs that own the screen, and for tests. */
  readonly terminal?: Terminal | undefined;
}

const TERMINAL_OPTIONS: OptionKinds<TerminalApproverOptions> = { by: 'any', terminal: 'object' };

/**
 * Asks the person at the keyboard to decide approvals. It reads the terminal device, never stdin, which may be piped from anywhere. The answer is No
 * unless the person types the first four characters of the digest, so that neither Enter nor a stray key approves. Without a terminal it decides
 * nothing, and the option `unattended` applies.
 *
 * @returns an approver for `approvers` of a module, or for a desk
 * @throws ConfigError where `by` cannot be the id of a person
 */
export function terminalApprover(options: TerminalApproverOptions = {}): Approver {
  const { by = osUser(), terminal } = checkedOptions('terminalApprover()', options, TERMINAL_OPTIONS);
  if (personId(by) === undefined) throw new ConfigError([{ where: 'terminalApprover(): by', message: `must be ${PERSON_ID}.` }]);
  return {
    attach(desk) {
      const found = terminal ?? openTerminal();
      if (found === undefined) return () => {};
      const stop = askAt(found, desk, by);
      return () => {
        stop();
        if (terminal !== undefined) return;
        found.input.destroy();
        found.output.destroy();
      };
    },
  };
}

/** Asks at a terminal. What is requested before that can be done is asked about then. */
function askAt(terminal: Terminal, desk: ApprovalDesk, by: string): () => void {
  const { input, output } = terminal;
  const waiting: ApprovalRecord[] = [];
  const wait = (record: ApprovalRecord): void => void waiting.push(record);
  const ignore = (): void => {};
  // who listens attends
  desk.on('requested', wait);
  input.on('error', ignore);
  output.on('error', ignore);
  const leave = (): void => {
    desk.off('requested', wait);
    input.off('error', ignore);
    output.off('error', ignore);
  };
  let stop: (() => void) | undefined = leave;
  asking.use(({ TerminalSession }) => {
    if (stop === undefined) return;
    const session = new TerminalSession(desk, terminal, by, waiting);
    leave();
    stop = () => session.stop();
  });
  return () => {
    stop?.();
    stop = undefined;
  };
}
