/** Something that emits warnings: the process. */
interface Warns {
  emitWarning(warning: string | Error, ...more: unknown[]): void;
}

const SQLITE = 'SQLite is an experimental feature';

/**
 * Keeps from the user of a command the one warning that Node 22 gives of its SQLite: it is tested there, and nothing that a user can change. Every other
 * warning is shown.
 */
export function withoutSqliteWarning(target: Warns): void {
  const emitWarning = target.emitWarning.bind(target);
  target.emitWarning = (warning, ...more) => {
    const [type] = more;
    if (type === 'ExperimentalWarning' && String(warning).startsWith(SQLITE)) return;
    emitWarning(warning, ...more);
  };
}
