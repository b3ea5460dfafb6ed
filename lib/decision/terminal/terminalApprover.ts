import { userInfo } from 'node:os';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { openTerminal, TerminalSession } from './TerminalSession.js';
import type { Terminal } from './TerminalSession.js';

export type { Terminal } from './TerminalSession.js';

/** Somebody who decides approvals as they come. */
export interface Approver {
  /** Starts deciding. Returns what stops it. */
  attach(desk: ApprovalDesk): () => void;
}

export interface TerminalApproverOptions {
  /** Who sits at the keyboard. Default: the operating system's user. */
  readonly by?: string | undefined;
  /** Where to read and write instead of the terminal device; for programs that own the screen, and for specs. */
  readonly terminal?: Terminal | undefined;
}

/**
 * Asks the person at the keyboard. Reads the terminal device itself, never standard input, which a program may have piped from anywhere. The answer
 * is No unless the person types the first four characters of the digest, so that neither Enter nor a stray key approves. Where there is no terminal
 * it attends to nothing, and `unattended` says what becomes of approvals.
 */
export function terminalApprover({ by = osUser(), terminal }: TerminalApproverOptions = {}): Approver {
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

/** A user id without a name, as containers have, has no user info. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid:${process.getuid?.() ?? 'unknown'}`;
  }
}
