import { ConfigError } from '../../model/errors/SetupErrors.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { osUser } from './osUser.js';
import { openTerminal, TerminalSession } from './TerminalSession.js';
import type { Terminal } from './TerminalSession.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

export type { Terminal } from './TerminalSession.js';

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
      const session = new TerminalSession(desk, found, by);
      return () => {
        session.stop();
        if (terminal !== undefined) return;
        found.input.destroy();
        found.output.destroy();
      };
    },
  };
}
